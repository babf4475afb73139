import {
  type Clock,
  CpnsError,
  type CryptoProvider,
  describeError,
  type EntityId,
  type Entropy,
  type Logger,
  type PnId,
  Serial,
  type ServerId,
  type SgId,
} from '@cpns/shared';
import {
  type ApplicationData,
  type BodyOf,
  type Envelope,
  type GroupInfo,
  type groupKeyDelivery,
  type heartbeat,
  type heartbeatAnswer,
  ResyncReason,
  Status,
  type sgData,
} from '@cpns/shared/messages';
import { parseRekeyPart } from '@cpns/shared/security';
import type { ConsentDesk } from '../consent-desk.js';
import type { ContentSource } from '../content-source.js';
import type { Happening } from '../device-context.js';
import { type DeviceState, PnRole, pnIdText, sgIdText } from '../device-state.js';
import type { ServerChannel } from '../server-channel.js';
import { GroupBook, throughPn } from './group-book.js';
import type { GroupContext } from './group-context.js';
import { GroupKeys } from './group-keys.js';
import { type FoundObject, fetchObject, findObject } from './group-objects.js';
import type { GroupRecord } from './group-record.js';
import {
  bareGroup,
  createGroup,
  discoverGroups,
  expelFromGroup,
  type GroupOutcome,
  handOverGroup,
  inviteIntoGroup,
  joinGroup,
  leaveGroup,
  type NewGroup,
  releaseGroup,
} from './group-requests.js';
import { serveGroups } from './group-server-messages.js';
import { type Sharing, shareObject, sharing, withdrawObject } from './group-sharing.js';
import { GroupTalk, type Silence } from './group-talk.js';
import { GroupTraffic } from './group-traffic.js';
import { acknowledgeKeys, GroupUpkeep } from './group-upkeep.js';

export interface GroupsOptions {
  readonly self: EntityId;
  readonly idServer: ServerId;
  readonly provider: CryptoProvider;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly logger: Logger;
  readonly state: DeviceState;
  readonly bootCounter: number;
  readonly desk: ConsentDesk;
  /** What this device offers. */
  readonly contents: ContentSource;
  /** The session with the server for a PN, or the PN GW's own, when it can be used now. */
  session(pnId: PnId | undefined): ServerChannel | undefined;
  /** Sends a sealed message on its way. False: it cannot leave now. */
  carry(pnId: PnId | undefined, body: BodyOf<typeof sgData>): boolean;
  /** What waited for being allowed to leave may try again. */
  released(): void;
  /** Application data of a group, opened. */
  received(message: ApplicationData, pnId: PnId | undefined, sentMs?: number): Promise<void>;
  happened(what: Happening): void;
}

/** A part that others have overtaken closes a gap by then; only after that the keys are asked for. */
const OVERTAKEN_MS = 1_000;

/** A group as it stands at this device. */
export interface OwnGroup {
  readonly record: GroupRecord;
  /** Of the Group Key that is held; undefined: none yet. */
  readonly epoch: bigint | undefined;
  /** There is a newer Group Key than that. */
  readonly isBehind: boolean;
  /** Why this device may not send to it now. */
  readonly silence: Silence | undefined;
}

/** What a role of the device hands on of service groups. */
export type GroupsOfRole = Pick<Groups, 'serve' | 'rekey' | 'data' | 'heartbeat'>;

/** The service groups of a device, which it is in as PNE or as PN GW: what a person asks of them, and what the server and others send. */
export class Groups {
  readonly #options: GroupsOptions;
  readonly #context: GroupContext;
  readonly #traffic: GroupTraffic;
  /** Sessions whose server has said since the start of this device which epochs are current. */
  readonly #told = new Set<PnId | ''>();

  constructor(options: GroupsOptions) {
    const { state } = options;
    this.#options = options;
    this.#traffic = new GroupTraffic(options);
    const traffic = this.#traffic;
    const book = new GroupBook(state);
    const upkeep = new GroupUpkeep(() => this.#context);
    const talk = new GroupTalk({ ...options, book, upkeep, traffic });
    const held = book.all().map((record) => sgIdText(record.sgId));
    const keys = new GroupKeys({ ...options, traffic, changed: (sgId) => talk.keysChanged(sgId) }, held);
    this.#context = { ...options, book, keys, upkeep, talk, settling: new Serial<SgId>() };
  }

  list(): OwnGroup[] {
    return this.#context.book.all().map((record) => this.#own(record));
  }

  /** The named one, or the only one. @throws CpnsError State/NotInGroup, State/WhichGroup */
  find(sgId: SgId | undefined): OwnGroup {
    return this.#own(this.#record(sgId));
  }

  /** @throws CpnsError State/NotInPn, State/WhichPn, State/UnknownPn, Transport, State/Refused, Auth/Refused */
  async create(
    group: Omit<NewGroup, 'objects'> & { readonly pnId?: PnId | undefined; readonly objects?: readonly Sharing[] | undefined },
    signal: AbortSignal,
  ) {
    const objects = (group.objects ?? []).map((each) => sharing(this.#context, each));
    const { pnId, channel } = this.#way(group.pnId);
    const { sgId, outcomes } = await createGroup(this.#context, pnId, channel, { ...group, objects }, signal);
    return { group: this.find(sgId), outcomes };
  }

  /** @throws CpnsError as {@link create}; State/UnknownSg, State/AlreadyMember */
  async join(sgId: SgId, through: PnId | undefined, signal: AbortSignal): Promise<OwnGroup> {
    const { pnId, channel } = this.#way(through);
    if (this.#context.book.get(sgId) !== undefined)
      throw new CpnsError('State', 'AlreadyMember', 'This device is in that service group already.', { status: Status.AlreadyMember });
    await joinGroup(this.#context, pnId, channel, sgId, signal);
    return this.find(sgId);
  }

  /** @throws CpnsError State/NotInGroup, State/NotOwner, Auth/Refused, Transport */
  invite(sgId: SgId | undefined, members: readonly EntityId[], signal: AbortSignal): Promise<readonly GroupOutcome[]> {
    return inviteIntoGroup(this.#context, this.#record(sgId), members, signal);
  }

  /** @throws CpnsError State/NotInGroup, Transport */
  async leave(sgId: SgId | undefined): Promise<SgId> {
    const record = this.#record(sgId);
    await leaveGroup(this.#context, record);
    return sgIdText(record.sgId);
  }

  /** @throws CpnsError State/NotInGroup, State/NotOwner, State/NotMember, Transport */
  async expel(
    sgId: SgId | undefined,
    members: readonly EntityId[],
  ): Promise<{ readonly sgId: SgId; readonly members: readonly EntityId[] }> {
    const record = this.#record(sgId);
    return { sgId: sgIdText(record.sgId), members: await expelFromGroup(this.#context, record, members) };
  }

  /** @throws CpnsError State/NotInGroup, State/NotOwner, Transport */
  async release(sgId: SgId | undefined): Promise<SgId> {
    const record = this.#record(sgId);
    await releaseGroup(this.#context, record);
    return sgIdText(record.sgId);
  }

  /** @throws CpnsError State/NotInGroup, State/NotOwner, State/NotMember, Auth/Refused: the candidate said no; Transport */
  async handOver(sgId: SgId | undefined, candidate: EntityId, signal: AbortSignal): Promise<OwnGroup> {
    const record = this.#record(sgId);
    await handOverGroup(this.#context, record, candidate, signal);
    return this.find(sgIdText(record.sgId));
  }

  /** Groups that this device may know of. @throws CpnsError State/NotInPn, Transport */
  discover(
    wanted: { readonly keyword?: string | undefined; readonly serviceId?: string | undefined },
    signal: AbortSignal,
  ): Promise<readonly GroupInfo[]> {
    return discoverGroups(this.#context, this.#way(undefined, true).channel, wanted, signal);
  }

  /**
   * A shared object by its id or its name, of any member or of `from`, as the server lists it now.
   * @throws CpnsError State/NotInGroup, State/WhichGroup, State/NoSuchContent, State/WhichContent, Transport
   */
  findObject(sgId: SgId | undefined, wanted: string, from: EntityId | undefined, signal: AbortSignal): Promise<FoundObject> {
    return findObject(this.#context, this.#record(sgId), wanted, from, signal);
  }

  /**
   * Shares an own content, or shares it otherwise than before.
   * @throws CpnsError State/NotInGroup, State/WhichGroup, State/NotOffered, State/NotMember: somebody it is for; State/TooManyObjects,
   * Config/PastTime, State/PastTime, Transport
   */
  async share(sgId: SgId | undefined, wanted: Sharing, signal: AbortSignal) {
    const record = this.#record(sgId);
    const object = await shareObject(this.#context, record, wanted, signal);
    return { object, group: this.find(sgIdText(record.sgId)) };
  }

  /**
   * Withdraws an own object; as owner of the group one of another member, too.
   * @throws CpnsError State/NotInGroup, State/WhichGroup, State/NoSuchContent, State/WhichContent, State/NotOwner, Transport
   */
  async withdraw(sgId: SgId | undefined, wanted: string, from: EntityId | undefined, signal: AbortSignal) {
    const record = this.#record(sgId);
    const object = await withdrawObject(this.#context, record, wanted, from, signal);
    return { object, group: this.find(sgIdText(record.sgId)) };
  }

  /**
   * Fetches it part by part, in order, through the server. Only who has all parts can compare their SHA-256 with the id.
   * @throws CpnsError as {@link findObject}; State/Refused, Auth/ContentAltered, Timeout/NoContent, or the signal's reason
   */
  fetchObject(found: FoundObject, take: (part: Uint8Array, index: number, size: number) => void, signal: AbortSignal): Promise<void> {
    return fetchObject(this.#context, found, take, signal);
  }

  /** Seals a message and sends it, once. False: it cannot leave now. */
  send(sgId: SgId, message: ApplicationData): boolean {
    return this.#context.talk.send(sgId, message);
  }

  /** A request of the server in the session for a PN, or the PN GW's own. False: it is not about groups. */
  serve(pnId: PnId | undefined, channel: ServerChannel, envelope: Envelope): boolean {
    return serveGroups(this.#context, pnId, channel, envelope);
  }

  /** A part of a rekey that the PN GW of a PN relayed, or that came to this PN GW. */
  rekey(pnId: PnId | undefined, body: BodyOf<typeof groupKeyDelivery>): void {
    void this.#takePart(pnId, body).catch((error) => this.#options.logger.warn('a rekey was refused', { why: describeError(error) }));
  }

  /** A message of a member. */
  data(pnId: PnId | undefined, body: BodyOf<typeof sgData>): void {
    this.#context.talk.take(pnId, body);
  }

  /** Who missed a change notices it here (security 1.8). Returns what this device has sent. */
  heartbeat(pnId: PnId | undefined, { sgs }: BodyOf<typeof heartbeat>): BodyOf<typeof heartbeatAnswer>['counts'] {
    const { book, keys, upkeep } = this.#context;
    this.#context.talk.heard(pnId);
    // Behind at the first word of the server: the state may have been put back, and with it what was sent in the epoch that it knows.
    const reason = this.#told.has(pnId ?? '') ? ResyncReason.Gap : ResyncReason.Restored;
    this.#told.add(pnId ?? '');
    const current = new Map(sgs.map((group) => [sgIdText(group.sgId), BigInt(group.epoch)]));
    for (const [sgId, epoch] of current) {
      const held = keys.epoch(sgId);
      if (book.get(sgId) === undefined) void this.#found(sgId, pnId);
      else if (held === undefined || held < epoch) upkeep.keysDue(sgId, held === undefined ? ResyncReason.Joined : reason, epoch);
    }
    for (const sgId of book.through(pnId)) if (!current.has(sgId)) upkeep.keysDue(sgId, ResyncReason.Gap);
    return book.through(pnId).flatMap((sgId) => {
      const sent = this.#traffic.sent(sgId);
      const record = book.get(sgId);
      return sent === undefined || record === undefined ? [] : [{ sgId: record.sgId, epoch: Number(sent.epoch), sent: Number(sent.sent) }];
    });
  }

  /** A way to the server has opened for a PN, or for this PN GW itself. */
  reachable(pnId: PnId | undefined): void {
    const { book, upkeep } = this.#context;
    // Whoever says so is there: the server gives it what was kept.
    for (const sgId of book.through(pnId)) acknowledgeKeys(this.#context, sgId);
    upkeep.reachable(pnId);
  }

  /** A PN is over here: with it went the groups that this device was in through it (protocol e.40). */
  pnChanged(): void {
    const { book, keys, upkeep } = this.#context;
    for (const sgId of book.dropGone()) {
      keys.forget(sgId);
      upkeep.forget(sgId);
      this.#context.talk.forget(sgId);
      this.#options.happened({
        type: 'group',
        sgId,
        state: 'Absent',
        text: `No longer in service group ${sgId}: its personal network is over.`,
      });
    }
  }

  async stop(): Promise<void> {
    await this.#traffic.stop();
    this.#context.keys.eraseAll();
  }

  #own(record: GroupRecord): OwnGroup {
    const { keys, upkeep, clock } = this.#context;
    const sgId = sgIdText(record.sgId);
    const lasting = record.objects?.filter(({ untilMs }) => untilMs === undefined || untilMs > clock.wallMs());
    return {
      record: { ...record, ...(lasting && { objects: lasting }) },
      epoch: keys.epoch(sgId),
      isBehind: upkeep.isBehind(sgId),
      silence: this.#context.talk.silence(sgId),
    };
  }

  #record(sgId: SgId | undefined): GroupRecord {
    const all = this.#context.book.all();
    const fitting = sgId === undefined ? all : all.filter((record) => sgIdText(record.sgId) === sgId);
    const [found, another] = fitting;
    if (found === undefined) {
      const what = sgId === undefined ? 'any service group' : `service group ${sgId}`;
      throw new CpnsError('State', 'NotInGroup', `This device is not in ${what}: see "cpns-agent group list".`, {
        status: Status.NotMember,
      });
    }
    if (another !== undefined) throw new CpnsError('State', 'WhichGroup', 'This device is in several service groups: say which one.');
    return found;
  }

  /** Through which network something is asked: the named one, the PN GW's own session, or the only one that leads to the server. */
  #way(pnId: PnId | undefined, any = false): { readonly pnId: PnId | undefined; readonly channel: ServerChannel } {
    const { state, session } = this.#options;
    const record = pnId && state.pn(pnId);
    if (pnId !== undefined && record === undefined)
      throw new CpnsError('State', 'UnknownPn', `This device is not in personal network ${pnId}: see "cpns-agent pn show".`);
    const own = session(undefined);
    const pns = state.pns().filter(({ role }) => role === PnRole.Pne);
    const ways: (PnId | undefined)[] = own && pnId === undefined ? [undefined] : pns.map((each) => pnIdText(each.pnId));
    const meant = record === undefined ? ways : [record.role === PnRole.PnGw ? undefined : pnId];
    const usable = meant.flatMap((way) => {
      const channel = session(way);
      return channel === undefined ? [] : [{ pnId: way, channel }];
    });
    const [found, another] = usable;
    if (found !== undefined && (another === undefined || any)) return found;
    if (another !== undefined)
      throw new CpnsError('State', 'WhichPn', 'More than one personal network leads to the server: name one with --pn.');
    if (meant.length === 0)
      throw new CpnsError('State', 'NotInPn', 'This device is in no personal network: set one up with "cpns-agent pn create".');
    throw new CpnsError('Transport', 'ServerUnreachable', 'The CPNS Server cannot be reached now: see "cpns-agent status".', {
      status: Status.PeerUnreachable,
    });
  }

  async #takePart(pnId: PnId | undefined, body: BodyOf<typeof groupKeyDelivery>): Promise<void> {
    const { book, keys, upkeep, settling, clock } = this.#context;
    // Which group it is for; whether that is true its signature says.
    const { sgId: octets, epoch } = parseRekeyPart(body.part);
    const sgId = sgIdText(octets);
    await settling.run(sgId, async () => {
      const record = book.get(sgId);
      if (record === undefined || throughPn(record) !== pnId) return;
      const outcome = await keys.take(sgId, body);
      if (outcome === 'gap') clock.after(OVERTAKEN_MS, () => upkeep.keysDue(sgId, ResyncReason.Gap, epoch));
      else if (outcome !== 'more') acknowledgeKeys(this.#context, sgId);
    });
  }

  /** The server lists this device in a group that it does not know: a notice was lost. */
  async #found(sgId: SgId, pnId: PnId | undefined): Promise<void> {
    const { book, upkeep, settling, logger } = this.#context;
    try {
      await settling.run(sgId, async () => {
        if (book.get(sgId) === undefined) await book.put(bareGroup(sgId, pnId));
      });
      upkeep.copyDue(sgId);
      upkeep.keysDue(sgId, ResyncReason.Joined);
    } catch (error) {
      logger.warn('a service group could not be kept', { group: sgId, why: describeError(error) });
    }
  }
}
