import type { Reachability, Uplink, UplinkEvents } from '@cpns/agent';
import { type Clock, CpnsError, sleep } from '@cpns/shared';
import type { Cable } from './cable.js';

/** Who hears nothing for so long takes the connection for lost: one and a half times the keep-alive of 10 s. */
const SILENCE_MS = 15_000;
const ACKNOWLEDGE_MS = 10_000;
const CONNECT_MS = 5_000;
const RETRY_MS = 1_500;

export interface CabledUplinkOptions {
  /** The way to the server where no cable is pulled. */
  readonly inner: Uplink;
  readonly clock: Clock;
  /** All of them must be plugged in. */
  readonly cables: readonly Cable[];
  /** Of the server, `HOST:PORT`. */
  readonly address: string;
}

/** The uplink of a simulated computer that can lose its network and its power. */
export class CabledUplink implements Uplink {
  readonly address: string;
  readonly #options: CabledUplinkOptions;
  readonly #forget: (() => void)[];
  #events: UplinkEvents | undefined;
  /** The inner uplink runs. */
  #running = false;
  #connected = false;
  #cancel = () => {};

  constructor(options: CabledUplinkOptions) {
    this.#options = options;
    this.address = options.address;
    this.#forget = options.cables.map((cable) => cable.onPull(() => this.#pulled()));
  }

  get isConnected(): boolean {
    return this.#connected;
  }

  start(events: UplinkEvents): void {
    this.#events = events;
    this.#connect();
  }

  async publish(payload: Uint8Array): Promise<void> {
    if (this.#plugged) return this.#options.inner.publish(payload);
    await sleep(this.#options.clock, ACKNOWLEDGE_MS);
    this.#lost('The server did not acknowledge a message in time.');
    throw new CpnsError('Transport', 'UplinkLost', 'The connection to the server broke.');
  }

  async probe(signal: AbortSignal): Promise<Reachability> {
    const { clock, inner } = this.#options;
    if (this.#plugged) return inner.probe(signal);
    await sleep(clock, CONNECT_MS, signal).catch(() => {});
    return { reachable: false, reason: 'The server does not answer.', atMonotonicMs: clock.monotonicMs() };
  }

  async stop(): Promise<void> {
    this.#events = undefined;
    this.#cancel();
    for (const forget of this.#forget) forget();
    this.#connected = false;
    if (this.#running) await this.#options.inner.stop();
    this.#running = false;
  }

  get #plugged(): boolean {
    return this.#options.cables.every((cable) => cable.plugged);
  }

  #connect(): void {
    const { inner, clock } = this.#options;
    if (this.#events === undefined) return;
    if (!this.#plugged) {
      this.#cancel = clock.after(CONNECT_MS, () => {
        this.#events?.disconnected('The server does not answer.');
        this.#cancel = clock.after(RETRY_MS, () => this.#connect());
      });
      return;
    }
    this.#running = true;
    inner.start({
      connected: () => {
        this.#connected = true;
        this.#events?.connected();
      },
      disconnected: (reason) => {
        this.#connected = false;
        this.#events?.disconnected(reason);
      },
      message: (payload) => {
        if (this.#plugged) this.#events?.message(payload);
      },
    });
  }

  #pulled(): void {
    if (!this.#running) return;
    this.#cancel();
    this.#cancel = this.#options.clock.after(SILENCE_MS, () => this.#lost('The server has fallen silent.'));
  }

  #lost(reason: string): void {
    if (!this.#running || this.#events === undefined) return;
    this.#cancel();
    this.#running = false;
    this.#connected = false;
    void this.#options.inner.stop();
    this.#events.disconnected(reason);
    this.#cancel = this.#options.clock.after(RETRY_MS, () => this.#connect());
  }
}
