import type { Clock, Entropy } from '@cpns/shared';
import { aclPackets, L2capAssembler, type L2capPacket, readAcl } from '../air/controller/acl.js';
import { Attack } from '../air/controller/attack.js';
import { CHANNEL, COMMAND, EVENT, LE_EVENT, PACKET, ROLE, STATUS } from '../air/controller/hci.js';
import { completedPackets } from '../air/controller/hci-events.js';
import type { Interceptor } from '../air/controller/interceptor.js';
import { addressText, u16 } from '../air/controller/octets.js';
import type { HostWire } from '../air/controller/virtual-controller.js';
import type { DoorController } from '../air/process/controller-door.js';

const ADDRESS = 6;
/** Every controller takes and gives data in packets of this size (Bluetooth Core Vol 4 Part E, 7.8.2). */
const ACL_OCTETS = 27;
/** Where things stand in an event, its type at 0. */
const AT = {
  connection: { status: 4, handle: 5, role: 7, peer: 9 },
  disconnection: { status: 3, handle: 4 },
  completed: { handle: 4 },
} as const;

interface AttackedConnection {
  readonly isCentral: boolean;
  readonly interceptor: Interceptor | undefined;
  readonly fromHost: L2capAssembler;
  readonly fromAir: L2capAssembler;
}

/**
 * Somebody on the wire between a host and its controller (H4), and so on every connection of that host: what the two say to each other passes
 * through his hands, and he can say more in the name of both. He needs no air of his own.
 */
export class AttackedController implements DoorController, HostWire {
  readonly attack: Attack;
  readonly #inner: DoorController;
  readonly #address: string;
  readonly #connections = new Map<number, AttackedConnection>();
  #host: HostWire | undefined;

  /** `address`: of the controller behind him. */
  constructor(inner: DoorController, address: string, clock: Clock, entropy: Entropy) {
    this.#inner = inner;
    this.#address = address;
    this.attack = new Attack(clock, entropy, address, () => this.#cut());
  }

  get isReady(): boolean {
    return this.#host?.isReady ?? false;
  }

  attach(host: HostWire): void {
    this.#host = host;
    this.#inner.attach(this);
  }

  detach(): void {
    this.#forget();
    this.#host = undefined;
    this.#inner.detach();
  }

  reset(): void {
    this.#forget();
    this.#inner.reset();
  }

  hostIsReady(): void {
    this.#inner.hostIsReady();
  }

  /** One whole packet of the host. */
  receive(packet: Buffer): void {
    if (packet[0] === PACKET.command && packet.readUInt16LE(1) === COMMAND.reset) this.#forget();
    const { connection, handle, whole } = this.#data(packet, 'fromHost');
    if (connection === undefined) return this.#inner.receive(packet);
    this.#host?.send(completedPackets(handle, 1));
    if (whole !== undefined && !isTaken(connection, connection.isCentral, whole)) this.#toAir(handle, whole);
  }

  /** One whole packet of the controller. */
  send(packet: Buffer): void {
    const { connection, handle, whole } = this.#data(packet, 'fromAir');
    if (connection !== undefined) {
      if (whole !== undefined && !isTaken(connection, !connection.isCentral, whole)) this.#toHost(handle, whole);
      return;
    }
    if (packet[0] === PACKET.event) {
      // The host was told when its packets were taken.
      if (packet[1] === EVENT.completedPackets && this.#connections.has(packet.readUInt16LE(AT.completed.handle))) return;
      if (packet[1] === EVENT.le && packet[3] === LE_EVENT.connectionComplete) this.#connected(packet);
      if (packet[1] === EVENT.disconnectionComplete) this.#disconnected(packet);
    }
    this.#host?.send(packet);
  }

  #data(packet: Buffer, way: 'fromHost' | 'fromAir'): { connection?: AttackedConnection; handle: number; whole?: L2capPacket | undefined } {
    if (packet[0] !== PACKET.acl) return { handle: 0 };
    const piece = readAcl(packet);
    const connection = this.#connections.get(piece.handle);
    if (connection === undefined) return { handle: piece.handle };
    return { connection, handle: piece.handle, whole: connection[way].push(piece) };
  }

  #connected(event: Buffer): void {
    const { status, handle: at, role, peer } = AT.connection;
    if (event[status] !== STATUS.success) return;
    const handle = event.readUInt16LE(at);
    const other = addressText(event.subarray(peer, peer + ADDRESS));
    const isCentral = event[role] === ROLE.central;
    const [central, peripheral] = isCentral ? [this.#address, other] : [other, this.#address];
    const interceptor = this.attack.intercept(central, peripheral, (toCentral, payload) => {
      const packet = { channel: CHANNEL.att, payload };
      if (!this.#connections.has(handle)) return;
      if (toCentral === isCentral) this.#toHost(handle, packet);
      else this.#toAir(handle, packet);
    });
    this.#connections.set(handle, { isCentral, interceptor, fromHost: new L2capAssembler(), fromAir: new L2capAssembler() });
  }

  #disconnected(event: Buffer): void {
    if (event[AT.disconnection.status] !== STATUS.success) return;
    const handle = event.readUInt16LE(AT.disconnection.handle);
    this.#connections.get(handle)?.interceptor?.close();
    this.#connections.delete(handle);
  }

  #toHost(handle: number, packet: L2capPacket): void {
    for (const piece of aclPackets(handle, packet, ACL_OCTETS)) this.#host?.send(piece);
  }

  #toAir(handle: number, packet: L2capPacket): void {
    for (const piece of aclPackets(handle, packet, ACL_OCTETS, 'host')) this.#inner.receive(piece);
  }

  /** In order: he speaks for the host, whose controller tells both. */
  #cut(): void {
    for (const handle of this.#connections.keys()) {
      const parameters = [...u16(handle), STATUS.endedByRemoteUser];
      this.#inner.receive(Buffer.from([PACKET.command, ...u16(COMMAND.disconnect), parameters.length, ...parameters]));
    }
  }

  #forget(): void {
    for (const { interceptor } of this.#connections.values()) interceptor?.close();
    this.#connections.clear();
  }
}

function isTaken({ interceptor }: AttackedConnection, fromCentral: boolean, { channel, payload }: L2capPacket): boolean {
  return channel === CHANNEL.att && interceptor?.take(fromCentral, payload) === true;
}
