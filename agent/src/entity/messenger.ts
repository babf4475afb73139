import {
  type Clock,
  CpnsError,
  describeError,
  type EntityId,
  type Entropy,
  every,
  type Logger,
  type PnId,
  type Reply,
  reply,
  retrySchedule,
  type SgId,
} from '@cpns/shared';
import {
  Addressee,
  type ApplicationData,
  type BodyOf,
  bodyOf,
  data,
  dataAnswer,
  type Envelope,
  fromOctets,
  type pnData,
  pnDataContent,
  Status,
  toOctets,
} from '@cpns/shared/messages';
import { toHex } from '@cpns/shared/security';
import type { Contents } from './contents.js';
import type { Happening } from './device-context.js';
import { type DeviceState, PnState, pnIdText, sgIdOctets, sgIdText } from './device-state.js';
import type { Groups } from './groups/groups.js';
import { Inbox } from './inbox.js';
import { type NewMessage, Outbox, type OutboxLimits, type OutboxMessage } from './outbox.js';
import { requireFitsPnData, requireFitsSgData } from './pn-data-size.js';
import type { PnTraffic } from './pn-traffic.js';
import type { ServerChannel } from './server-channel.js';

/** Messages on their way at once; the others wait in the outbox. */
const MAX_UNDER_WAY = 16;
/** Of these to one addressee: one who is away must not keep messages from the others. */
const MAX_UNDER_WAY_TO_ONE = 8;
/** An entity of the PN has so long to answer before the message is sent again. */
const ENTITY_TIMEOUT_MS = 5_000;
const EXPIRY_CHECK_MS = 60_000;
/** Messages whose outcome is remembered. */
const REMEMBERED = 1_000;
/** Codes of a message under a PN key that this device does not have. */
const KEY_MISSED: ReadonlySet<string> = new Set(['NoKey', 'NewerEpoch']);
/** The addressee will never take such a message. */
const HOPELESS: ReadonlySet<number> = new Set([Status.BadMessage, Status.BadAction]);

/** A message as the person or program at this device sees it. */
export interface ReceivedMessage {
  readonly data: ApplicationData;
  readonly pnId: PnId | undefined;
  readonly receivedAtWallMs: number;
  /** When the server got it; of messages that came while this device was away. */
  readonly sentAtWallMs?: number;
}

export interface MessengerOptions {
  readonly self: EntityId;
  readonly state: DeviceState;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly logger: Logger;
  readonly traffic: PnTraffic;
  readonly limits: OutboxLimits;
  /** The session with the server for a PN (or the gateway's own), when it can be used now. */
  serverSession(pnId: PnId | undefined): ServerChannel | undefined;
  /** Sends PN data. False: it cannot leave now. */
  sendInPn(pnId: PnId, to: EntityId, message: Uint8Array): boolean;
  /** There is a PN key that this device does not have. */
  keyMissed(pnId: PnId): void;
  /** Whom requests for contents, and parts of them, are for. */
  readonly contents: Pick<Contents, 'asked' | 'answered'>;
  /** Where messages to service groups are sealed and sent. */
  readonly groups: Pick<Groups, 'find' | 'send'>;
  received(message: ReceivedMessage): void;
  happened(what: Happening): void;
}

/**
 * Application data of this device (protocol 0.23): what goes out is durable first and repeated until the addressee answered that it
 * stored it; what comes in is stored before it is answered.
 */
export class Messenger {
  readonly outbox: Outbox;
  readonly #options: MessengerOptions;
  readonly #inbox: Inbox;
  /** Their addressees, by message id. */
  readonly #underWay = new Map<string, string>();
  /** Messages that wait for their next try. */
  readonly #waiting = new Map<string, () => void>();
  readonly #delays = new Map<string, Iterator<number, never>>();
  readonly #awaited = new Map<string, ((delivered: boolean) => void)[]>();
  /** How the last messages ended, for those who ask late. */
  readonly #ended = new Map<string, boolean>();
  readonly #receipts = new Map<string, (status: Status) => void>();
  #stopped = false;

  constructor(options: MessengerOptions) {
    const { state, clock, limits } = options;
    this.#options = options;
    this.outbox = new Outbox(state, clock, limits);
    this.#inbox = new Inbox(state);
    every(clock, EXPIRY_CHECK_MS, () => this.#expire());
  }

  /** Tries nothing more; what waits stays in the outbox. */
  stop(): void {
    this.#stopped = true;
    for (const cancel of this.#waiting.values()) cancel();
  }

  /** Durable when the promise resolves. @throws CpnsError State/NotInPn, State/MessageTooLarge, State/OutboxFull, State/DiskFull */
  async queue(message: NewMessage): Promise<string> {
    const pnId = this.#pnFor(message);
    const id = this.#options.entropy.bytes(16);
    this.#requireFits(message, id, pnId);
    const record = await this.outbox.add(id, { ...message, pnId });
    this.#deliverNext();
    return toHex(record.id);
  }

  #requireFits({ to, ...message }: NewMessage, id: Uint8Array, pnId: PnId | undefined): void {
    const { self, state } = this.#options;
    if (typeof to === 'object') return requireFitsSgData({ ...message, id, from: self, to: Addressee.Group, group: sgIdOctets(to.sgId) });
    const gateway = pnId && state.pn(pnId)?.gateway;
    if (to === 'server' || gateway === undefined) return;
    requireFitsPnData({ ...message, id, from: self, to: Addressee.Entity, entity: to }, to, gateway);
  }

  /** Resolves when the message was delivered, or sent to its group (true), or given up (false). */
  outcome(messageId: string): Promise<boolean> {
    const ended = this.#ended.get(messageId);
    if (ended !== undefined) return Promise.resolve(ended);
    return new Promise((resolve) => this.#awaited.set(messageId, [...(this.#awaited.get(messageId) ?? []), resolve]));
  }

  /** A way has opened: what waits for its time is tried now. */
  flush(): void {
    for (const cancel of this.#waiting.values()) cancel();
    this.#waiting.clear();
    this.#deliverNext();
  }

  /** Data of the server, in a session with it. */
  serverData(pnId: PnId | undefined, channel: ServerChannel, envelope: Envelope): void {
    void channel.serve(envelope, async () => {
      const { data: message } = bodyOf(envelope, data);
      if (message.to !== Addressee.Entity || message.entity !== this.#options.self) {
        throw new CpnsError('Auth', 'WrongAddressee', 'The server sent data for another device.', { status: Status.BadMessage });
      }
      await this.#take(message, pnId);
      return reply(dataAnswer, { receipt: { id: message.id, status: Status.Success } }) as Reply<never>;
    });
  }

  /** A PN Data message for this device: data, or the receipt for some. */
  pnData(pnId: PnId, body: BodyOf<typeof pnData>): void {
    void this.#openPnData(pnId, body).catch((error) => {
      this.#options.logger.info('a message of the PN was dropped', { pn: pnId, from: body.from, why: describeError(error) });
      if (error instanceof CpnsError && KEY_MISSED.has(error.code)) this.#options.keyMissed(pnId);
    });
  }

  async #openPnData(pnId: PnId, body: BodyOf<typeof pnData>): Promise<void> {
    const opened = this.#options.traffic.open(pnId, body.message, body.from);
    if (opened === undefined) throw new CpnsError('State', 'NoKey', 'There is no PN key here yet.');
    const content = fromOctets(pnDataContent, opened.content, 'PN Data');
    if (content.receipt !== undefined) this.#receipts.get(`${body.from}/${toHex(content.receipt.id)}`)?.(content.receipt.status);
    if (content.contentPart !== undefined) this.#options.contents.answered(body.from, content.contentPart);
    if (content.contentRequest !== undefined) await this.#options.contents.asked(pnId, body.from, content.contentRequest);
    if (content.data === undefined) return;
    if (content.data.from !== body.from || content.data.to !== Addressee.Entity || content.data.entity !== this.#options.self) {
      throw new CpnsError('Auth', 'WrongAddressee', 'The message is not for this device, or not from whom it says.');
    }
    await this.#take(content.data, pnId);
    const sealed = this.#options.traffic.seal(pnId, toOctets(pnDataContent, { receipt: { id: content.data.id, status: Status.Success } }));
    if (sealed !== undefined) this.#options.sendInPn(pnId, body.from, sealed);
  }

  /** A message to a service group that this device is in. @throws CpnsError State/DiskFull */
  groupData(message: ApplicationData, pnId: PnId | undefined, sentMs?: number): Promise<void> {
    return this.#take(message, pnId, sentMs);
  }

  async #take(message: ApplicationData, pnId: PnId | undefined, sentAtWallMs?: number): Promise<void> {
    if (!(await this.#inbox.store(message))) return;
    const receivedAtWallMs = this.#options.clock.wallMs();
    this.#options.received({ data: message, pnId, receivedAtWallMs, ...(sentAtWallMs !== undefined && { sentAtWallMs }) });
  }

  #deliverNext(): void {
    for (const id of this.outbox.ids()) {
      if (this.#stopped || this.#underWay.size >= MAX_UNDER_WAY) return;
      const message = this.outbox.get(id);
      if (message === undefined || this.#underWay.has(id) || this.#waiting.has(id)) continue;
      const alike = [...this.#underWay.values()].filter((addressee) => addressee === addresseeOf(message));
      if (alike.length < MAX_UNDER_WAY_TO_ONE) void this.#deliver(id, message);
    }
  }

  async #deliver(id: string, message: OutboxMessage): Promise<void> {
    this.#underWay.set(id, addresseeOf(message));
    try {
      const expired = this.outbox.isExpired(id);
      const status = expired ? Status.Timeout : await this.#send(message);
      if (expired || status !== undefined) await this.#over(id, status === Status.Success, message.to);
    } catch (error) {
      this.#options.logger.debug('a message was not delivered yet', { id, why: describeError(error) });
      if (error instanceof CpnsError && error.status !== undefined && HOPELESS.has(error.status)) await this.#over(id, false, message.to);
    } finally {
      this.#underWay.delete(id);
      this.#later(id);
      this.#deliverNext();
    }
  }

  /** The addressee's answer; undefined: there was none yet. */
  async #send(message: OutboxMessage): Promise<Status | undefined> {
    if (message.group !== undefined) return this.#toGroup(message, sgIdText(message.group));
    return await (message.to === Addressee.Server ? this.#toServer(message) : this.#toEntity(message));
  }

  /** Sent once: nobody answers for a group. */
  #toGroup(message: OutboxMessage, sgId: SgId): Status | undefined {
    const { state, groups } = this.#options;
    if (state.group(sgId) === undefined) return Status.UnknownSg;
    return groups.send(sgId, this.#applicationData(message)) ? Status.Success : undefined;
  }

  async #toServer(message: OutboxMessage): Promise<Status | undefined> {
    const session = this.#options.serverSession(message.pnId && pnIdText(message.pnId));
    if (session === undefined) return undefined;
    const { body } = await session.request(data, { data: this.#applicationData(message) }, [dataAnswer]);
    return body.receipt.status;
  }

  async #toEntity(message: OutboxMessage): Promise<Status | undefined> {
    const { traffic, clock, state } = this.#options;
    const to = message.entity as EntityId;
    const pnId = message.pnId && pnIdText(message.pnId);
    if (pnId === undefined || state.pn(pnId) === undefined) return Status.UnknownPn;
    const sealed = traffic.seal(pnId, toOctets(pnDataContent, { data: this.#applicationData(message) }));
    if (sealed === undefined || !this.#options.sendInPn(pnId, to, sealed)) return undefined;
    const key = `${to}/${toHex(message.id)}`;
    return await new Promise<Status | undefined>((resolve) => {
      const end = (status: Status | undefined) => {
        cancel();
        this.#receipts.delete(key);
        resolve(status);
      };
      const cancel = clock.after(ENTITY_TIMEOUT_MS, () => end(undefined));
      this.#receipts.set(key, end);
    });
  }

  #applicationData(message: OutboxMessage): ApplicationData {
    const { id, to, channel, contentType, payload, entity, group } = message;
    return { id, from: this.#options.self, to, ...(entity && { entity }), ...(group && { group }), channel, contentType, payload };
  }

  /** Nothing to do when the message is over. */
  #later(id: string): void {
    if (this.#stopped || this.outbox.get(id) === undefined) return;
    const delays = this.#delays.get(id) ?? retrySchedule(this.#options.entropy, { firstMs: 1_000, maxMs: 30_000 });
    this.#delays.set(id, delays);
    const cancel = this.#options.clock.after(500 + delays.next().value, () => {
      this.#waiting.delete(id);
      this.#deliverNext();
    });
    this.#waiting.set(id, cancel);
  }

  async #over(id: string, delivered: boolean, to?: Addressee): Promise<void> {
    const done = to === Addressee.Group ? 'sent' : 'delivered';
    const text = delivered ? `Message ${id} was ${done}.` : `Message ${id} could not be ${done} and was given up.`;
    this.#waiting.get(id)?.();
    this.#waiting.delete(id);
    this.#delays.delete(id);
    await this.outbox
      .remove(id)
      .catch((error) => this.#options.logger.warn('a message that is over could not be deleted', { id, why: describeError(error) }));
    this.#ended.set(id, delivered);
    if (this.#ended.size > REMEMBERED) for (const oldest of [...this.#ended.keys()].slice(0, -REMEMBERED)) this.#ended.delete(oldest);
    for (const resolve of this.#awaited.get(id) ?? []) resolve(delivered);
    this.#awaited.delete(id);
    this.#options.happened({ type: delivered ? `message-${done}` : 'message-expired', messageId: id, text });
  }

  #expire(): void {
    for (const id of [...this.outbox.ids()]) if (this.outbox.isExpired(id) && !this.#underWay.has(id)) void this.#over(id, false);
  }

  /** @throws CpnsError State/NotInGroup; State/GroupSilent: this device may not send to it for a while */
  #throughGroup(sgId: SgId): PnId | undefined {
    const { record, silence } = this.#options.groups.find(sgId);
    if (silence?.lasting) throw new CpnsError('State', 'GroupSilent', silence.why, { retryable: true });
    return record.pnId && pnIdText(record.pnId);
  }

  /** Which PN a message goes through. @throws CpnsError State/NotInPn, State/UnknownPn, and as for a group */
  #pnFor({ pnId, to }: NewMessage): PnId | undefined {
    const { state } = this.#options;
    if (typeof to === 'object') return this.#throughGroup(to.sgId);
    if (pnId !== undefined) {
      if (state.pn(pnId) === undefined)
        throw new CpnsError('State', 'UnknownPn', `This device is not in personal network ${pnId}: see "cpns-agent pn show".`);
      return pnId;
    }
    const pns = state.pns().filter((record) => record.state === PnState.Established);
    // Where members are not shared nobody knows the others: the gateway does.
    const fitting =
      to === 'server' ? pns : pns.filter((record) => record.members.some((member) => member.entityId === to) || record.members.length <= 2);
    const first = fitting[0];
    if (first === undefined) {
      if (to === 'server' && this.#options.serverSession(undefined) !== undefined) return undefined;
      throw new CpnsError(
        'State',
        'NotInPn',
        'This device is in no personal network that leads there: set one up with "cpns-agent pn create".',
      );
    }
    if (fitting.length > 1 && to !== 'server')
      throw new CpnsError('State', 'WhichPn', 'More than one personal network leads there: name one with --pn.');
    return pnIdText(first.pnId);
  }
}

function addresseeOf({ entity, group }: OutboxMessage): string {
  return entity ?? (group ? toHex(group) : 'server');
}
