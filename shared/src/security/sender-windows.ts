import type { EntityId } from '../ids.js';
import type { CryptoProvider } from '../ports.js';
import { authFailed } from './auth-error.js';
import { copyOf } from './bytes.js';
import { bootCounterOf } from './keyed-message.js';
import { ReplayWindow } from './replay-window.js';
import type { SenderKey } from './sender-key.js';

/** Runs of one sender that are told apart at once; more can only come from clones or forgers. */
export const SALTS_PER_SENDER = 4;

/** What a receiver keeps durably of one sender's run. */
export interface MessageMark {
  readonly epoch: bigint;
  readonly idSender: EntityId;
  readonly salt: Uint8Array;
  /** Highest sequence number accepted. */
  readonly highest: bigint;
}

interface Run {
  readonly salt: Uint8Array;
  readonly window: ReplayWindow;
  key: SenderKey | undefined;
}

/** A message that passed the window. Nothing is remembered of it before {@link accept}. */
export interface Admission {
  /** The key of that run, when a message of it was accepted before. */
  readonly key: SenderKey | undefined;
  /** The tag has verified: takes the number as seen, and `key` over. */
  accept(key: SenderKey): void;
}

/**
 * Replay protection of one epoch: a window per (sender, salt). All runs kept of a sender have its highest boot counter; lower ones are
 * refused for ever, so they need no window.
 */
export class SenderWindows {
  readonly #provider: CryptoProvider;
  readonly #maxSenders: number;
  readonly #senders = new Map<EntityId, Run[]>();
  #unsaved = 0;

  constructor(provider: CryptoProvider, maxSenders: number, marks: readonly MessageMark[]) {
    this.#provider = provider;
    this.#maxSenders = maxSenders;
    for (const { idSender, salt, highest } of marks) this.#keep(idSender, { salt, window: new ReplayWindow(highest), key: undefined });
  }

  get unsaved(): number {
    return this.#unsaved;
  }

  /** @throws CpnsError Auth/OldSalt, TooManySalts, TooManySenders, Replayed */
  admit(idSender: EntityId, salt: Uint8Array, seq: bigint): Admission {
    const runs = this.#senders.get(idSender) ?? [];
    const highestBoot = runs[0] === undefined ? -1 : bootCounterOf(runs[0].salt);
    const boot = bootCounterOf(salt);
    if (boot < highestBoot) throw authFailed('OldSalt', `A message of ${idSender} is from before its last start.`);
    const known = runs.find((run) => this.#provider.equal(run.salt, salt));
    if (known !== undefined && !known.window.isFresh(seq)) throw authFailed('Replayed', `A message of ${idSender} came twice.`);
    if (known === undefined && boot === highestBoot && runs.length >= SALTS_PER_SENDER) {
      throw authFailed('TooManySalts', `${idSender} sends from more places at once than a device can be in.`);
    }
    if (runs.length === 0 && this.#senders.size >= this.#maxSenders) {
      throw authFailed('TooManySenders', 'There are more senders than this network or group can have members.');
    }
    return {
      key: known?.key,
      accept: (key) => {
        const run = known ?? { salt: copyOf(salt), window: new ReplayWindow(), key };
        run.window.accept(seq);
        run.key = key;
        if (known === undefined) this.#keep(idSender, run);
        this.#unsaved++;
      },
    };
  }

  marks(epoch: bigint): MessageMark[] {
    this.#unsaved = 0;
    const marks: MessageMark[] = [];
    for (const [idSender, runs] of this.#senders) {
      for (const run of runs) marks.push({ epoch, idSender, salt: run.salt, highest: run.window.highest });
    }
    return marks;
  }

  erase(): void {
    for (const runs of this.#senders.values()) for (const run of runs) run.key?.erase();
    this.#senders.clear();
  }

  #keep(idSender: EntityId, run: Run): void {
    const boot = bootCounterOf(run.salt);
    const kept: Run[] = [];
    for (const other of this.#senders.get(idSender) ?? []) {
      if (bootCounterOf(other.salt) >= boot) kept.push(other);
      else other.key?.erase();
    }
    kept.push(run);
    this.#senders.set(idSender, kept);
  }
}
