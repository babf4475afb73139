import { type Clock, CpnsError, type Entropy, toCpnsError } from '@cpns/shared';
import { toHex } from '@cpns/shared/security';
import { type ArbiterState, type Command, type Input, initialState, step } from './arbiter.js';
import type { AdvertisingPayload, Central, Peripheral } from './driver.js';

export interface ReconcilerOptions {
  readonly central: Central;
  readonly peripheral: Peripheral;
  readonly adapters: ArbiterState['adapters'];
  readonly clock: Clock;
  readonly entropy: Entropy;
  /** Disconnects the central that is served. */
  readonly closeServed: () => void;
  /** This stack is of no use any more. */
  readonly failed: (error: CpnsError) => void;
}

/** What the adapter shall do beside its links. */
export interface Wanted {
  readonly payload: AdvertisingPayload | undefined;
  readonly scan: boolean;
  readonly role: ArbiterState['desire']['role'];
}

interface Waiting {
  readonly go: () => void;
  readonly refuse: (error: CpnsError) => void;
}

/** Runs the arbiter: tells it what happens, and does what it says. */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #waiting = new Map<number, Waiting>();
  #state: ArbiterState;
  #payload: AdvertisingPayload | undefined;
  #version = 0;
  #cancelWake = () => {};
  #over = false;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#state = initialState(options.adapters);
  }

  want({ payload, scan, role }: Wanted): void {
    if (textOf(payload) !== textOf(this.#payload)) {
      this.#payload = payload;
      this.#version++;
    }
    this.note({ kind: 'wanted', desire: { advertise: payload && this.#version, scan, role } });
  }

  /**
   * Resolves when the adapter is free to connect for `job`, which then must be ended with `attempted`.
   * @throws CpnsError State/RadioServes, or the reason of `signal`
   */
  whenFree(job: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const forget = () => {
        signal.removeEventListener('abort', withdraw);
        this.#waiting.delete(job);
      };
      const withdraw = () => {
        forget();
        this.note({ kind: 'withdrawn', job });
        reject(toCpnsError(signal.reason));
      };
      if (signal.aborted) return reject(toCpnsError(signal.reason));
      signal.addEventListener('abort', withdraw);
      const go = () => {
        forget();
        resolve();
      };
      const refuse = (error: CpnsError) => {
        forget();
        reject(error);
      };
      this.#waiting.set(job, { go, refuse });
      this.note({ kind: 'asked', job });
    });
  }

  note(input: Input): void {
    if (this.#over) return;
    const { clock, entropy } = this.#options;
    const nowMs = clock.monotonicMs();
    const dice = (entropy.bytes(1)[0] as number) / 256;
    const { state, commands, wakeMs } = step(this.#state, input, { nowMs, dice });
    this.#state = state;
    this.#cancelWake();
    this.#cancelWake = wakeMs === undefined ? () => {} : clock.after(wakeMs - nowMs, () => this.note({ kind: 'tick' }));
    for (const command of commands) this.#do(command);
  }

  /** Says and does nothing more. */
  stop(): void {
    this.#over = true;
    this.#cancelWake();
  }

  #do(command: Command): void {
    const { central, peripheral, closeServed, failed } = this.#options;
    switch (command.kind) {
      case 'scan':
        return this.#settle(central.scan(command.on));
      case 'advertise':
        return this.#settle(peripheral.advertise(command.version === undefined ? undefined : this.#payload));
      case 'connect':
        return this.#waiting.get(command.job)?.go();
      case 'refuse':
        return this.#waiting.get(command.job)?.refuse(serving());
      case 'closeServed':
        return closeServed();
      case 'giveUp':
        this.stop();
        return failed(useless(command.why));
    }
  }

  #settle(done: Promise<void>): void {
    done.then(
      () => this.note({ kind: 'done', ok: true }),
      () => this.note({ kind: 'done', ok: false }),
    );
  }
}

/** The same text for the same content. */
function textOf(payload: AdvertisingPayload | undefined): string | undefined {
  return payload && `${toHex(payload.data)} ${toHex(payload.scanResponse)}`;
}

function serving(): CpnsError {
  const sentence = 'This device is connected to another one over Bluetooth, and with one adapter it cannot connect to a second at a time.';
  return new CpnsError('State', 'RadioServes', sentence, { retryable: true });
}

function useless(why: string): CpnsError {
  const cure = 'if that does not help, end what else uses it, such as: sudo systemctl stop bluetooth';
  return new CpnsError('Transport', 'RadioStuck', `The Bluetooth adapter is of no use at present (${why}) and is opened anew; ${cure}.`);
}
