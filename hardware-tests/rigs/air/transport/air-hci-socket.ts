import { EventEmitter } from 'node:events';
import { type AdapterEntry, HOST_VARIABLE, readAdapters } from '../adapter-list.js';
import { COMMAND, PACKET } from '../controller/hci.js';
import { areAdaptersForbidden, takeHang } from '../kernel-whims.js';
import { type ConnectionUser, ControllerConnection } from './controller-connection.js';
import { LongTermKeys } from './long-term-keys.js';
import { ManagementChannel } from './management-channel.js';

/** As `getDeviceList` of the package describes an adapter. */
interface Device {
  readonly devId: number;
  readonly devUp: boolean;
  readonly idVendor: null;
  readonly idProduct: null;
  readonly busNumber: null;
  readonly deviceAddress: null;
}

/** The kernel of this process's host has one list of keys. */
const keys = new LongTermKeys();

function systemError(code: string, message: string): NodeJS.ErrnoException {
  return Object.assign(new Error(message), { code });
}

function isConnect(packet: Buffer): boolean {
  return packet[0] === PACKET.command && packet.length > 2 && packet.readUInt16LE(1) === COMMAND.leCreateConnection;
}

/** Blocks this process, as a native call does. */
function standStill(ms: number): void {
  if (ms > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/**
 * Has the methods of `@abandonware/bluetooth-hci-socket` and behaves as its sockets on Linux do, over adapters of an air process in place of
 * those of the kernel. The environment variable {@link HOST_VARIABLE} says which host this process runs on.
 */
export class AirHciSocket extends EventEmitter {
  readonly #directory: string;
  readonly #user: ConnectionUser;
  #bound: AdapterEntry | undefined;
  #management: ManagementChannel | undefined;
  #isStarted = false;
  #connection: ControllerConnection | undefined;

  /** @throws Error EAFNOSUPPORT where there is no host */
  constructor() {
    super();
    const directory = process.env[HOST_VARIABLE];
    if (directory === undefined) throw systemError('EAFNOSUPPORT', 'Address family not supported by protocol');
    this.#directory = directory;
    this.#user = {
      packet: (packet) => {
        if (this.#isStarted) this.emit('data', packet);
      },
      gone: () => {
        this.#connection = undefined;
        if (this.#isStarted) this.emit('error', systemError('EPIPE', 'Broken pipe'));
      },
    };
  }

  getDeviceList(): Device[] {
    const unknown = { idVendor: null, idProduct: null, busNumber: null, deviceAddress: null };
    return readAdapters(this.#directory).map(({ index, isUp }) => ({ devId: index, devUp: isUp, ...unknown }));
  }

  /** Without a number: the first adapter that is up. @throws Error ENODEV */
  bindRaw(devId?: number): number {
    const adapters = readAdapters(this.#directory);
    const adapter = adapters.find(({ index, isUp }) => (devId === undefined ? isUp : index === devId));
    if (adapter === undefined) throw systemError('ENODEV', 'No such device');
    this.#connection?.leave(this.#user);
    this.#bound = adapter;
    this.#connection = ControllerConnection.join(adapter.socket, keys, this.#user);
    return adapter.index;
  }

  bindUser(devId?: number): number {
    return this.bindRaw(devId);
  }

  /** The management channel of the kernel; no controller hears what is written to it. */
  bindControl(): void {
    this.#management = new ManagementChannel(this.#directory, keys, (packet) => this.#user.packet(packet));
  }

  isDevUp(): boolean {
    const index = this.#bound?.index;
    return readAdapters(this.#directory).some((adapter) => adapter.index === index && adapter.isUp);
  }

  start(): void {
    this.#isStarted = true;
    this.#management?.start();
  }

  stop(): void {
    this.#isStarted = false;
    this.#management?.stop();
    this.#connection?.leave(this.#user);
    this.#connection = undefined;
  }

  reset(): void {}

  setFilter(_filter: Uint8Array): void {}

  cleanup(): void {}

  /** Without a command there is no connection, and so no other packet. */
  #isForbidden(packet: Buffer): boolean {
    return packet[0] === PACKET.command && areAdaptersForbidden(this.#directory);
  }

  write(packet: Buffer): void {
    if (this.#management !== undefined) return this.#management.command(packet);
    if (isConnect(packet)) standStill(takeHang(this.#directory));
    if (this.#connection === undefined) this.emit('error', systemError('EBADFD', 'File descriptor in bad state'));
    else if (this.#isForbidden(packet)) this.emit('error', systemError('EPERM', 'Operation not permitted'));
    else if (this.isDevUp()) this.#connection.write(packet);
    else this.emit('error', systemError('ENETDOWN', 'Network is down'));
  }
}
