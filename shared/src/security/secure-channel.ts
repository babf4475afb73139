import { CpnsError } from '../errors.js';
import type { Clock, CryptoProvider } from '../ports.js';
import { authFailed } from './auth-error.js';
import { copyOf } from './bytes.js';
import { type ChannelDirection, channelSid, firstKeySource, firstKeys } from './channel-keys.js';
import { type DirectionSecrets, type EpochLimits, RecordReceiver, RecordSender } from './ordered-records.js';
import { type InnerType, type OpenedRecord, type OrderedRecordType, RECORD_TYPE, type SealOptions } from './record.js';
import type { Secret } from './secret.js';
import { AGE_LIMITS, type AgeLimits, lowerLimits, SessionAge } from './session-limits.js';

/** The side that sent the first handshake message (PNE, or the one that opened the link), or the other one. */
export type ChannelRole = 'initiator' | 'responder';

/** When keys are changed. Limits can be lowered, never raised. */
export interface SecureChannelLimits extends EpochLimits, AgeLimits {}

/** Far below RFC 9001 section 6.6 and RFC 9147 section 4.5.3. */
export const SECURE_CHANNEL_LIMITS: SecureChannelLimits = {
  recordsPerEpoch: 2 ** 20,
  octetsPerEpoch: 2 ** 30,
  epochMs: 3_600_000,
  ...AGE_LIMITS,
};

export interface SecureChannelOptions {
  readonly provider: CryptoProvider;
  readonly clock: Clock;
  readonly type: OrderedRecordType;
  readonly role: ChannelRole;
  /** SK_L or SK_K. The channel takes it over and erases it at once. */
  readonly sk: Secret;
  /** TH_L or TH_K. */
  readonly th: Uint8Array;
  readonly limits?: Partial<SecureChannelLimits> | undefined;
}

const DIRECTIONS: Record<OrderedRecordType, Record<ChannelRole, ChannelDirection>> = {
  [RECORD_TYPE.pan]: { initiator: 'p2g', responder: 'g2p' },
  [RECORD_TYPE.link]: { initiator: 'i2r', responder: 'r2i' },
};

/**
 * The ordered record layer of a PAN session or link session: each direction has its own key, its number is implicit and never resets,
 * and the first record that is not exactly the next one ends the session.
 */
export class SecureChannel {
  /** 4 octets that name the session in every record. */
  readonly sid: Uint8Array;
  readonly #age: SessionAge;
  readonly #sender: RecordSender;
  readonly #receiver: RecordReceiver;
  #closed = false;

  /** @throws CpnsError Internal/BadLimit */
  constructor({ provider, clock, type, role, sk, th, limits }: SecureChannelOptions) {
    const all = lowerLimits(SECURE_CHANNEL_LIMITS, limits);
    this.#age = new SessionAge(clock, all);
    const root = sk.reveal();
    const secrets = (side: ChannelRole): DirectionSecrets => {
      const direction = DIRECTIONS[type][side];
      return { keys: firstKeys(provider, root, th, direction), source: firstKeySource(provider, root, th, direction) };
    };
    this.sid = channelSid(provider, root, th);
    const sid = copyOf(this.sid);
    this.#sender = new RecordSender(provider, clock, all, type, sid, secrets(role));
    this.#receiver = new RecordReceiver(provider, type, sid, secrets(role === 'initiator' ? 'responder' : 'initiator'));
    sk.erase();
  }

  /** A record was refused, the session is over, or {@link erase} was called: nothing more is sealed or opened. */
  get closed(): boolean {
    return this.#closed;
  }

  /** A new handshake is due: the session is 24 h old, or the last key epoch of a direction has begun. The channel still works for a while. */
  get mustRehandshake(): boolean {
    return this.#closed || this.#sender.inLastEpoch || this.#receiver.inLastEpoch || this.#age.due;
  }

  /**
   * One record, an allocation of its own. Content is at most 16,384 octets.
   * @throws CpnsError State/ChannelClosed, State/MustRehandshake, Internal/BadLength
   */
  seal(innerType: InnerType, content: Uint8Array, options?: SealOptions): Uint8Array {
    this.#requireUsable();
    return this.#sender.seal(innerType, content, options?.pad ?? true);
  }

  /**
   * The content of the next record of the peer. The channel is closed when it is anything else.
   * @throws CpnsError Auth/RecordRefused, State/ChannelClosed, State/MustRehandshake
   */
  open(record: Uint8Array): OpenedRecord {
    this.#requireUsable();
    const opened = this.#receiver.open(record);
    if (opened !== undefined) return opened;
    this.erase();
    throw authFailed('RecordRefused', 'A message on this link was altered, lost or not from the paired device; the link is set up anew.');
  }

  /** Overwrites all keys and closes the channel. May be called again. */
  erase(): void {
    this.#closed = true;
    this.#sender.erase();
    this.#receiver.erase();
  }

  #requireUsable(): void {
    if (this.#closed) throw new CpnsError('State', 'ChannelClosed', 'The protected session on this link is over; set it up anew.');
    if (!this.#age.over) return;
    this.erase();
    throw new CpnsError('State', 'MustRehandshake', 'The protected session on this link is too old; the link must be set up anew.');
  }
}
