import { abortable, CpnsError, type EntityId, type PnId, refused, type SgId, toCpnsError } from '@cpns/shared';
import {
  type AnyMessage,
  type BodyOf,
  type GroupInfo,
  ResyncReason,
  SgAction,
  type SharedObject,
  Status,
  sgActionRequest,
  sgActionResponse,
  sgCreateRequest,
  sgCreateResponse,
  sgDiscoveryRequest,
  sgDiscoveryResponse,
  sgOwnerTransferRequest,
  sgOwnerTransferResponse,
  sgReleaseRequest,
  sgReleaseResponse,
} from '@cpns/shared/messages';
import { toHex } from '@cpns/shared/security';
import { pnIdOctets, sgIdOctets, sgIdText } from '../device-state.js';
import type { ServerChannel } from '../server-channel.js';
import { throughPn } from './group-book.js';
import type { GroupContext } from './group-context.js';
import type { GroupRecord } from './group-record.js';
import { forgetGroup, fromInfo, OUT_OF_GROUP } from './membership.js';

/** What became of one device that was asked. */
export interface GroupOutcome {
  readonly pne: EntityId;
  readonly status: Status;
}

export interface NewGroup {
  readonly name: string;
  readonly members: readonly EntityId[];
  readonly open?: boolean | undefined;
  readonly serviceId?: string | undefined;
  /** Own contents that its members may fetch. */
  readonly objects?: readonly SharedObject[] | undefined;
}

/** Codes of refusals that are about groups, for programs. */
const CODES: Readonly<Record<number, string>> = {
  [Status.NotMember]: 'NotMember',
  [Status.AlreadyMember]: 'AlreadyMember',
  [Status.NotOwner]: 'NotOwner',
  [Status.UnknownSg]: 'UnknownSg',
};

/** A refusal with the code of what it is about. */
export function groupRefused(status: number, what: string, retryAfterMs?: number): CpnsError {
  const error = refused(status, what, retryAfterMs);
  const code = CODES[status];
  return code === undefined ? error : new CpnsError(error.family, code, error.message, { status });
}

/** One request in a session with the server. What it may have done without this device hearing of it is said so. */
export async function ask<M extends AnyMessage, A extends AnyMessage>(
  channel: ServerChannel,
  type: M,
  body: BodyOf<M>,
  answer: A,
  what: string,
  signal?: AbortSignal,
): Promise<BodyOf<A>> {
  try {
    const answered = await channel.request(type, body, [answer], { signal });
    return answered.body as BodyOf<A>;
  } catch (error) {
    const cause = toCpnsError(error);
    if (signal?.aborted) throw cause;
    if (cause.code === 'Refused' && cause.status !== undefined) throw groupRefused(cause.status, what, cause.retryAfterMs);
    if (cause.family !== 'Transport' && cause.family !== 'Timeout') throw cause;
    const sentence = 'The CPNS Server was lost before it answered: once it is back, "cpns-agent group list" tells what became of it.';
    throw new CpnsError('Transport', 'OutcomeUnknown', sentence, { cause });
  }
}

/** 7.y.1: the server asks the members, makes the group with those who agree, and its Group Key. */
export async function createGroup(
  context: GroupContext,
  pnId: PnId | undefined,
  channel: ServerChannel,
  { name, members, open, serviceId, objects = [] }: NewGroup,
  signal: AbortSignal,
): Promise<{ readonly sgId: SgId; readonly outcomes: readonly GroupOutcome[] }> {
  const request = { name, members, objects, ...(open && { open }), ...(serviceId !== undefined && { serviceId }) };
  const shared = objects.map(({ id }) => id);
  const { group, outcomes = [] } = await withWish(context, { name: name.trim(), pnId, shared }, async (wish) => {
    const body = await ask(channel, sgCreateRequest, request, sgCreateResponse, 'The service group', signal);
    if (body.group === undefined) throw groupRefused(body.status, 'The service group');
    await keep(context, fromInfo({ ...body.group, objects }, pnId, shared), wish);
    return { ...body, group: body.group };
  });
  const sgId = sgIdText(group.sgId);
  await keysOf(context, sgId, signal);
  return { sgId, outcomes };
}

/**
 * What is shared in the group is durable before the server can list it: this device hands it out even where the answer is lost, or it
 * stops before it comes.
 */
async function withWish<T>(
  { book, clock, entropy }: GroupContext,
  { name, pnId, shared }: { readonly name: string; readonly pnId: PnId | undefined; readonly shared: readonly string[] },
  work: (wish: string | undefined) => Promise<T>,
): Promise<T> {
  if (shared.length === 0) return work(undefined);
  const wish = toHex(entropy.bytes(8));
  await book.wish(wish, { name, ...(pnId && { pnId: pnIdOctets(pnId) }), shared: [...shared], askedWallMs: clock.wallMs() });
  try {
    return await work(wish);
  } catch (error) {
    if (isAnswered(error)) await book.dropWish(wish);
    throw error;
  }
}

/** The server said no; other errors leave open what became of a request. */
export function isAnswered(error: unknown): boolean {
  return error instanceof CpnsError && error.status !== undefined;
}

/** Action 3: this device wants in. */
export async function joinGroup(
  context: GroupContext,
  pnId: PnId | undefined,
  channel: ServerChannel,
  sgId: SgId,
  signal: AbortSignal,
): Promise<void> {
  const { self, book, upkeep } = context;
  const request = { sgId: sgIdOctets(sgId), action: SgAction.Join, origin: self, targets: [self] };
  const { status } = await ask(channel, sgActionRequest, request, sgActionResponse, 'The wish to join', signal);
  if (status !== Status.Success) throw groupRefused(status, 'The wish to join');
  if (book.get(sgId) === undefined) await keep(context, bareGroup(sgId, pnId));
  upkeep.copyDue(sgId);
  await keysOf(context, sgId, signal);
}

/** Action 2: the owner asks others in. */
export async function inviteIntoGroup(
  context: GroupContext,
  record: GroupRecord,
  members: readonly EntityId[],
  signal: AbortSignal,
): Promise<readonly GroupOutcome[]> {
  const request = { sgId: record.sgId, action: SgAction.Invite, origin: context.self, targets: members };
  const body = await ask(channelOf(context, record), sgActionRequest, request, sgActionResponse, 'The invitation', signal);
  const outcomes = body.outcomes ?? members.map((pne) => ({ pne, status: body.status }));
  if (outcomes.every(({ status }) => status !== Status.Success)) throw groupRefused(outcomes[0]?.status ?? body.status, 'The invitation');
  context.upkeep.copyDue(sgIdText(record.sgId));
  return outcomes;
}

/** Action 4: on the answer the Group Key is deleted (seed 000 7.y.3). */
export async function leaveGroup(context: GroupContext, record: GroupRecord): Promise<void> {
  const request = { sgId: record.sgId, action: SgAction.Leave, origin: context.self, targets: [context.self] };
  const body = await ask(channelOf(context, record), sgActionRequest, request, sgActionResponse, 'Leaving the service group').catch(
    outOfGroup,
  );
  if (body.status !== Status.Success && !OUT_OF_GROUP.has(body.status)) throw groupRefused(body.status, 'Leaving the service group');
  await forgetGroup(context, sgIdText(record.sgId), 'It was left');
}

/** Action 1: the owner, who keeps its own membership (protocol e.2). Resolves with those who are out by it. */
export async function expelFromGroup(
  context: GroupContext,
  record: GroupRecord,
  members: readonly EntityId[],
): Promise<readonly EntityId[]> {
  if (members.includes(context.self))
    throw new CpnsError(
      'State',
      'BadTargets',
      'An owner expels others: to go, use "cpns-agent group leave", or "group release" for everybody.',
    );
  const request = { sgId: record.sgId, action: SgAction.Expel, origin: context.self, targets: members };
  const body = await ask(channelOf(context, record), sgActionRequest, request, sgActionResponse, 'The expulsion');
  const outcomes = body.outcomes ?? members.map((pne) => ({ pne, status: body.status }));
  const out = outcomes.filter(({ status }) => status === Status.Success).map(({ pne }) => pne);
  if (out.length === 0) throw groupRefused(outcomes[0]?.status ?? body.status, 'The expulsion');
  context.upkeep.copyDue(sgIdText(record.sgId));
  return out;
}

export async function releaseGroup(context: GroupContext, record: GroupRecord): Promise<void> {
  const request = { sgId: record.sgId };
  const body = await ask(channelOf(context, record), sgReleaseRequest, request, sgReleaseResponse, 'The release').catch((error) => {
    if (error instanceof CpnsError && error.status === Status.UnknownSg) return { status: Status.Success };
    throw error;
  });
  if (body.status !== Status.Success) throw groupRefused(body.status, 'The release');
  await forgetGroup(context, sgIdText(record.sgId), 'It was released');
}

/** The candidate is asked; it may say no. */
export async function handOverGroup(context: GroupContext, record: GroupRecord, candidate: EntityId, signal: AbortSignal): Promise<void> {
  const { self, book, settling } = context;
  const { sgId: octets, pnId } = record;
  const sgId = sgIdText(octets);
  const request = { pne: self, sgId: octets, candidate, ...(pnId && { pnId }) };
  const channel = channelOf(context, record);
  const body = await ask(channel, sgOwnerTransferRequest, request, sgOwnerTransferResponse, `Making ${candidate} the owner`, signal);
  if (!body.accept) throw groupRefused(Status.Rejected, `Making ${candidate} the owner`);
  await settling.run(sgId, async () => {
    const now = book.get(sgId);
    if (now !== undefined) await book.put({ ...now, owner: candidate });
  });
}

/** Groups that this device may know of: those that it or another device of its user is in, and open ones. */
export async function discoverGroups(
  { self }: GroupContext,
  channel: ServerChannel,
  { keyword, serviceId }: { readonly keyword?: string | undefined; readonly serviceId?: string | undefined },
  signal: AbortSignal,
): Promise<readonly GroupInfo[]> {
  const request = { origin: self, memberReq: true, ...(keyword && { keyword }), ...(serviceId && { serviceId }) };
  const body = await ask(channel, sgDiscoveryRequest, request, sgDiscoveryResponse, 'The search', signal);
  if (body.status !== Status.Success) throw groupRefused(body.status, 'The search');
  return body.groups;
}

/** A group of which nothing more is known than that this device is in it. */
export function bareGroup(sgId: SgId, pnId: PnId | undefined): GroupRecord {
  return { sgId: sgIdOctets(sgId), name: '', open: false, members: [], ...(pnId && { pnId: pnIdOctets(pnId) }) };
}

async function keep(context: GroupContext, record: GroupRecord, wish?: string): Promise<void> {
  await context.settling.run(sgIdText(record.sgId), () => context.book.put(record, wish));
}

/** Waits for the first keys; they come later where that fails. */
async function keysOf({ keys, upkeep }: GroupContext, sgId: SgId, signal: AbortSignal): Promise<void> {
  if (keys.epoch(sgId) === undefined) upkeep.keysDue(sgId, ResyncReason.Joined);
  await abortable(upkeep.settled(sgId), signal).catch(() => undefined);
}

/** @throws CpnsError Transport/ServerUnreachable */
export function channelOf({ session }: GroupContext, record: GroupRecord): ServerChannel {
  const channel = session(throughPn(record));
  if (channel !== undefined) return channel;
  throw new CpnsError(
    'Transport',
    'ServerUnreachable',
    'The CPNS Server cannot be reached through the network of that service group now.',
    {
      status: Status.PeerUnreachable,
    },
  );
}

function outOfGroup(error: unknown): { readonly status: number } {
  if (error instanceof CpnsError && error.status !== undefined && OUT_OF_GROUP.has(error.status)) return { status: error.status };
  throw error;
}
