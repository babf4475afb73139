import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { type Clock, formatHostPort, type HostPort } from '@cpns/shared';
import { WebSocketSplitter } from '../rigs/lan/websocket-splitter.js';

const LOOPBACK = '127.0.0.1';

/** Which way octets go, seen from the one who dialled. */
export type Way = 'out' | 'in';

/** Octets that passed at one moment. */
export interface Passage {
  readonly atMs: number;
  readonly way: Way;
  readonly octets: number;
  /** Binary WebSocket messages that ended with them; 0 on a hop of another kind. */
  readonly messages: number;
}

/** Carries TCP connections on loopback to a target and notes what passes; it changes and delays nothing on purpose. */
export class CountingProxy {
  readonly #server: Server;
  readonly #clock: Clock;
  readonly #sockets = new Set<Socket>();
  readonly #webSocket: boolean;
  #target: HostPort | undefined;
  #passages: Passage[] = [];

  private constructor(clock: Clock, webSocket: boolean) {
    this.#clock = clock;
    this.#webSocket = webSocket;
    this.#server = createServer((near) => this.#accept(near));
  }

  /** `webSocket`: the connections are WebSockets, whose messages are counted. */
  static async open(clock: Clock, options: { readonly webSocket: boolean }): Promise<CountingProxy> {
    const proxy = new CountingProxy(clock, options.webSocket);
    await new Promise<void>((resolve, reject) => proxy.#server.once('error', reject).listen(0, LOOPBACK, resolve));
    return proxy;
  }

  /** `HOST:PORT` to dial in place of the target. */
  get address(): string {
    return formatHostPort(LOOPBACK, (this.#server.address() as AddressInfo).port);
  }

  aim(target: HostPort): void {
    this.#target = target;
  }

  /** What has passed since the last call. */
  take(): readonly Passage[] {
    const passages = this.#passages;
    this.#passages = [];
    return passages;
  }

  /** Monotonic time of the last passage. */
  get lastMs(): number {
    return this.#passages.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(near: Socket): void {
    if (this.#target === undefined) return void near.destroy();
    const far = connect(this.#target);
    this.#carry('out', near, far);
    this.#carry('in', far, near);
  }

  #carry(way: Way, from: Socket, to: Socket): void {
    const splitter = this.#webSocket ? new WebSocketSplitter() : undefined;
    this.#sockets.add(from);
    from.setNoDelay(true);
    from.on('error', () => from.destroy());
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroy();
    });
    from.on('data', (octets: Buffer) => {
      to.write(octets);
      const messages = splitter?.push(octets).filter((piece) => piece.kind === 'frame' && piece.binary).length ?? 0;
      this.#passages.push({ atMs: this.#clock.monotonicMs(), way, octets: octets.length, messages });
    });
  }
}
