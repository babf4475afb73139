import type { RemoteInfo, Socket } from 'node:dgram';
import { EventEmitter } from 'node:events';
import type { Clock } from '@cpns/shared';
import type { HostNetwork } from '@cpns/shared/node';
import type { Cable } from './cable.js';

const DELAY_MS = 1;
const MDNS_PORT = 5353;
const PREFIX_BITS = 24;
const NETMASK = '255.255.255.0';
const NO_MAC = '00:00:00:00:00:00';

/** A computer on a simulated network: one interface with one IPv4 address. */
export interface MulticastHost {
  readonly address: string;
  readonly cable: Cable;
  /** Hosts of different rooms do not hear each other. */
  readonly room: string;
}

/** The network of one run of a program on a simulated computer. */
export interface SimulatedNetwork extends Required<HostNetwork> {
  /** The program is gone: its sockets neither say nor hear anything any more. */
  end(): void;
}

/** The multicast group of mDNS within this process: whatever one host sends, all hosts of its room hear, itself included. */
export class Multicast {
  readonly #clock: Clock;
  readonly #members = new Set<GroupSocket>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What a program on that computer sees of the network. */
  network(host: MulticastHost): SimulatedNetwork {
    const own = new Set<GroupSocket>();
    const { address } = host;
    const only = { address, netmask: NETMASK, family: 'IPv4', mac: NO_MAC, internal: false, cidr: `${address}/${PREFIX_BITS}` } as const;
    return {
      interfaces: () => ({ sim0: [only] }),
      sourceAddress: async () => address,
      createSocket: () => {
        const socket = new GroupSocket(host, this.#members, (octets) => this.#send(host, octets));
        own.add(socket);
        return socket as unknown as Socket;
      },
      end: () => {
        for (const socket of own) this.#members.delete(socket);
      },
    };
  }

  #send(from: MulticastHost, octets: Buffer): void {
    const remote: RemoteInfo = { address: from.address, family: 'IPv4', port: MDNS_PORT, size: octets.length };
    this.#clock.after(DELAY_MS, () => {
      for (const socket of [...this.#members]) {
        const { host } = socket;
        const isNear = host.room === from.room && from.cable.plugged && host.cable.plugged;
        if (isNear || host === from) socket.emit('message', Buffer.from(octets), remote);
      }
    });
  }
}

/** As much of a UDP socket as multicast DNS needs. */
class GroupSocket extends EventEmitter {
  readonly host: MulticastHost;
  readonly #members: Set<GroupSocket>;
  readonly #multicast: (octets: Buffer) => void;

  constructor(host: MulticastHost, members: Set<GroupSocket>, multicast: (octets: Buffer) => void) {
    super();
    this.host = host;
    this.#members = members;
    this.#multicast = multicast;
  }

  bind(_port: number, _address: string, bound: () => void): void {
    this.once('listening', bound);
    process.nextTick(() => this.emit('listening'));
  }

  send(octets: Buffer, from: number, length: number, _port: number, _address: string, sent: (error: null) => void): void {
    // Only members are reached, and only who is one sends here.
    if (this.#members.has(this)) this.#multicast(Buffer.from(octets.subarray(from, from + length)));
    process.nextTick(sent, null);
  }

  addMembership(): void {
    this.#members.add(this);
  }
  dropMembership(): void {
    this.#members.delete(this);
  }
  setMulticastTTL(): void {}
  setMulticastLoopback(): void {}
  setMulticastInterface(): void {}

  close(closed: () => void): void {
    this.#members.delete(this);
    process.nextTick(closed);
  }
}
