import { connect, type Socket } from 'node:net';
import { H4Reader } from '../controller/h4-reader.js';
import { COMMAND, EVENT, LE_EVENT, PACKET } from '../controller/hci.js';
import { u16 } from '../controller/octets.js';
import type { LongTermKeys } from './long-term-keys.js';

/** What a socket of this process wants to hear of its controller. */
export interface ConnectionUser {
  packet(packet: Buffer): void;
  /** The adapter is gone. */
  gone(): void;
}

const connections = new Map<string, ControllerConnection>();

/** The one connection of this process to a controller. All users see every packet; requests for keys are answered as a kernel does. */
export class ControllerConnection {
  readonly #path: string;
  readonly #keys: LongTermKeys;
  readonly #socket: Socket;
  readonly #users = new Set<ConnectionUser>();

  private constructor(path: string, keys: LongTermKeys) {
    this.#path = path;
    this.#keys = keys;
    this.#socket = connect(path);
    const reader = new H4Reader((packet) => this.#receive(packet));
    this.#socket.setNoDelay(true);
    this.#socket.on('data', (octets: Buffer) => reader.push(octets));
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => {
      connections.delete(path);
      for (const user of [...this.#users]) user.gone();
    });
  }

  /** The connection to the socket at `path`, made by its first user. */
  static join(path: string, keys: LongTermKeys, user: ConnectionUser): ControllerConnection {
    let connection = connections.get(path);
    if (connection === undefined) {
      connection = new ControllerConnection(path, keys);
      connections.set(path, connection);
    }
    connection.#users.add(user);
    return connection;
  }

  leave(user: ConnectionUser): void {
    this.#users.delete(user);
    if (this.#users.size > 0) return;
    connections.delete(this.#path);
    this.#socket.destroy();
  }

  write(packet: Uint8Array): void {
    this.#socket.write(Buffer.from(packet));
  }

  #receive(packet: Buffer): void {
    if (packet[0] === PACKET.event && packet[1] === EVENT.le && packet[3] === LE_EVENT.keyRequest) this.#answerKeyRequest(packet);
    for (const user of [...this.#users]) user.packet(Buffer.from(packet));
  }

  #answerKeyRequest(request: Buffer): void {
    const handle = request.subarray(4, 6);
    const key = this.#keys.find(request.subarray(6, 16));
    const parameters = key === undefined ? handle : Buffer.concat([handle, key]);
    const opcode = key === undefined ? COMMAND.leRefuseKey : COMMAND.leReplyKey;
    this.write(Buffer.concat([Buffer.from([PACKET.command, ...u16(opcode), parameters.length]), parameters]));
  }
}
