import {
  type AnswerOf,
  type Clock,
  CpnsError,
  describeError,
  type EntityId,
  type Entropy,
  Exchange,
  type Logger,
  type RequestOptions,
} from '@cpns/shared';
import {
  type AnyMessage,
  admissible,
  type BodyOf,
  type Direction,
  data,
  decodeEnvelope,
  type Envelope,
  MAX_UPLINK_ENVELOPE,
  pending,
  refusal,
  relay,
  requestWithdrawn,
  Status,
} from '@cpns/shared/messages';
import { INNER_TYPE, type SkChannel } from '@cpns/shared/security';

/** An answer of the server is due by then; whatever delays it says `pending` (protocol 0.3). */
export const SERVER_TIMEOUT_MS = 10_000;

export interface ServerChannelOptions {
  readonly channel: SkChannel;
  readonly self: EntityId;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly logger: Logger;
  /** Octets of an envelope in one record at most; default: as many as a record holds. */
  readonly maxContent?: number;
  /** Takes one record towards the server; delivery is not promised. */
  carry(record: Uint8Array): void;
  /** A request or notify of the server. */
  message(channel: ServerChannel, envelope: Envelope): void;
}

/** Traffic, of which there is too much for a line each. */
const CONTENT: ReadonlySet<number> = new Set([data.number, relay.number, pending.number]);
const FROM_SERVER: readonly Direction[] = ['Server>GW', 'Server>PNE'];

/**
 * One SK session with the CPNS Server: a PN GW's own, or a PNE's for one PN. It does not know who carries its records; it repeats its
 * requests, because that way may lose them.
 */
export class ServerChannel {
  readonly #options: ServerChannelOptions;
  readonly #exchange: Exchange<'sk'>;
  #heardAtMs: number;
  #confirmed = false;
  #closed = false;

  constructor(options: ServerChannelOptions) {
    const { clock, entropy, self } = options;
    this.#options = options;
    this.#heardAtMs = clock.monotonicMs();
    this.#exchange = new Exchange<'sk'>({ clock, entropy, self, transmit: (envelope, _via, type) => this.#transmit(envelope, type) });
  }

  get sid(): Uint8Array {
    return this.#options.channel.sid;
  }
  /** The server has sent something in it since it was taken into use: it has heard of this device's acknowledgement. */
  get confirmed(): boolean {
    return this.#confirmed;
  }
  /** Since the last word of the server, or since the session was taken into use. */
  get silentForMs(): number {
    return this.#options.clock.monotonicMs() - this.#heardAtMs;
  }
  /** A new handshake is due. */
  get mustRehandshake(): boolean {
    return this.#options.channel.mustRehandshake;
  }

  /** @throws CpnsError State/Refused with the server's status, Timeout/NoAnswer, Transport */
  request<M extends AnyMessage, A extends AnyMessage>(
    type: M,
    body: BodyOf<M>,
    accepts: readonly A[],
    options: Partial<RequestOptions> = {},
    answered?: (answer: AnswerOf<A, 'sk'>) => void,
  ): Promise<AnswerOf<A, 'sk'>> {
    return this.#exchange.request(type, body, accepts, 'sk', { timeoutMs: SERVER_TIMEOUT_MS, repeat: true, ...options }, answered);
  }

  /** `transaction` ties it to a message of the server. */
  notify<M extends AnyMessage>(type: M, body: BodyOf<M>, transaction?: Uint8Array): void {
    this.#exchange.notify(type, body, 'sk', transaction);
  }

  /** Serves a request of the server, once however often it comes. Never rejects: failures are answered and logged. */
  async serve(envelope: Envelope, handle: Parameters<Exchange<'sk'>['serve']>[2]): Promise<void> {
    try {
      await this.#exchange.serve(envelope, 'sk', handle);
    } catch (error) {
      this.#options.logger.info('a request of the server was refused', { message: envelope.number, why: describeError(error) });
    }
  }

  /** One record from the server. What cannot be opened is dropped in silence (security 1.6b). */
  receive(record: Uint8Array): void {
    if (this.#closed) return;
    const opened = this.#options.channel.open(record);
    if (opened === undefined || opened.innerType !== INNER_TYPE.envelope) return;
    this.#heardAtMs = this.#options.clock.monotonicMs();
    this.#confirmed = true;
    try {
      this.#take(decodeEnvelope(opened.content, MAX_UPLINK_ENVELOPE));
    } catch (error) {
      this.#options.logger.warn('a message of the server could not be taken', { why: describeError(error) });
    }
  }

  #take(envelope: Envelope): void {
    const { type } = envelope;
    if (type === undefined || !admissible(type, 'sk', FROM_SERVER)) {
      if (type === undefined || type.kind === 'request')
        this.#exchange.notify(refusal, { status: Status.BadMessage }, 'sk', envelope.transaction);
      return;
    }
    if (type === requestWithdrawn) return this.#exchange.withdraw(envelope.transaction);
    if (!CONTENT.has(type.number)) this.#options.logger.debug('received', { from: 'server', name: type.name });
    if (!this.#exchange.settle(envelope, 'sk') && type.kind !== 'answer') this.#options.message(this, envelope);
  }

  /**
   * A newer session has taken the place of this one: it is still listened to, and what was asked in it is asked anew by whom it
   * concerns. Repeated here it would only make the server say that it does not know this session, and it does not say so to everybody.
   */
  retire(): void {
    this.#exchange.close(new CpnsError('Transport', 'SessionReplaced', 'A new session with the server has taken the place of this one.'));
  }

  close(reason: CpnsError = new CpnsError('Transport', 'SessionOver', 'The session with the server is over.')): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#exchange.close(reason);
    this.#options.channel.erase();
  }

  #transmit(envelope: Uint8Array, type: AnyMessage): void {
    if (this.#closed) return;
    const { channel, carry, maxContent } = this.#options;
    for (const record of channel.sealEnvelope(envelope, { pad: type.number !== data.number }, maxContent)) carry(record);
  }
}
