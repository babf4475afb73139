import { createSocket, type Socket, type SocketOptions } from 'node:dgram';
import type { Clock } from '../../ports.js';
import { isLoopback } from './addresses.js';
import { chooseInterfaces, type HostNetwork, hostNetwork, type NetworkInterface, readInterfaces } from './network-interfaces.js';

export interface InterfaceWatchOptions {
  readonly clock: Clock;
  /** Names of the interfaces to use; absent: all but loopback and those of containers, loopback alone when there is nothing else. */
  readonly interfaces?: readonly string[] | undefined;
  /** Time between two looks. Default: 1,000 ms. */
  readonly pollMs?: number;
  readonly network?: HostNetwork;
}

/**
 * Knows which network interfaces are to be used and tells when that changes. It looks by itself, because no system tells Node.
 * Where the system does not allow to look (Android), it uses the one address that the default route sends from.
 */
export class InterfaceWatch {
  readonly #clock: Clock;
  readonly #wanted: readonly string[] | undefined;
  readonly #pollMs: number;
  readonly #network: HostNetwork;
  readonly #listeners = new Set<() => void>();
  #current: readonly NetworkInterface[] = [];
  #fingerprint = '[]';
  #problem: string | undefined;
  #blind = false;
  #probing: Promise<void> | undefined;
  #cancel: (() => void) | undefined;
  #stopped = false;

  constructor(options: InterfaceWatchOptions) {
    this.#clock = options.clock;
    this.#wanted = options.interfaces;
    this.#pollMs = options.pollMs ?? 1_000;
    this.#network = options.network ?? hostNetwork;
  }

  /** The interfaces in use. */
  get current(): readonly NetworkInterface[] {
    return this.#current;
  }

  /** Names were given: nothing else may be touched, not even by listening there. */
  get restricted(): boolean {
    return this.#wanted !== undefined;
  }

  /** The system does not let us see the interfaces, so nothing can be told apart by them. */
  get blind(): boolean {
    return this.#blind;
  }

  /** What a person should know, in one sentence. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** A UDP socket on the network that is watched. */
  createSocket(options: SocketOptions): Socket {
    return this.#network.createSocket?.(options) ?? createSocket(options);
  }

  /** Calls `listener` after each change, until the returned function is called. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Looks for the first time and goes on looking until {@link InterfaceWatch.stop}. */
  async start(): Promise<void> {
    this.check();
    await this.#probing;
    const wait = () => {
      if (this.#stopped) return;
      this.#cancel = this.#clock.after(this.#pollMs, () => {
        this.check();
        wait();
      });
    };
    wait();
  }

  /** Looks now. */
  check(): void {
    try {
      const all = readInterfaces(this.#network);
      this.#blind = false;
      const chosen = chooseInterfaces(all, this.#wanted);
      this.#use(chosen, this.#complaint(all, chosen));
    } catch {
      this.#blind = true;
      this.#probing ??= this.#probe().finally(() => {
        this.#probing = undefined;
      });
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
    this.#listeners.clear();
  }

  async #probe(): Promise<void> {
    const onlyLoopback = this.#wanted?.every((name) => name === 'lo') ?? false;
    const address = (onlyLoopback ? undefined : await this.#network.sourceAddress()) ?? '127.0.0.1';
    const one: NetworkInterface = {
      name: 'default',
      loopback: isLoopback(address),
      mac: '',
      addresses: [{ address, family: 4, prefix: 24, scope: 0 }],
    };
    if (this.#blind) this.#use([one], undefined);
  }

  #complaint(all: readonly NetworkInterface[], chosen: readonly NetworkInterface[]): string | undefined {
    if (this.#wanted === undefined && chosen.every((network) => network.loopback)) {
      return 'This device is in no network, so nobody nearby can be found: connect it.';
    }
    const absent = this.#wanted?.filter((name) => name !== 'lo' && !all.some((i) => i.name === name)) ?? [];
    if (absent.length === 0) return undefined;
    const present = all.map((i) => i.name).join(', ') || 'none';
    return `The network interface ${absent.join(', ')} named in pan.lan.interfaces is not up; there are now: ${present}.`;
  }

  #use(chosen: readonly NetworkInterface[], problem: string | undefined): void {
    const fingerprint = JSON.stringify([chosen, problem]);
    if (fingerprint === this.#fingerprint) return;
    this.#fingerprint = fingerprint;
    this.#current = chosen;
    this.#problem = problem;
    for (const listener of [...this.#listeners]) listener();
  }
}
