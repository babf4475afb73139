import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { H4Reader } from '../../../rigs/air/controller/h4-reader.js';
import { COMMAND, EVENT, LE_EVENT, PACKET, STATUS } from '../../../rigs/air/controller/hci.js';
import { addressOctets, u16 } from '../../../rigs/air/controller/octets.js';

/** A host without a library: it says to its adapter what no library would. */
export class RawHost {
  readonly #socket: Socket;
  readonly #packets: Buffer[] = [];
  #look = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    const reader = new H4Reader((packet) => {
      this.#packets.push(Buffer.from(packet));
      this.#look();
    });
    socket.on('data', (octets: Buffer) => reader.push(octets));
    socket.on('error', () => {});
  }

  /** On the first adapter of a host. */
  static async open(directory: string): Promise<RawHost> {
    const socket = connect(join(directory, 'hci0'));
    await once(socket, 'connect');
    return new RawHost(socket);
  }

  /** Can be connected to, until somebody has. */
  advertise(): void {
    this.#command(COMMAND.leSetAdvertisingParameters, [...u16(160), ...u16(160), 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0]);
    this.#command(COMMAND.leEnableAdvertising, [1]);
  }

  /** Gives the handle. A peer that does not advertise is waited for. */
  async connect(address: string): Promise<number> {
    const times = [18, 18, 0, 42, 0, 0].flatMap(u16);
    const from = this.#packets.length;
    this.#command(COMMAND.leCreateConnection, [...u16(96), ...u16(48), 0, 0, ...addressOctets(address), 0, ...times]);
    const complete = await this.#packet(from, (packet) => packet[1] === EVENT.le && packet[3] === LE_EVENT.connectionComplete);
    if (complete[4] !== STATUS.success) throw new Error(`Not connected: ${complete[4]}.`);
    return complete.readUInt16LE(5);
  }

  /** One ACL packet as it is, `begins` an L2CAP packet or goes on with one. */
  send(handle: number, octets: readonly number[], begins = true): void {
    const flags = begins ? 0 : 0x1000;
    this.#socket.write(Buffer.from([PACKET.acl, ...u16(handle | flags), ...u16(octets.length), ...octets]));
  }

  /** One PDU of the attribute protocol. */
  sendAtt(handle: number, pdu: readonly number[]): void {
    this.send(handle, [...u16(pdu.length), ...u16(4), ...pdu]);
  }

  /** Resolves when the peer or the adapter has ended the connection. */
  async disconnected(handle: number): Promise<void> {
    await this.#packet(0, (packet) => packet[1] === EVENT.disconnectionComplete && packet.readUInt16LE(4) === handle);
  }

  disconnect(handle: number): void {
    this.#command(COMMAND.disconnect, [...u16(handle), STATUS.endedByRemoteUser]);
  }

  close(): void {
    this.#socket.destroy();
  }

  #command(opcode: number, parameters: readonly number[]): void {
    this.#socket.write(Buffer.from([PACKET.command, ...u16(opcode), parameters.length, ...parameters]));
  }

  #packet(from: number, is: (packet: Buffer) => boolean): Promise<Buffer> {
    return new Promise((resolve) => {
      this.#look = () => {
        const found = this.#packets.slice(from).find((packet) => packet[0] === PACKET.event && is(packet));
        if (found !== undefined) resolve(found);
      };
      this.#look();
    });
  }
}
