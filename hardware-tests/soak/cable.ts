import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { HostPort } from '@cpns/shared';

const LOOPBACK = '127.0.0.1';

/** The way of one device to the server, which somebody may cut or unplug. */
export class Cable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #plugged = true;

  private constructor(target: HostPort) {
    this.#server = createServer({ noDelay: true }, (near) => {
      if (!this.#plugged) return void near.destroy();
      const far = connect({ ...target, noDelay: true });
      this.#join(near, far);
      this.#join(far, near);
    });
  }

  static async lay(target: HostPort): Promise<Cable> {
    const cable = new Cable(target);
    await new Promise<void>((resolve, reject) => cable.#server.once('error', reject).listen(0, LOOPBACK, resolve));
    return cable;
  }

  /** To be dialled in place of the target. */
  get address(): HostPort {
    return { host: LOOPBACK, port: (this.#server.address() as AddressInfo).port };
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.#sockets.size / 2;
  }

  /** Breaks what is connected; new connections get through. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** Out: nothing gets through, and what is connected breaks. */
  plug(plugged: boolean): void {
    this.#plugged = plugged;
    if (!plugged) this.cut();
  }

  async remove(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.on('error', () => from.destroy());
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroy();
    });
    from.pipe(to);
  }
}
