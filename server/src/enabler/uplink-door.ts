import { CpnsError, describeError, type EntityId } from '@cpns/shared';
import {
  admissible,
  bodyOf,
  type Channel,
  CLEAR_FRAME,
  type Direction,
  data,
  dataAnswer,
  decodeEnvelope,
  type Envelope,
  encodeEnvelope,
  isPassing,
  MAX_UPLINK_ENVELOPE,
  pending,
  refusal,
  relay,
  Status,
  sgData,
  statusName,
} from '@cpns/shared/messages';
import { INNER_TYPE, RECORD_TYPE, readSkHeader, toHex } from '@cpns/shared/security';
import type { RequestKey } from '../inventory/inbox.js';
import type { RecordPlace } from '../inventory/records.js';
import { acknowledge } from './acknowledgement.js';
import type { EnablerContext } from './context.js';
import { ANSWERS, FLOWS, type Flow } from './flows.js';
import { Incoming, type IncomingOptions, RecordDropped } from './incoming.js';
import type { OpenRequests } from './open-requests.js';
import { refuse, statusOf } from './refusals.js';
import type { Session } from './session.js';

const PENDING_AFTER_MS = 1_000;

/** Traffic, of which there is too much for a line each. */
const CONTENT: ReadonlySet<number> = new Set([data.number, dataAnswer.number, sgData.number]);

/** Where a message came from. */
type Origin = Pick<IncomingOptions, 'sender' | 'topic' | 'session' | 'place'>;

/**
 * The one door for octets from the broker. Behind it a message has a known sender, a session that it may come in, a schema that it
 * satisfies, and is neither a repetition nor one too many; before it nothing is believed. What cannot be attributed to a session is
 * dropped without an answer, for anybody could have sent it.
 */
export class UplinkDoor {
  readonly #context: EnablerContext;
  readonly #open: OpenRequests;

  constructor(context: EnablerContext, open: OpenRequests) {
    this.#context = context;
    this.#open = open;
  }

  /**
   * One payload from the `up` topic of `from`. Resolves when what it asks for is durable, refused, or waits for somebody elsewhere.
   * @throws CpnsError State/DiskFull and its like for a message without answer, so that the device repeats it
   */
  async receive(from: EntityId, payload: Uint8Array): Promise<void> {
    if (payload[0] === CLEAR_FRAME) return this.#clear(from, payload.subarray(1));
    if (payload[0] === RECORD_TYPE.sk) return this.#record(from, payload);
    this.#drop('neither an envelope nor a record', { from, octets: payload.length });
  }

  /** In clear there is Connection setup and nothing else. */
  async #clear(from: EntityId, octets: Uint8Array): Promise<void> {
    const envelope = this.#decode(octets, from);
    if (envelope === undefined) return;
    if (envelope.sender !== from) return this.#drop('an envelope in the name of another device', { from, sender: envelope.sender });
    await this.#message(envelope, { sender: from, topic: from, session: undefined, place: undefined });
  }

  /** A device's record in its own session. */
  async #record(from: EntityId, record: Uint8Array): Promise<void> {
    const { sessions, limits, downlink } = this.#context;
    const header = readSkHeader(record);
    if (header === undefined) return this.#drop('a malformed record', { from });
    const session = sessions.find(header.sid);
    if (session === undefined) {
      if (limits.hint(from)) await downlink.sessionUnknown(from, header.sid);
      return this.#drop('a record of an unknown session', { from, sid: toHex(header.sid) });
    }
    if (session.entityId !== from || !session.own) return this.#drop('a record of another session than the own', { from });
    await this.#opened(session, record, from);
  }

  /** A PNE's record, carried by its PN GW. */
  async #relayed(carrier: Session, envelope: Envelope): Promise<void> {
    const { sessions, limits, downlink } = this.#context;
    const { pnId, pne, record } = bodyOf(envelope, relay);
    const from = carrier.entityId;
    const header = readSkHeader(record);
    if (header === undefined) return this.#drop('a malformed record of a PNE', { from, pne });
    const session = sessions.find(header.sid);
    if (session === undefined) {
      if (limits.hint(from)) await downlink.sessionOfPneUnknown(carrier, pne, header.sid);
      return this.#drop('a record of an unknown session of a PNE', { from, pne, sid: toHex(header.sid) });
    }
    if (session.entityId !== pne || session.gateway !== from || session.pnId !== toHex(pnId)) {
      return this.#drop('a record that this PN GW does not carry', { from, pne });
    }
    await this.#opened(session, record, from);
  }

  async #opened(session: Session, record: Uint8Array, topic: EntityId): Promise<void> {
    const opened = session.opener.open(record);
    if (opened === undefined) return this.#drop('a record whose tag is wrong', { topic, entityId: session.entityId });
    const { innerType, inst, seq } = opened;
    if (innerType !== INNER_TYPE.envelope && innerType !== INNER_TYPE.part) return;
    const octets = innerType === INNER_TYPE.envelope ? opened.content : session.parts.accept(opened);
    if (octets === undefined) return;
    // All parts of an envelope share one place, whichever of them comes last.
    const first = innerType === INNER_TYPE.part ? seq - BigInt(opened.content[0] ?? 0) : seq;
    const place: RecordPlace = { sid: session.sid, inst, seq: first };
    const envelope = this.#decode(octets, session.entityId);
    if (envelope === undefined) return;
    if (envelope.sender !== session.entityId) {
      return this.#drop('an envelope in the name of another device', { entityId: session.entityId, sender: envelope.sender });
    }
    if (!session.acknowledged) await acknowledge(this.#context, session);
    if (session.own && envelope.number === relay.number) return this.#guarded(envelope, () => this.#relayed(session, envelope));
    await this.#message(envelope, { sender: session.entityId, topic, session, place });
  }

  async #message(envelope: Envelope, origin: Origin): Promise<void> {
    const { type } = envelope;
    const { session } = origin;
    const channel: Channel = session === undefined ? 'clear' : 'sk';
    const direction: Direction = session === undefined || session.own ? 'GW>Server' : 'PNE>Server';
    if (type !== undefined && !admissible(type, channel, [direction])) {
      this.#drop('a message that does not belong here', { sender: origin.sender, message: type.name, channel });
      if (type.kind === 'request') this.#refuse(envelope, origin, refuse(Status.BadMessage, 'NotAdmissible', 'It does not belong here.'));
      return;
    }
    if (type !== undefined && !CONTENT.has(type.number)) this.#context.logger.debug('received', { from: origin.sender, name: type.name });
    const answered = session === undefined ? undefined : ANSWERS.get(envelope.number);
    if (session !== undefined && answered !== undefined) return this.#guarded(envelope, () => answered(this.#context, session, envelope));
    const flow = FLOWS.get(envelope.number);
    if (flow !== undefined) return this.#guarded(envelope, () => this.#serve(flow, envelope, origin));
    if (type !== undefined && type.kind !== 'request') return;
    this.#refuse(envelope, origin, refuse(Status.BadMessage, 'UnknownMessage', `This server does not serve message ${envelope.number}.`));
  }

  async #serve(flow: Flow, envelope: Envelope, origin: Origin): Promise<void> {
    const { inventory, provider, settings } = this.#context;
    const isRequest = flow.type.kind === 'request';
    const digest = provider.sha256(envelope.octets);
    let key: RequestKey = { sender: origin.sender, actedFor: '', transaction: envelope.transaction };
    try {
      const body = bodyOf(envelope, flow.type);
      key = { ...key, actedFor: flow.actedFor?.(body) ?? '' };
      const incoming = new Incoming(this.#context, { ...origin, envelope, key, digest }, body);
      if (!isRequest) return await flow.handle(this.#context, incoming);
      if (origin.session?.leaving) throw refuse(Status.NotMember, 'Leaving', 'The device was taken out of the PN.');

      const known = this.#open.look(key, digest);
      if (known.kind === 'altered') throw altered();
      if (known.kind === 'refused') return incoming.send(known.answer);
      if (known.kind === 'open') return await incoming.answer(pending, { retryAfterMs: PENDING_AFTER_MS });
      const seen = flow.kept ? inventory.reads.inbox.look(key, digest) : undefined;
      if (seen?.kind === 'altered') throw altered();
      if (seen?.kind === 'repeated') return incoming.send(seen.answer);

      if (this.#open.of(key.sender) >= settings.limits.openRequestsPerEntity) {
        throw refuse(Status.Busy, 'TooManyOpenRequests', 'Too many requests of this device are under way.', PENDING_AFTER_MS);
      }
      this.#open.begin(key, digest);
      const handled = flow.handle(this.#context, incoming).finally(() => this.#open.end(key));
      // What waits for somebody elsewhere must not hold up what comes behind it from the same device.
      const waits = await Promise.race([handled.then(() => false), incoming.waits.then(() => true)]);
      if (waits) void handled.catch((error) => this.#failed(envelope, origin, key, digest, error));
    } catch (error) {
      if (!isRequest && !(error instanceof RecordDropped)) throw error;
      this.#failed(envelope, origin, key, digest, error);
    }
  }

  #failed(envelope: Envelope, origin: Origin, key: RequestKey, digest: Uint8Array, error: unknown): void {
    if (error instanceof RecordDropped) return;
    const octets = this.#refuse(envelope, origin, error);
    const code = error instanceof CpnsError ? error.code : '';
    if (!isPassing(statusOf(error)) && code !== ALTERED) this.#open.refuse(key, digest, octets);
  }

  /** Messages without answer: what is wrong with them is logged; what the disk did not take comes again. */
  async #guarded(envelope: Envelope, handle: () => Promise<void>): Promise<void> {
    try {
      await handle();
    } catch (error) {
      if (statusOf(error) === Status.ServerError) throw error;
      this.#drop('a message that could not be taken', { message: envelope.type?.name, why: describeError(error) });
    }
  }

  /** One coarse status for the peer, the detail for the log. */
  #refuse(envelope: Envelope, origin: Origin, error: unknown): Uint8Array {
    const status = statusOf(error);
    const retryAfterMs = error instanceof CpnsError ? error.retryAfterMs : undefined;
    const octets = encodeEnvelope(refusal, envelope.transaction, '', { status, ...(retryAfterMs !== undefined && { retryAfterMs }) });
    const fields = {
      sender: origin.sender,
      message: envelope.type?.name ?? envelope.number,
      status: statusName(status),
      why: describeError(error),
    };
    if (status === Status.ServerError) this.#context.logger.error('a request failed', fields);
    else this.#context.logger.info('a request was refused', fields);
    const { downlink } = this.#context;
    void (origin.session === undefined ? downlink.clear(origin.sender, octets) : downlink.send(origin.session, octets));
    return octets;
  }

  #decode(octets: Uint8Array, from: EntityId): Envelope | undefined {
    try {
      return decodeEnvelope(octets, MAX_UPLINK_ENVELOPE);
    } catch (error) {
      this.#drop('a message that could not be read', { from, why: describeError(error) });
      return undefined;
    }
  }

  #drop(what: string, fields: Readonly<Record<string, unknown>>): void {
    this.#context.logger.debug(`dropped ${what}`, fields);
  }
}

const ALTERED = 'TransactionAltered';

function altered(): CpnsError {
  return refuse(Status.BadMessage, ALTERED, 'That transaction id was used for another request.');
}
