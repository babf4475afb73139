import { CpnsError, type EntityId, type SgId } from '@cpns/shared';
import {
  MAX_OBJECTS,
  MAX_OBJECTS_OF_MEMBER,
  type SharedObject,
  Status,
  sgObjectChangeRequest,
  sgObjectChangeResponse,
} from '@cpns/shared/messages';
import { sgIdText } from '../device-state.js';
import type { GroupContext } from './group-context.js';
import { listedObjects, meantBy, noSuchObject, titleOf } from './group-objects.js';
import type { GroupRecord } from './group-record.js';
import { ask, channelOf, type GroupOutcome, groupRefused, isAnswered } from './group-requests.js';

/** An own content that a group is to have. */
export interface Sharing {
  /** Its id or its name. */
  readonly content: string;
  /** Who may have it; all members when left out. */
  readonly members?: readonly EntityId[] | undefined;
  /** Milliseconds since 1970; as long as the group when left out. */
  readonly untilMs?: number | undefined;
}

/** What the server is told of an own content. @throws CpnsError State/NotOffered, Config/PastTime */
export function sharing({ self, contents, clock }: GroupContext, { content: wanted, members, untilMs }: Sharing): SharedObject {
  const offered = contents.list().map(({ contentId: id, name, type }) => ({ id, name, type }));
  const [content] = meantBy(offered, wanted);
  if (content === undefined)
    throw new CpnsError(
      'State',
      'NotOffered',
      `This device does not offer "${wanted}": put its file under "contents" in the configuration.`,
    );
  if (untilMs !== undefined && untilMs <= clock.wallMs())
    throw new CpnsError('Config', 'PastTime', `"${wanted}" cannot be shared until a time that has passed.`);
  return { ...content, holder: self, ...(members && { members }), ...(untilMs !== undefined && { untilMs }) };
}

/** From now on so, whether it was shared before or not. */
export async function shareObject(context: GroupContext, record: GroupRecord, wanted: Sharing, signal: AbortSignal): Promise<SharedObject> {
  const object = sharing(context, wanted);
  const { id: objectId, holder, ...conditions } = object;
  const request = { sgId: record.sgId, objectId, holder, sharing: conditions };
  const what = `Sharing "${object.name}"`;
  const channel = channelOf(context, record);
  const sgId = sgIdText(record.sgId);
  const wasShared = context.book.get(sgId)?.shared?.includes(objectId) ?? false;
  // Durable before the server can list it, or a lost answer would leave an object that nobody hands out.
  await change(context, sgId, (now) => ({ ...now, shared: withId(context, now.shared, objectId) }));
  try {
    const { status, outcomes = [] } = await ask(channel, sgObjectChangeRequest, request, sgObjectChangeResponse, what, signal);
    if (outcomes.length > 0) throw noMembers(record, outcomes);
    if (status !== Status.Success) throw groupRefused(status, what);
  } catch (error) {
    if (!wasShared && isAnswered(error)) await change(context, sgId, (now) => kept(now, objectId));
    throw explained(error, record);
  }
  await change(context, sgId, (now) => ({
    ...now,
    objects: [...(without(now, object, holder).objects ?? []), object].slice(-MAX_OBJECTS),
    shared: withId(context, now.shared, objectId),
  }));
  return object;
}

/** An own object, or as owner of the group one of another member, which `from` names. */
export async function withdrawObject(
  context: GroupContext,
  record: GroupRecord,
  wanted: string,
  from: EntityId | undefined,
  signal: AbortSignal,
): Promise<SharedObject> {
  const { self } = context;
  const sgId = sgIdText(record.sgId);
  const listed = await listedObjects(context, record, signal);
  const meant = meantBy(
    [...listed, ...unlisted(context, sgId, listed)].filter(({ holder }) => from === undefined || holder === from),
    wanted,
  );
  const own = meant.filter(({ holder }) => holder === self);
  const [object, another] = own.length > 0 ? own : meant;
  if (object === undefined) throw noSuchObject(record, wanted);
  if (another !== undefined) {
    const sentence = `Several objects in ${titleOf(record)} are called "${wanted}": name one by its id, and its holder with --from.`;
    throw new CpnsError('State', 'WhichContent', sentence);
  }
  // It is handed out no more, whether the server hears of it now or not.
  if (object.holder === self) await change(context, sgId, (now) => kept(now, object.id));
  if (listed.includes(object)) await askToWithdraw(context, record, object, signal);
  await change(context, sgId, (now) => without(now, object, self));
  return object;
}

/** Where it is not known whether the server has heard of it, the next copy of the group tells, and an own object is withdrawn then. */
async function askToWithdraw(
  context: GroupContext,
  record: GroupRecord,
  { id: objectId, name, holder }: SharedObject,
  signal: AbortSignal,
): Promise<void> {
  const request = { sgId: record.sgId, objectId, holder };
  const what = `Withdrawing "${name}"`;
  try {
    const { status } = await ask(channelOf(context, record), sgObjectChangeRequest, request, sgObjectChangeResponse, what, signal);
    if (status !== Status.Success) throw groupRefused(status, what);
  } catch (error) {
    context.upkeep.copyDue(sgIdText(record.sgId));
    throw error;
  }
}

/** What this device would hand out although the server does not list it: the request to share it never arrived, or it has ended. */
function unlisted({ self, contents, book }: GroupContext, sgId: SgId, listed: readonly SharedObject[]): SharedObject[] {
  const missing = (book.get(sgId)?.shared ?? []).filter((id) => !listed.some((object) => object.id === id && object.holder === self));
  return missing.map((id) => {
    const { name, type } = contents.list().find(({ contentId }) => contentId === id) ?? { name: id, type: '' };
    return { id, name, type, holder: self };
  });
}

async function change({ settling, book }: GroupContext, sgId: SgId, edit: (record: GroupRecord) => GroupRecord): Promise<void> {
  await settling.run(sgId, async () => {
    const record = book.get(sgId);
    if (record !== undefined) await book.put(edit(record));
  });
}

/** Where there is no room for more, those go that are not offered any more. */
function withId({ contents }: GroupContext, shared: readonly string[] = [], id: string): string[] {
  const all = [...new Set([...shared, id])];
  if (all.length <= MAX_OBJECTS_OF_MEMBER) return all;
  const offered = new Set(contents.list().map(({ contentId }) => contentId));
  return all.filter((each) => offered.has(each));
}

/** Without the object, which this device hands out no more. */
function without({ objects, ...record }: GroupRecord, { id, holder }: SharedObject, self: EntityId): GroupRecord {
  const others = objects?.filter((each) => each.id !== id || each.holder !== holder);
  const left = { ...record, ...(others && { objects: others }) };
  return holder === self ? kept(left, id) : left;
}

/** This device hands that content out no more. */
function kept({ shared, ...record }: GroupRecord, id: string): GroupRecord {
  return { ...record, ...(shared && { shared: shared.filter((each) => each !== id) }) };
}

/** The statuses that mean something else here than elsewhere. */
function explained(error: unknown, record: GroupRecord): unknown {
  if (!(error instanceof CpnsError)) return error;
  const { status } = error;
  if (status === Status.Busy) {
    const sentence = `${titleOf(record)} has no room for one more object, or this device shares too often: withdraw one with "cpns-agent group unshare", or try again later.`;
    return new CpnsError('State', 'TooManyObjects', sentence, { status, cause: error });
  }
  if (status === Status.WrongState) {
    const sentence = 'That time has passed at the CPNS Server: compare the clocks, or name a later time.';
    return new CpnsError('State', 'PastTime', sentence, { status, cause: error });
  }
  return error;
}

function noMembers(record: GroupRecord, outcomes: readonly GroupOutcome[]): CpnsError {
  const names = outcomes.map(({ pne }) => pne).join(', ');
  const sentence = `Not in ${titleOf(record)}: ${names}. Nothing was shared; invite them first, or leave them out.`;
  return new CpnsError('State', 'NotMember', sentence, { status: Status.NotMember });
}
