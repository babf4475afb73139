import { abortReason, type Clock, CpnsError, type Entropy, type Link, type Logger, retrySchedule } from '@cpns/shared';
import { EXIT } from './radio/exit.js';
import type { FromRadio, ToRadio } from './radio/messages.js';
import { RadioLink } from './radio-link.js';
import type { Radio, RadioDesire, RadioEvents } from './radio-port.js';
import { RadioProcess } from './radio-process.js';

export interface RadioSupervisorOptions {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly logger: Logger;
  /** Address of the adapter, `aa:bb:cc:dd:ee:ff`; empty: the first one that is on. */
  readonly adapter: string;
  /** Address of an adapter of its own for being connected to; empty: one adapter does both in turn. */
  readonly secondAdapter: string;
  /** Octets that may wait for a peer that reads slowly. Default: 4 MiB. */
  readonly maxQueuedOctets?: number;
  /** A radio process that says nothing for so long is killed. Default: 5,000 ms. */
  readonly stillMs?: number;
  /** Another program in the place of the radio process. */
  readonly program?: string;
  /** Variables of the radio process's environment beside those of this process. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** A radio process that has worked for so long ended by accident: the next one need not wait long. In milliseconds. */
const PROVED_GOOD_MS = 30_000;
/** Only a process that had worked can be one that somebody near knows how to end: he keeps Bluetooth away for so long at a time at most. */
const AWAY_MS = 5_000;
/** Waits before the next process: after one that had worked, one that did not get so far, and one that cannot work here. */
const AGAIN = {
  worked: { firstMs: 500, maxMs: AWAY_MS },
  neverReady: { firstMs: 500, maxMs: 30_000 },
  unfit: { firstMs: 60_000, maxMs: 600_000 },
} as const;
type End = keyof typeof AGAIN;

interface Attempt {
  done(message: Extract<FromRadio, { type: 'connected' | 'entityId' }>): void;
  fail(error: CpnsError): void;
}

/**
 * The radio as the agent has it: a process of its own, because the libraries can stand still for most of a minute and because only they
 * need a privilege. It is killed when it stands still and started again when it ends; its links are lost at once, all else goes on.
 */
export class RadioSupervisor implements Radio {
  readonly #options: RadioSupervisorOptions;
  readonly #links = new Map<number, RadioLink>();
  readonly #attempts = new Map<number, Attempt>();
  #events: RadioEvents | undefined;
  #desire: RadioDesire = { advertisement: undefined, readableId: '', scan: false, role: 'either' };
  #process: RadioProcess | undefined;
  #ready = false;
  #readyAtMs = 0;
  #waits: Readonly<Record<End, Generator<number, never>>>;
  #cancelStart = () => {};
  #problem: string | undefined;
  #lastAttempt = 0;
  #stopped = false;

  constructor(options: RadioSupervisorOptions) {
    this.#options = options;
    this.#waits = waits(options.entropy);
  }

  /** Of the radio process, while there is one. */
  get processId(): number | undefined {
    return this.#process?.pid;
  }

  start(events: RadioEvents): void {
    this.#events = events;
    this.#launch();
  }

  want(desire: RadioDesire): void {
    this.#desire = desire;
    this.#say({ type: 'want', desire });
  }

  async connect(address: string, signal: AbortSignal): Promise<Link> {
    const { link } = await this.#attempt<'connected'>('connect', address, signal);
    const known = this.#links.get(link);
    if (known === undefined) throw new CpnsError('Transport', 'LinkLost', 'The connection over Bluetooth was lost at once.');
    return known;
  }

  async readEntityId(address: string, signal: AbortSignal): Promise<string> {
    return (await this.#attempt<'entityId'>('read', address, signal)).text;
  }

  proven(link: Link): void {
    if (link instanceof RadioLink && this.#links.get(link.id) === link) this.#say({ type: 'proven', link: link.id });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelStart();
    this.#lose('this device stops');
    await this.#process?.stop();
  }

  #launch(): void {
    const { clock, logger, adapter, secondAdapter, program, environment = {}, stillMs } = this.#options;
    this.#process = new RadioProcess({
      clock,
      logger,
      args: [adapter, secondAdapter],
      program,
      environment,
      stillMs,
      heard: (message) => this.#heard(message),
      ended: (end) => this.#ended(end),
    });
    this.#say({ type: 'want', desire: this.#desire });
  }

  #say(message: ToRadio): void {
    this.#process?.say(message);
  }

  #heard(message: FromRadio): void {
    if (this.#stopped) return;
    switch (message.type) {
      case 'advertised':
        return this.#events?.advertised({ address: message.address, advertisement: message.advertisement, rssi: message.rssi });
      case 'accepted':
        return this.#events?.accepted(this.#makeLink(message.link, false, message.address));
      case 'connected':
        // Whoever asked has gone in the meantime.
        if (!this.#attempts.has(message.attempt)) return this.#say({ type: 'close', link: message.link });
        return this.#attempts.get(message.attempt)?.done(message);
      case 'entityId':
        return this.#attempts.get(message.attempt)?.done(message);
      case 'failed':
        return this.#attempts.get(message.attempt)?.fail(new CpnsError(message.family, message.code, message.sentence));
      case 'frame':
        return this.#links.get(message.link)?.frame(message.octets);
      case 'heard':
        return this.#links.get(message.link)?.heard();
      case 'sent':
        return this.#links.get(message.link)?.sent(message.weight);
      case 'closed':
        return this.#links.get(message.link)?.over(message.reason);
      case 'ready':
        this.#ready = true;
        this.#readyAtMs = this.#options.clock.monotonicMs();
        return this.#tell(undefined);
      case 'problem':
        return message.sentence === undefined ? undefined : this.#tell(message.sentence);
      case 'pong':
        return;
    }
  }

  #attempt<K extends 'connected' | 'entityId'>(
    type: 'connect' | 'read',
    address: string,
    signal: AbortSignal,
  ): Promise<Extract<FromRadio, { type: K }>> {
    const attempt = ++this.#lastAttempt;
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(abortReason(signal));
      if (!this.#ready) return reject(new CpnsError('Transport', 'RadioDown', this.#problem ?? 'Bluetooth is only starting; try again.'));
      const end = () => {
        this.#attempts.delete(attempt);
        signal.removeEventListener('abort', abort);
      };
      const abort = () => {
        end();
        this.#say({ type: 'cancel', attempt });
        reject(abortReason(signal));
      };
      signal.addEventListener('abort', abort);
      this.#attempts.set(attempt, {
        done: (message) => {
          end();
          if (message.type === 'connected') this.#makeLink(message.link, true, address);
          resolve(message as Extract<FromRadio, { type: K }>);
        },
        fail: (error) => {
          end();
          reject(error);
        },
      });
      this.#say({ type, attempt, address });
    });
  }

  #makeLink(id: number, initiated: boolean, remote: string): RadioLink {
    const { maxQueuedOctets = 4_194_304 } = this.#options;
    const link = new RadioLink({
      id,
      initiated,
      remote,
      maxQueuedOctets,
      say: (message) => this.#say(message),
      ended: (gone) => {
        this.#links.delete(gone.id);
        this.#events?.ended(gone);
      },
    });
    this.#links.set(id, link);
    return link;
  }

  #ended({ code, stoodStill }: { readonly code: number | undefined; readonly stoodStill: boolean }): void {
    const { clock, entropy, logger } = this.#options;
    this.#process = undefined;
    const end: End = code === EXIT.unfit ? 'unfit' : this.#ready ? 'worked' : 'neverReady';
    const wasGood = this.#ready && clock.monotonicMs() - this.#readyAtMs >= PROVED_GOOD_MS;
    this.#ready = false;
    this.#lose('the Bluetooth radio was lost');
    if (this.#stopped) return;
    if (stoodStill)
      this.#tell('The Bluetooth radio stood still and is started again; if that happens often, take the adapter out and plug it in again.');
    else if (code !== EXIT.lost && code !== EXIT.unfit) this.#tell('The Bluetooth radio ended by accident and is started again.');
    if (wasGood) this.#waits = waits(entropy);
    const waitMs = this.#waits[end].next().value;
    logger.info('the radio process ended and is started again', { code, stoodStill, waitMs });
    this.#cancelStart = clock.after(waitMs, () => this.#launch());
  }

  /** Every link and attempt of the process that is gone. */
  #lose(reason: string): void {
    for (const link of [...this.#links.values()]) link.over(reason);
    for (const attempt of [...this.#attempts.values()]) {
      attempt.fail(new CpnsError('Transport', 'RadioLost', `Connecting over Bluetooth failed: ${reason}.`));
    }
  }

  #tell(sentence: string | undefined): void {
    if (sentence === this.#problem) return;
    this.#problem = sentence;
    this.#events?.problem(sentence);
  }
}

function waits(entropy: Entropy): Readonly<Record<End, Generator<number, never>>> {
  const { worked, neverReady, unfit } = AGAIN;
  return { worked: retrySchedule(entropy, worked), neverReady: retrySchedule(entropy, neverReady), unfit: retrySchedule(entropy, unfit) };
}
