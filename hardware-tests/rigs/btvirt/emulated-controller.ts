import type { Socket } from 'node:net';
import { H4Reader } from '../air/controller/h4-reader.js';
import { COMMAND, EVENT, LE_EVENT, PACKET, ROLE } from '../air/controller/hci.js';
import { addressText } from '../air/controller/octets.js';
import type { HostWire } from '../air/controller/virtual-controller.js';

/** Octets of a Bluetooth address. */
const ADDRESS = 6;
/** The first connection of a controller (`ACL_HANDLE` of the emulator); the next ones take the lowest number that is free. */
const FIRST_HANDLE = 42;
const HANDLE_BITS = 0x0fff;
/** The peer switches its power off (Core Vol 1 Part F). */
const POWER_OFF = 0x15;
const SCAN_AGAIN_MS = 500;
/** Where things stand in a packet, its type at 0. */
const AT = {
  opcode: 1,
  parameters: 4,
  acl: 5,
  completed: { opcode: 4, address: 7 },
  connection: { status: 4, handle: 5, role: 7, peer: 9 },
  disconnection: { status: 3, handle: 4 },
} as const;

/**
 * A controller of BlueZ's emulator `btvirt -s`, with what keeps it from having more than one connection put right. The emulator gives each
 * end of a connection a number of its own, but tells the peripheral the number of the central, and passes data on under the number of the
 * sender. So data travels with the sender's address in front, and the numbers of the peripheral are counted here. It also says nothing to the
 * other end when a controller is reset or goes away: connections are ended first. And who scans hears each advertisement once only: scanning
 * begins anew twice a second.
 */
export class EmulatedController {
  readonly #socket: Socket;
  /** Connections by their number; the address is the peer's, lowest octet first, in hexadecimal. */
  readonly #peers = new Map<number, string>();
  /** Who waits for the answers to commands that begin or end scanning, in their order. */
  readonly #scanCommands: ('host' | 'own')[] = [];
  #host: HostWire | undefined;
  #scanAgain: NodeJS.Timeout | undefined;
  #address = Buffer.alloc(ADDRESS);
  #known = (_address: string) => {};

  /** `socket`: connected to the emulator. */
  constructor(socket: Socket) {
    this.#socket = socket;
    const reader = new H4Reader((packet) => this.#fromEmulator(packet));
    socket.on('data', (octets: Buffer) => reader.push(octets));
    socket.on('error', () => {});
  }

  /** Asks for the address. */
  start(): Promise<string> {
    const address = new Promise<string>((resolve) => {
      this.#known = resolve;
    });
    this.#command(COMMAND.reset);
    this.#command(COMMAND.readAddress);
    return address;
  }

  attach(host: HostWire): void {
    this.#host = host;
  }

  /** Its host is gone. */
  detach(): void {
    this.#host = undefined;
    this.reset();
  }

  reset(): void {
    this.#forget();
    this.#command(COMMAND.reset);
  }

  /** The emulator is never told to wait. */
  hostIsReady(): void {}

  /** One whole packet of the host. */
  receive(packet: Buffer): void {
    if (packet[0] === PACKET.acl) {
      const tagged = Buffer.concat([packet.subarray(0, AT.acl), this.#address, packet.subarray(AT.acl)]);
      tagged.writeUInt16LE(packet.readUInt16LE(3) + ADDRESS, 3);
      this.#socket.write(tagged);
      return;
    }
    const opcode = packet[0] === PACKET.command ? packet.readUInt16LE(AT.opcode) : undefined;
    if (opcode === COMMAND.reset) this.#forget();
    if (opcode === COMMAND.leEnableScanning) this.#scan(packet.subarray(AT.parameters));
    this.#socket.write(packet);
  }

  /** It is pulled out. */
  end(): void {
    this.#host = undefined;
    this.#forget();
    // The emulator does not notice that only one half of the socket is closed.
    this.#socket.destroySoon();
  }

  #command(opcode: number, ...parameters: readonly number[]): void {
    this.#socket.write(Buffer.from([PACKET.command, opcode & 0xff, opcode >> 8, parameters.length, ...parameters]));
  }

  /** The host begins or ends scanning. */
  #scan([enable = 0, filter = 0]: Uint8Array): void {
    clearInterval(this.#scanAgain);
    this.#scanCommands.push('host');
    if (enable === 0) return;
    this.#scanAgain = setInterval(() => {
      for (const on of [0, 1]) {
        this.#scanCommands.push('own');
        this.#command(COMMAND.leEnableScanning, on, filter);
      }
    }, SCAN_AGAIN_MS);
  }

  #forget(): void {
    clearInterval(this.#scanAgain);
    for (const handle of this.#peers.keys()) this.#command(COMMAND.disconnect, handle & 0xff, handle >> 8, POWER_OFF);
    this.#peers.clear();
  }

  #fromEmulator(packet: Buffer): void {
    if (packet[0] === PACKET.acl) {
      const owned = this.#untagged(packet);
      if (owned !== undefined) this.#host?.send(owned);
      return;
    }
    const event = Buffer.from(packet);
    const answered = event[1] === EVENT.commandComplete ? event.readUInt16LE(AT.completed.opcode) : undefined;
    if (answered === COMMAND.leEnableScanning && this.#scanCommands.shift() === 'own') return;
    if (answered === COMMAND.readAddress) {
      const { address } = AT.completed;
      this.#address = event.subarray(address, address + ADDRESS);
      this.#known(addressText(this.#address));
    } else if (event[1] === EVENT.le && event[3] === LE_EVENT.connectionComplete) this.#connected(event);
    else if (event[1] === EVENT.disconnectionComplete && event[AT.disconnection.status] === 0)
      this.#peers.delete(event.readUInt16LE(AT.disconnection.handle));
    this.#host?.send(event);
  }

  #connected(event: Buffer): void {
    const { status, handle, role, peer } = AT.connection;
    if (event[status] !== 0) return;
    if (event[role] === ROLE.peripheral) event.writeUInt16LE(this.#freeHandle(), handle);
    this.#peers.set(event.readUInt16LE(handle), event.toString('hex', peer, peer + ADDRESS));
  }

  #freeHandle(): number {
    let handle = FIRST_HANDLE;
    while (this.#peers.has(handle)) handle++;
    return handle;
  }

  /** Undefined: of a connection that is over. */
  #untagged(packet: Buffer): Buffer | undefined {
    const sender = packet.toString('hex', AT.acl, AT.acl + ADDRESS);
    const own = [...this.#peers].find(([, peer]) => peer === sender)?.[0];
    if (own === undefined) return undefined;
    const plain = Buffer.concat([packet.subarray(0, AT.acl), packet.subarray(AT.acl + ADDRESS)]);
    plain.writeUInt16LE((packet.readUInt16LE(1) & ~HANDLE_BITS) | own, 1);
    plain.writeUInt16LE(packet.readUInt16LE(3) - ADDRESS, 3);
    return plain;
  }
}
