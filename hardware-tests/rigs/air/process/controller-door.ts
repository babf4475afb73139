import { createServer, type Server, type Socket } from 'node:net';
import { H4Reader } from '../controller/h4-reader.js';
import type { HostWire, VirtualController } from '../controller/virtual-controller.js';

/** A process that does not read is sent no more than this. */
const MOST_UNREAD = 64 * 1024;

/** What a door needs of the controller behind it. */
export type DoorController = Pick<VirtualController, 'receive' | 'attach' | 'detach' | 'reset' | 'hostIsReady'>;

/** Where the processes of a host reach one controller: a unix socket. All of them see every packet, as with raw sockets of the kernel. */
export class ControllerDoor implements HostWire {
  readonly #controller: DoorController;
  readonly #server: Server;
  readonly #processes = new Set<Socket>();
  #isPowered = true;

  private constructor(controller: DoorController) {
    this.#controller = controller;
    this.#server = createServer((socket) => this.#admit(socket));
  }

  static async open(controller: DoorController, path: string): Promise<ControllerDoor> {
    const door = new ControllerDoor(controller);
    await new Promise<void>((resolve, reject) => {
      door.#server.once('error', reject);
      door.#server.listen(path, resolve);
    });
    return door;
  }

  get isReady(): boolean {
    return [...this.#processes].every((socket) => socket.writableLength < MOST_UNREAD);
  }

  send(packet: Buffer): void {
    for (const socket of this.#processes) socket.write(packet);
  }

  /** Without power the controller hears neither its host nor the others. */
  power(isOn: boolean): void {
    this.#isPowered = isOn;
    if (!isOn) this.#controller.reset();
  }

  async close(): Promise<void> {
    this.#controller.detach();
    for (const socket of this.#processes) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #admit(socket: Socket): void {
    const reader = new H4Reader((packet) => {
      if (this.#isPowered) this.#controller.receive(packet);
    });
    const leave = () => {
      if (this.#processes.delete(socket) && this.#processes.size === 0) this.#controller.detach();
      else this.#controller.hostIsReady();
    };
    this.#processes.add(socket);
    this.#controller.attach(this);
    socket.setNoDelay(true);
    socket.on('data', (octets: Buffer) => {
      try {
        reader.push(octets);
      } catch {
        socket.destroy();
      }
    });
    socket.on('drain', () => this.#controller.hostIsReady());
    socket.on('error', () => {});
    socket.on('close', leave);
  }
}
