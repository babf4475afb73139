import { type Clock, CpnsError, type Entropy, retrySchedule, sleep, toCpnsError, withDeadline } from '@cpns/shared';
import { bleAdvertisingData, bleScanResponse } from '@cpns/shared/messages';
import { utf8 } from '@cpns/shared/security';
import type { RadioDesire } from '../radio-port.js';
import type { ArbiterState } from './arbiter.js';
import type { Central, GattHandler, GattLink, Peripheral } from './driver.js';
import type { FromRadio, ToRadio } from './messages.js';
import { Neighbours } from './neighbours.js';
import { Reconciler } from './reconciler.js';
import { SegmentLink } from './segment-link.js';

/** How hard it is tried to reach a peer. */
export const ATTEMPT_LIMITS = {
  tries: 3,
  /** Within so many milliseconds the adapter is free and the peer is heard: nobody connects to a device that is not there. */
  heardMs: 12_000,
  /** The wait before another try: at most the first, then twice that, up to the last. */
  backOff: { firstMs: 300, maxMs: 2_000 },
  /** Attempts at once. */
  waiting: 32,
} as const;

export interface BleRadioOptions {
  readonly central: Central;
  readonly peripheral: Peripheral;
  readonly adapters: ArbiterState['adapters'];
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly say: (message: FromRadio) => void;
  /** Once: the stack is of no use any more, all links are lost. */
  readonly failed: (error: CpnsError) => void;
}

interface Attempt {
  readonly address: string;
  readonly signal: AbortSignal;
  readonly abort: (reason: CpnsError) => void;
  /** What the arbiter knows it by, another one for each try, while it waits for the adapter. */
  job: number | undefined;
}

/** A radio without its process: does what the agent says, with one driver for each role. */
export class BleRadio {
  readonly #options: BleRadioOptions;
  readonly #reconciler: Reconciler;
  readonly #neighbours: Neighbours;
  readonly #attempts = new Map<number, Attempt>();
  /** The links that the agent knows. */
  readonly #links = new Map<number, SegmentLink>();
  #served: { readonly id: number; readonly link: SegmentLink } | undefined;
  #lastLink = 0;
  #lastJob = 0;
  #over = false;

  constructor(options: BleRadioOptions) {
    const { say } = options;
    this.#options = options;
    this.#neighbours = new Neighbours(options.clock, (neighbour) => say({ type: 'advertised', ...neighbour }));
    this.#reconciler = new Reconciler({
      ...options,
      closeServed: () => this.#served?.link.close('the adapter is needed to connect to other devices'),
      failed: (error) => this.#fail(error),
    });
  }

  /** @throws CpnsError when the adapter cannot be used */
  async start(): Promise<void> {
    const { central, peripheral } = this.#options;
    const failed = (error: CpnsError) => this.#fail(error);
    await central.start({
      heard: (address, serviceData, rssi) => this.#heard(address, serviceData, rssi),
      scanStopped: () => this.#reconciler.note({ kind: 'scanStopped' }),
      failed,
    });
    await peripheral.start({ accepted: (gatt) => this.#accepted(gatt), failed });
  }

  /** Does what the agent says; `ping` and `stop` are for the process. */
  obey(message: ToRadio): void {
    if (this.#over) return;
    switch (message.type) {
      case 'want':
        return this.#want(message.desire);
      case 'connect':
        return this.#begin(message.attempt, message.address, (attempt) => this.#connect(message.attempt, attempt));
      case 'read':
        return this.#begin(message.attempt, message.address, (attempt) => this.#read(message.attempt, attempt));
      case 'cancel':
        return this.#attempts.get(message.attempt)?.abort(new CpnsError('State', 'Aborted', 'Connecting was given up.'));
      case 'frame':
        return this.#links.get(message.link)?.send(message.octets);
      case 'taken':
        return this.#links.get(message.link)?.taken(message.weight);
      case 'proven':
        this.#links.get(message.link)?.proven();
        if (this.#served?.id === message.link) this.#reconciler.note({ kind: 'proven' });
        return;
      case 'close':
        return this.#links.get(message.link)?.finish('this device closed the connection');
    }
  }

  /** Closes every link. */
  stop(): void {
    this.#end('this device stops');
  }

  #want({ advertisement, readableId, scan, role }: RadioDesire): void {
    this.#options.peripheral.setEntityId(utf8(readableId));
    const payload = advertisement && { data: bleAdvertisingData(advertisement), scanResponse: bleScanResponse() };
    this.#reconciler.want({ payload, scan, role });
  }

  #heard(address: string, serviceData: Uint8Array, rssi: number): void {
    this.#neighbours.heard(address, serviceData, rssi);
    for (const { address: sought, job } of this.#attempts.values()) {
      if (sought === address && job !== undefined) this.#reconciler.note({ kind: 'heard', job });
    }
  }

  #begin(id: number, address: string, run: (attempt: Attempt) => Promise<void>): void {
    const refuse = (error: unknown) => {
      const { family, code, message } = toCpnsError(error);
      this.#options.say({ type: 'failed', attempt: id, family, code, sentence: message });
    };
    if (this.#attempts.size >= ATTEMPT_LIMITS.waiting) return refuse(tooMany());
    const controller = new AbortController();
    const attempt: Attempt = { address, signal: controller.signal, abort: (reason) => controller.abort(reason), job: undefined };
    this.#attempts.set(id, attempt);
    run(attempt)
      .catch(refuse)
      .finally(() => this.#attempts.delete(id));
  }

  async #read(id: number, attempt: Attempt): Promise<void> {
    const { central, say } = this.#options;
    const value = await this.#tries(attempt, async (finish) => {
      try {
        return await central.readEntityId(attempt.address, attempt.signal);
      } finally {
        finish(false);
      }
    });
    say({ type: 'entityId', attempt: id, text: Buffer.from(value).toString('utf8') });
  }

  async #connect(id: number, attempt: Attempt): Promise<void> {
    await this.#tries(attempt, (finish) => this.#greet(id, attempt, finish));
  }

  /** One try: connected, subscribed, and both sides have greeted. */
  #greet(attempt: number, { address, signal }: Attempt, finish: (linked: boolean) => void): Promise<void> {
    const { central, clock, entropy, say } = this.#options;
    const id = ++this.#lastLink;
    return new Promise((resolve, reject) => {
      let state: 'connecting' | 'linked' | 'gone' = 'connecting';
      const link: SegmentLink = new SegmentLink({
        clock,
        chooser: entropy,
        events: {
          ...this.#reports(id),
          greeted: () => {
            this.#links.set(id, link);
            say({ type: 'connected', attempt, link: id });
            resolve();
          },
          ended: (reason) => {
            reject(new CpnsError('Transport', 'LinkLost', `The connection over Bluetooth was lost at once: ${reason}.`));
            this.#ended(id, reason);
          },
          gone: () => {
            if (state === 'linked') this.#reconciler.note({ kind: 'centralGone' });
            state = 'gone';
          },
        },
      });
      const abort = () => link.close('connecting was given up');
      signal.addEventListener('abort', abort, { once: true });
      const connected = (gatt: GattLink) => {
        if (state === 'connecting') state = 'linked';
        finish(state === 'linked');
        link.begin(gatt);
      };
      const failed = (error: unknown) => {
        finish(false);
        reject(error);
      };
      central.connect(address, link, signal).then(connected, failed);
    });
  }

  #accepted(gatt: GattLink): GattHandler {
    const { clock, say } = this.#options;
    const id = ++this.#lastLink;
    const link: SegmentLink = new SegmentLink({
      clock,
      events: {
        ...this.#reports(id),
        greeted: () => {
          this.#links.set(id, link);
          say({ type: 'accepted', link: id, address: gatt.address });
        },
        ended: (reason) => this.#ended(id, reason),
        gone: (offence) => {
          if (this.#served?.id !== id) return;
          this.#served = undefined;
          this.#reconciler.note({ kind: 'servedGone', offence });
        },
      },
    });
    this.#served = { id, link };
    this.#reconciler.note({ kind: 'accepted' });
    link.begin(gatt);
    return link;
  }

  #reports(link: number) {
    const { say } = this.#options;
    return {
      frame: (octets: Uint8Array) => say({ type: 'frame', link, octets }),
      heard: () => say({ type: 'heard', link }),
      sent: (weight: number) => say({ type: 'sent', link, weight }),
    };
  }

  #ended(link: number, reason: string): void {
    if (this.#links.delete(link)) this.#options.say({ type: 'closed', link, reason });
  }

  /** Runs `once` until it succeeds, when the adapter is free for it. `once` calls `finish` when the adapter is free for others again. */
  async #tries<T>(attempt: Attempt, once: (finish: (linked: boolean) => void) => Promise<T>): Promise<T> {
    const { clock, entropy } = this.#options;
    const waits = retrySchedule(entropy, ATTEMPT_LIMITS.backOff);
    for (let left: number = ATTEMPT_LIMITS.tries; ; left--) {
      const job = ++this.#lastJob;
      await this.#adapterFree(attempt, job);
      try {
        return await once((linked) => this.#reconciler.note({ kind: 'attempted', job, linked }));
      } catch (error) {
        if (left === 1 || attempt.signal.aborted || this.#over) throw error;
        await sleep(clock, waits.next().value, attempt.signal);
      }
    }
  }

  async #adapterFree(attempt: Attempt, job: number): Promise<void> {
    const { clock } = this.#options;
    attempt.job = job;
    try {
      const wait = (limit: AbortSignal) => this.#reconciler.whenFree(job, limit);
      await withDeadline(
        clock,
        ATTEMPT_LIMITS.heardMs,
        attempt.signal,
        wait,
        'The other device is not heard over Bluetooth; bring it nearer.',
      );
    } finally {
      attempt.job = undefined;
    }
  }

  #fail(error: CpnsError): void {
    if (this.#over) return;
    this.#end('the adapter was lost');
    this.#options.failed(error);
  }

  #end(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#reconciler.stop();
    for (const { abort } of this.#attempts.values()) abort(new CpnsError('Transport', 'RadioLost', `Bluetooth stopped: ${reason}.`));
    for (const link of [...this.#links.values()]) link.close(reason);
    this.#served?.link.close(reason);
  }
}

function tooMany(): CpnsError {
  return new CpnsError('State', 'TooManyAttempts', 'Too many devices are being connected to over Bluetooth; wait a little.', {
    retryable: true,
  });
}
