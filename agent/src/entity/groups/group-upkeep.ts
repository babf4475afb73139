import { CpnsError, describeError, type PnId, refused, retrySchedule, type SgId, sleep } from '@cpns/shared';
import {
  groupKeyAck,
  groupKeyResyncRequest,
  groupKeyResyncResponse,
  ResyncReason,
  type SharedObject,
  Status,
  sgDiscoveryRequest,
  sgDiscoveryResponse,
  sgObjectChangeRequest,
  sgObjectChangeResponse,
} from '@cpns/shared/messages';
import { sgIdOctets, sgIdText } from '../device-state.js';
import type { ServerChannel } from '../server-channel.js';
import { throughPn } from './group-book.js';
import type { GroupContext } from './group-context.js';
import { titleOf } from './group-objects.js';
import type { GroupRecord } from './group-record.js';
import { forgetGroup, fromInfo, OUT_OF_GROUP } from './membership.js';

/** The server answers one resync in 10 s for each member (security 2.1). */
const BUSY_MS = 10_000;

/** What is to be brought up to date in one group. */
interface Due {
  /** The epoch that there is, as far as this device has heard; undefined: it is to be asked for in any case. */
  epoch: bigint | undefined;
  reason: ResyncReason;
  keys: boolean;
  copy: boolean;
}

/** Brings what this device has of its groups up to date, in the session of each: its copy of the SG Inventory, and its keys. */
export class GroupUpkeep {
  readonly #context: () => GroupContext;
  readonly #due = new Map<SgId, Due>();
  readonly #running = new Map<SgId, Promise<void>>();
  /** Groups of which a copy has come since the start of this device. */
  readonly #copied = new Set<SgId>();

  constructor(context: () => GroupContext) {
    this.#context = context;
  }

  /** There may be another Group Key than the one held: of `epoch`, or of one to be asked for. */
  keysDue(sgId: SgId, reason: ResyncReason, epoch?: bigint): void {
    const due = this.#dueOf(sgId);
    // Of the same epoch the first reason counts: that the state may be old is said once.
    if (due.keys && due.epoch !== undefined && epoch !== undefined && epoch <= due.epoch) return;
    this.#due.set(sgId, { ...due, keys: true, epoch, reason });
    this.#start(sgId);
  }

  /** Name, owner or members may be others. */
  copyDue(sgId: SgId): void {
    this.#due.set(sgId, { ...this.#dueOf(sgId), copy: true });
    this.#start(sgId);
  }

  /** This device has heard of a newer epoch than that of its key. */
  isBehind(sgId: SgId): boolean {
    const epoch = this.#context().keys.epoch(sgId);
    const due = this.#due.get(sgId);
    return epoch === undefined || (due?.keys === true && (due.epoch ?? 0n) > epoch);
  }

  /** A way to the server has opened for the groups of that PN. */
  reachable(pnId: PnId | undefined): void {
    const { book, keys } = this.#context();
    for (const sgId of book.through(pnId)) {
      if (keys.epoch(sgId) === undefined) this.keysDue(sgId, ResyncReason.Joined);
      // A copy that came from the server says how many they are; until then only what was told of this device is known. And the power may
      // have gone between the news of a change and the look at it.
      if (book.get(sgId)?.memberCount === undefined || !this.#copied.has(sgId)) this.copyDue(sgId);
      this.#start(sgId);
    }
  }

  /** Nothing is due in that group, or nothing can be done about it now. */
  settled(sgId: SgId): Promise<void> {
    return this.#running.get(sgId) ?? Promise.resolve();
  }

  forget(sgId: SgId): void {
    this.#due.delete(sgId);
    this.#copied.delete(sgId);
  }

  #dueOf(sgId: SgId): Due {
    return this.#due.get(sgId) ?? { keys: false, copy: false, epoch: undefined, reason: ResyncReason.Gap };
  }

  #start(sgId: SgId): void {
    if (this.#running.has(sgId) || !this.#due.has(sgId)) return;
    const running = this.#run(sgId).finally(() => {
      this.#running.delete(sgId);
      // A way may have opened, or something become due, as it ended.
      if (this.#way(sgId) !== undefined) this.#start(sgId);
    });
    this.#running.set(sgId, running);
  }

  #way(sgId: SgId): ServerChannel | undefined {
    const { book, session } = this.#context();
    const record = book.get(sgId);
    if (record === undefined) this.#due.delete(sgId);
    return record && session(throughPn(record));
  }

  /** Until nothing is due, or the group or the way to the server is gone. Never rejects. */
  async #run(sgId: SgId): Promise<void> {
    const context = this.#context();
    for (const delayMs of retrySchedule(context.entropy, { firstMs: 4_000, maxMs: 30_000 })) {
      let pauseMs = 500 + delayMs;
      try {
        while (this.#due.has(sgId)) {
          const session = this.#way(sgId);
          if (session === undefined) return;
          await this.#settle(sgId, session);
        }
        return;
      } catch (error) {
        context.logger.info('a service group could not be brought up to date', { group: sgId, why: describeError(error) });
        if (error instanceof CpnsError && error.status === Status.Busy) pauseMs += error.retryAfterMs ?? BUSY_MS;
      }
      await sleep(context.clock, pauseMs);
    }
  }

  async #settle(sgId: SgId, session: ServerChannel): Promise<void> {
    const due = this.#dueOf(sgId);
    if (due.keys) {
      const epoch = this.#context().keys.epoch(sgId);
      const overtaken = epoch !== undefined && due.epoch !== undefined && due.epoch <= epoch;
      if (!overtaken) await this.#resync(sgId, session, due.reason);
      this.#done(sgId, due, { keys: false });
    } else {
      await this.#refresh(sgId, session);
      this.#done(sgId, due, { copy: false });
    }
  }

  /** What became due meanwhile stays so. */
  #done(sgId: SgId, before: Due, what: Partial<Due>): void {
    const now = this.#due.get(sgId);
    if (now !== before) return;
    const after = { ...before, ...what };
    if (after.keys || after.copy) this.#due.set(sgId, after);
    else this.#due.delete(sgId);
  }

  /** Leaf, path and Group Key anew, in the session with the server only (security 1.8, offline). */
  async #resync(sgId: SgId, session: ServerChannel, reason: ResyncReason): Promise<void> {
    const context = this.#context();
    const asked = { sgId: sgIdOctets(sgId), epoch: Number(context.keys.epoch(sgId) ?? 0n), reason };
    const body = await session
      .request(groupKeyResyncRequest, asked, [groupKeyResyncResponse])
      .then((answer) => answer.body)
      .catch((error) => refusedWith(error));
    if (OUT_OF_GROUP.has(body.status)) return await forgetGroup(context, sgId, 'The server says that this device is not in it');
    const { leaf, leafKey, part, signature } = body;
    if (leaf === undefined || leafKey === undefined || part === undefined || signature === undefined)
      throw refused(body.status, 'The resync');
    await context.settling.run(sgId, async () => {
      const record = context.book.get(sgId);
      if (record === undefined) return;
      const isFirst = context.keys.epoch(sgId) === undefined;
      await context.keys.takeResync(sgId, { leaf, leafKey, part, signature });
      context.talk.heard(throughPn(record));
      acknowledgeKeys(context, sgId);
      if (isFirst) keysArrived(context, sgId);
    });
  }

  async #refresh(sgId: SgId, session: ServerChannel): Promise<void> {
    const context = this.#context();
    const asked = { origin: context.self, memberReq: true, sgId: sgIdOctets(sgId) };
    const { body } = await session.request(sgDiscoveryRequest, asked, [sgDiscoveryResponse]);
    const info = body.groups.find((group) => sgIdText(group.sgId) === sgId);
    if (info === undefined) return;
    this.#copied.add(sgId);
    const own = (info.objects ?? []).filter(({ holder }) => holder === context.self).map(({ id }) => id);
    await context.settling.run(sgId, async () => {
      const before = context.book.get(sgId);
      if (before === undefined) return;
      const record = fromInfo(info, throughPn(before), before.shared);
      const made = before.shared === undefined ? context.book.wishFor(record, own) : undefined;
      await context.book.put({ ...record, ...(made && { shared: made.wish.shared }) }, made?.key);
      tellOfObjects(context, before, record);
    });
    // Withdrawn by a person, and the server did not hear of it: nobody is to be offered what he does not get.
    for (const objectId of own) {
      const record = context.book.get(sgId);
      if (record === undefined || record.shared?.includes(objectId)) continue;
      await session.request(sgObjectChangeRequest, { sgId: asked.sgId, objectId, holder: context.self }, [sgObjectChangeResponse]);
    }
  }
}

/** The server repeats a rekey to whom it has not heard of. */
export function acknowledgeKeys({ book, keys, session }: GroupContext, sgId: SgId): void {
  const record = book.get(sgId);
  const epoch = keys.epoch(sgId);
  if (record === undefined || epoch === undefined) return;
  session(throughPn(record))?.notify(groupKeyAck, { sgId: record.sgId, epoch: Number(epoch) });
}

function keysArrived({ book, happened }: GroupContext, sgId: SgId): void {
  const name = book.get(sgId)?.name;
  happened({ type: 'group', sgId, state: 'Member', text: `In service group ${name || sgId}.` });
}

/** What others share with this device now, and what they do not share any more, as far as it was known before. */
function tellOfObjects({ self, happened }: GroupContext, before: GroupRecord, after: GroupRecord): void {
  if (before.memberCount === undefined) return;
  const isIn = ({ objects = [] }: GroupRecord, { id, holder }: SharedObject) =>
    objects.some((object) => object.id === id && object.holder === holder);
  const others = ({ objects = [] }: GroupRecord) => objects.filter(({ holder }) => holder !== self);
  const added = others(after).filter((object) => !isIn(before, object));
  const gone = others(before).filter((object) => !isIn(after, object));
  const changes = [
    ...added.map(({ name, holder }) => `${holder} shares "${name}"`),
    ...gone.map(({ name, holder }) => `"${name}" of ${holder} is not shared any more`),
  ];
  if (changes.length === 0) return;
  happened({ type: 'group-objects', sgId: sgIdText(after.sgId), text: `Service group ${titleOf(after)}: ${changes.join(', ')}.` });
}

/** A refusal tells as much as an answer. @throws what is none */
function refusedWith(error: unknown): {
  readonly status: Status;
  readonly leaf?: undefined;
  readonly leafKey?: undefined;
  readonly part?: undefined;
  readonly signature?: undefined;
} {
  if (error instanceof CpnsError && error.status !== undefined && OUT_OF_GROUP.has(error.status)) return { status: error.status as Status };
  throw error;
}
