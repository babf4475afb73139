import { abortReason, CpnsError, describeError, type EntityId, type PnId, type Reply, refused, reply, sleep } from '@cpns/shared';
import {
  type BodyOf,
  CONTENT_PART_OCTETS,
  partCount,
  partOctets,
  type SharedObject,
  Status,
  sgDiscoveryRequest,
  sgDiscoveryResponse,
  sgObjectRequest,
  sgObjectResponse,
} from '@cpns/shared/messages';
import { sgIdText } from '../device-state.js';
import { throughPn } from './group-book.js';
import type { GroupContext } from './group-context.js';
import type { GroupRecord } from './group-record.js';
import { ask, channelOf } from './group-requests.js';

/** Where the server or the holder has too much to do for so long, a fetch is given up. */
const BUSY_LIMIT_MS = 60_000;
const BUSY_PAUSE_MS = 1_000;

/** A shared object of another member. */
export interface FoundObject {
  readonly record: GroupRecord;
  readonly object: SharedObject;
}

/** What the server lists for this device in that group; it knows what has ended meanwhile. */
export async function listedObjects(context: GroupContext, record: GroupRecord, signal: AbortSignal): Promise<readonly SharedObject[]> {
  const asked = { origin: context.self, memberReq: false, sgId: record.sgId };
  const body = await ask(channelOf(context, record), sgDiscoveryRequest, asked, sgDiscoveryResponse, 'The search', signal);
  return body.groups.find(({ sgId }) => sgIdText(sgId) === sgIdText(record.sgId))?.objects ?? [];
}

/** Those of a list that a person means by an id, or else by a name. */
export function meantBy<T extends { readonly id: string; readonly name: string }>(objects: readonly T[], wanted: string): readonly T[] {
  const byId = objects.filter(({ id }) => id === wanted);
  return byId.length > 0 ? byId : objects.filter(({ name }) => name === wanted);
}

/** An object of another member; `from`: of that one. Where several share the same octets, any of theirs. */
export async function findObject(
  context: GroupContext,
  record: GroupRecord,
  wanted: string,
  from: EntityId | undefined,
  signal: AbortSignal,
): Promise<FoundObject> {
  const listed = await listedObjects(context, record, signal);
  const [object, ...more] = meantBy(
    listed.filter(({ holder }) => (from === undefined ? holder !== context.self : holder === from)),
    wanted,
  );
  if (object === undefined) throw noSuchObject(record, wanted);
  if (more.some(({ id }) => id !== object.id))
    throw new CpnsError('State', 'WhichContent', `Several objects in ${titleOf(record)} are called "${wanted}": name one by its id.`);
  return { record, object };
}

export function noSuchObject(record: GroupRecord, wanted: string): CpnsError {
  const sentence = `Nobody shares "${wanted}" with this device in ${titleOf(record)}: see "cpns-agent group show".`;
  return new CpnsError('State', 'NoSuchContent', sentence);
}

export function titleOf({ name, sgId }: GroupRecord): string {
  return name || sgIdText(sgId);
}

export async function fetchObject(
  context: GroupContext,
  { record, object }: FoundObject,
  take: (part: Uint8Array, index: number, size: number) => void,
  signal: AbortSignal,
): Promise<void> {
  let size: number | undefined;
  for (let index = 0; size === undefined || index < partCount(size); index++) {
    const answer = await askForPart(context, record, object, index, signal);
    // Every part has to be of the same whole, and as long as that makes it.
    if (answer.index !== index || answer.size === undefined || (size !== undefined && answer.size !== size)) throw alteredObject(object);
    size = answer.size;
    const part = answer.part ?? new Uint8Array();
    if (part.length !== partOctets(size, index)) throw alteredObject(object);
    take(part, index, size);
  }
}

async function askForPart(context: GroupContext, record: GroupRecord, object: SharedObject, index: number, signal: AbortSignal) {
  const { self, clock } = context;
  const what = `"${object.name}" of ${object.holder}`;
  const request = { sgId: record.sgId, objectId: object.id, holder: object.holder, origin: self, index };
  const giveUpAtMs = clock.monotonicMs() + BUSY_LIMIT_MS;
  for (;;) {
    if (signal.aborted) throw abortReason(signal);
    const body = await ask(channelOf(context, record), sgObjectRequest, request, sgObjectResponse, what, signal).catch(busy);
    if (body.status === Status.Success) return body;
    if (body.status !== Status.Busy || clock.monotonicMs() >= giveUpAtMs) throw refused(body.status, what);
    await sleep(clock, BUSY_PAUSE_MS, signal);
  }
}

function busy(error: unknown): BodyOf<typeof sgObjectResponse> {
  if (error instanceof CpnsError && error.status === Status.Busy) return { status: Status.Busy, index: 0 };
  throw error;
}

/** What came is not what the group was told of. */
export function alteredObject({ name, holder }: SharedObject): CpnsError {
  return new CpnsError(
    'Auth',
    'ContentAltered',
    `What came is not the "${name}" that ${holder} shares; nothing of it was kept. Fetch it again.`,
  );
}

/** A member asks, through the server, for a part of what this device shared in that group itself. */
export async function serveObject(
  { contents, book, logger }: GroupContext,
  pnId: PnId | undefined,
  { sgId, objectId, index }: BodyOf<typeof sgObjectRequest>,
): Promise<Reply<never>> {
  const record = book.get(sgIdText(sgId));
  if (record === undefined || throughPn(record) !== pnId) return reply(sgObjectResponse, { status: Status.NotMember, index });
  const size = contents.list().find(({ contentId }) => contentId === objectId)?.size;
  if (!record.shared?.includes(objectId) || size === undefined) return reply(sgObjectResponse, { status: Status.UnknownContent, index });
  const length = partOctets(size, index);
  if (length === 0 && index > 0) return reply(sgObjectResponse, { status: Status.BadMessage, index });
  try {
    const part = await contents.read(objectId, index * CONTENT_PART_OCTETS, length);
    return reply(sgObjectResponse, { status: Status.Success, index, size, ...(length > 0 && { part }) });
  } catch (error) {
    logger.warn('an object that is shared could not be read', { content: objectId, why: describeError(error) });
    return reply(sgObjectResponse, { status: Status.UnknownContent, index });
  }
}
