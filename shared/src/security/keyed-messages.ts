import { CpnsError } from '../errors.js';
import type { EntityId } from '../ids.js';
import type { CryptoProvider, Entropy } from '../ports.js';
import { authFailed } from './auth-error.js';
import {
  MESSAGE_CONTENT_MAX,
  MESSAGE_KEY_LENGTH,
  type MessageHeader,
  type MessageLabel,
  messageKeyIv,
  messageSalt,
  parseMessage,
} from './keyed-message.js';
import type { Secret } from './secret.js';
import { SenderKey } from './sender-key.js';
import { type MessageMark, SenderWindows } from './sender-windows.js';

export interface KeyedMessagesOptions<K extends Secret> {
  readonly provider: CryptoProvider;
  readonly entropy: Entropy;
  readonly self: EntityId;
  /** One higher at every start of this device, durable before this object is made. */
  readonly bootCounter: number;
  /** The key that is in force already, from the store. */
  readonly current?: { readonly epoch: bigint; readonly key: K } | undefined;
  /** What {@link KeyedMessages.marks} gave before a restart: nothing up to there is accepted again. */
  readonly marks?: readonly MessageMark[];
}

/** A new key and how the change to it happens. */
export interface EpochKey<K extends Secret> {
  readonly epoch: bigint;
  /** Taken over: erased when its epoch is over. */
  readonly key: K;
  /** How long older epochs are still received: 0 after an expel. */
  readonly graceMs: number;
  /** How long this device still sends under the key before. Default 0. */
  readonly switchAfterMs?: number;
}

export interface OpenedMessage {
  /** Who says it sent it. A shared key proves only "some member"; nothing that changes state may rest on it. */
  readonly idSender: EntityId;
  readonly epoch: bigint;
  readonly seq: bigint;
  readonly content: Uint8Array;
  /** False: under a key in its grace period; never good for a control action. */
  readonly current: boolean;
}

interface Sending {
  readonly key: SenderKey;
  /** Number of the next message. */
  seq: bigint;
}

interface Epoch {
  readonly epoch: bigint;
  readonly key: Secret;
  /** Received until then (monotonic). */
  untilMs: number;
  readonly windows: SenderWindows;
  sending: Sending | undefined;
}

/**
 * Messages under one shared key that changes by epoch, for one PN or one service group: sealing as one sender, opening as everybody's
 * receiver. Times are those of the monotonic clock.
 */
export class KeyedMessages<K extends Secret> {
  readonly #options: KeyedMessagesOptions<K>;
  readonly #label: MessageLabel;
  readonly #scope: Uint8Array;
  readonly #maxSenders: number;
  /** Newest first. */
  #epochs: Epoch[] = [];
  #switchAtMs = Number.NEGATIVE_INFINITY;

  constructor(label: MessageLabel, scope: Uint8Array, maxSenders: number, options: KeyedMessagesOptions<K>) {
    this.#options = options;
    this.#label = label;
    this.#scope = scope;
    this.#maxSenders = maxSenders;
    if (options.current !== undefined) this.#add(options.current.epoch, options.current.key, options.marks ?? []);
  }

  /** The newest epoch; undefined before there is a key. */
  get epoch(): bigint | undefined {
    return this.#epochs[0]?.epoch;
  }

  /** Messages sealed under the newest key, for the limit that the server watches. */
  get sent(): bigint {
    return this.#epochs[0]?.sending?.seq ?? 0n;
  }

  /**
   * Takes a newer key into use.
   * @throws CpnsError Auth/EpochRollback when it is not newer
   */
  install({ epoch, key, graceMs, switchAfterMs = 0 }: EpochKey<K>, nowMs: number): void {
    const newest = this.#epochs[0];
    if (newest !== undefined && epoch <= newest.epoch) {
      throw authFailed('EpochRollback', `A key of epoch ${epoch} came after that of epoch ${newest.epoch}.`);
    }
    const before = [...this.#epochs];
    this.#add(epoch, key, []);
    for (const old of before) old.untilMs = Math.min(old.untilMs, nowMs + graceMs);
    this.#switchAtMs = newest === undefined ? nowMs : nowMs + switchAfterMs;
    this.#retire(nowMs);
  }

  /** Sends under the newest key from now on, however long {@link EpochKey.switchAfterMs} was. */
  switchNow(): void {
    this.#switchAtMs = Number.NEGATIVE_INFINITY;
  }

  /** @throws CpnsError State/NoKey, Codec/TooLarge */
  seal(content: Uint8Array, nowMs: number): Uint8Array {
    this.#retire(nowMs);
    if (content.length > MESSAGE_CONTENT_MAX) {
      throw new CpnsError('Codec', 'TooLarge', `A message holds at most ${MESSAGE_CONTENT_MAX} octets: send larger content in parts.`);
    }
    const [newest, before] = this.#epochs;
    const epoch = nowMs < this.#switchAtMs && before !== undefined ? before : newest;
    if (epoch === undefined)
      throw new CpnsError('State', 'NoKey', 'There is no key for these messages yet: wait until the PN GW hands it out.');
    epoch.sending ??= this.#startSending(epoch);
    return epoch.sending.key.seal(epoch.sending.seq++, content);
  }

  /**
   * `from`: whose message it is said to be, by whoever answers for that. One that names another sender within is not counted as that one's:
   * an insider could silence a member in its name.
   * @throws CpnsError Codec/BadMessage; Auth/WrongScope, WrongSender, OwnMessage, OldEpoch, OldSalt, TooManySalts, TooManySenders,
   * Replayed, WrongTag; State/NewerEpoch: this device missed a key and must ask for it
   */
  open(message: Uint8Array, nowMs: number, from?: EntityId): OpenedMessage {
    this.#retire(nowMs);
    const { provider, self } = this.#options;
    const { header, sealed } = parseMessage(message);
    if (!provider.equal(header.scope, this.#scope)) throw authFailed('WrongScope', 'The message belongs to another network or group.');
    if (from !== undefined && header.idSender !== from)
      throw authFailed('WrongSender', 'The message names another sender than it is said to be of.');
    if (header.idSender === self) throw authFailed('OwnMessage', 'A message came back to its own sender.');
    const epoch = this.#epochs.find((candidate) => candidate.epoch === header.epoch);
    if (epoch === undefined) throw this.#noKey(header.epoch);
    const sender = epoch.windows.admit(header.idSender, header.salt, header.seq);
    const key = sender.key ?? this.#senderKey(epoch.key, header);
    const content = key.open(header.seq, sealed);
    if (content === undefined) {
      if (sender.key === undefined) key.erase();
      throw authFailed('WrongTag', 'The message was not sealed with the key of this network or group.');
    }
    sender.accept(key);
    return { idSender: header.idSender, epoch: epoch.epoch, seq: header.seq, content, current: epoch === this.#epochs[0] };
  }

  /** What was seen of every sender, to be stored every second or 256 messages; {@link unsaved} counts from here. */
  marks(): MessageMark[] {
    return this.#epochs.flatMap((epoch) => epoch.windows.marks(epoch.epoch));
  }

  /** Messages accepted since {@link marks} was last asked for. */
  get unsaved(): number {
    return this.#epochs.reduce((sum, epoch) => sum + epoch.windows.unsaved, 0);
  }

  /** Erases all keys. */
  erase(): void {
    for (const epoch of this.#epochs) eraseEpoch(epoch);
    this.#epochs = [];
  }

  #add(epoch: bigint, key: Secret, marks: readonly MessageMark[]): void {
    if (key.length !== MESSAGE_KEY_LENGTH) throw new CpnsError('Internal', 'BadLength', `A shared key has ${MESSAGE_KEY_LENGTH} octets.`);
    const windows = new SenderWindows(
      this.#options.provider,
      this.#maxSenders,
      marks.filter((mark) => mark.epoch === epoch),
    );
    this.#epochs.unshift({ epoch, key, untilMs: Number.POSITIVE_INFINITY, windows, sending: undefined });
  }

  #retire(nowMs: number): void {
    const over = this.#epochs.filter(({ untilMs }) => untilMs <= nowMs);
    if (over.length === 0) return;
    for (const epoch of over) eraseEpoch(epoch);
    this.#epochs = this.#epochs.filter((epoch) => !over.includes(epoch));
  }

  #noKey(epoch: bigint): CpnsError {
    const newest = this.epoch;
    return newest !== undefined && epoch < newest
      ? authFailed('OldEpoch', `The message is under the key of epoch ${epoch}, which is over.`)
      : new CpnsError('State', 'NewerEpoch', `The message is under the key of epoch ${epoch}, which this device does not have yet.`);
  }

  #startSending({ epoch, key }: Epoch): Sending {
    const { bootCounter, entropy, self } = this.#options;
    const salt = messageSalt(bootCounter, entropy.bytes(4));
    return { key: this.#senderKey(key, { scope: this.#scope, epoch, idSender: self, salt }), seq: 0n };
  }

  #senderKey(key: Secret, header: Omit<MessageHeader, 'seq'>): SenderKey {
    const { provider } = this.#options;
    return new SenderKey(provider, messageKeyIv(provider, key.reveal(), this.#label, header), header);
  }
}

function eraseEpoch(epoch: Epoch): void {
  epoch.key.erase();
  epoch.sending?.key.erase();
  epoch.windows.erase();
}
