import { acknowledged, CpnsError, type PnId, type Reply, reply, type SgId } from '@cpns/shared';
import {
  type BodyOf,
  bodyOf,
  type Envelope,
  ResyncReason,
  SgAction,
  Status,
  sgActionRequest,
  sgActionResponse,
  sgExpelledNotice,
  sgKeptMessages,
  sgMemberChangeNotification,
  sgObjectRequest,
  sgObjectsChangeNotification,
  sgOwnerChangeNotification,
  sgOwnerTransferRequest,
  sgOwnerTransferResponse,
  sgReleaseNotification,
} from '@cpns/shared/messages';
import { sgIdText } from '../device-state.js';
import type { ServerChannel } from '../server-channel.js';
import { throughPn } from './group-book.js';
import type { GroupContext } from './group-context.js';
import { serveObject } from './group-objects.js';
import { NAMED_MEMBERS_MAX } from './group-record.js';
import { bareGroup } from './group-requests.js';
import { takeKeptMessages } from './kept-messages.js';
import { forgetGroup } from './membership.js';

/** One request of the server about service groups, in the session for a PN or the PN GW's own. False: it is about something else. */
export function serveGroups(context: GroupContext, pnId: PnId | undefined, channel: ServerChannel, envelope: Envelope): boolean {
  const handle = handlerOf(context, pnId, envelope);
  if (handle === undefined) return false;
  void channel.serve(envelope, handle);
  return true;
}

function handlerOf(
  context: GroupContext,
  pnId: PnId | undefined,
  envelope: Envelope,
): ((signal: AbortSignal) => Promise<Reply<never>>) | undefined {
  switch (envelope.number) {
    case sgActionRequest.number:
      return (signal) => answerAction(context, pnId, bodyOf(envelope, sgActionRequest), signal);
    case sgOwnerTransferRequest.number:
      return (signal) => answerTransfer(context, bodyOf(envelope, sgOwnerTransferRequest), signal);
    case sgMemberChangeNotification.number:
      return () => takeMemberChange(context, pnId, bodyOf(envelope, sgMemberChangeNotification));
    case sgOwnerChangeNotification.number:
      return () => takeOwner(context, pnId, bodyOf(envelope, sgOwnerChangeNotification));
    case sgObjectsChangeNotification.number:
      return () => takeObjectsChange(context, pnId, bodyOf(envelope, sgObjectsChangeNotification));
    case sgExpelledNotice.number:
      return () => takeEnd(context, pnId, bodyOf(envelope, sgExpelledNotice), 'The owner took this device out');
    case sgObjectRequest.number:
      return () => serveObject(context, pnId, bodyOf(envelope, sgObjectRequest));
    case sgKeptMessages.number:
      return () => takeKeptMessages(context, pnId, bodyOf(envelope, sgKeptMessages));
    case sgReleaseNotification.number:
      return () => takeEnd(context, pnId, bodyOf(envelope, sgReleaseNotification), 'It was released');
    default:
      return undefined;
  }
}

/** Somebody wants this device in a group, or wants into a group that this device owns. */
async function answerAction(
  context: GroupContext,
  pnId: PnId | undefined,
  body: BodyOf<typeof sgActionRequest>,
  signal: AbortSignal,
): Promise<Reply<never>> {
  const { sgId: octets, action, origin, name = '', sameUser = false } = body;
  const about = { sgId: sgIdText(octets), name, sameUser, ...(pnId && { pnId }) };
  const question = questionOf();
  const yes = await context.desk.ask(question, signal);
  return reply(sgActionResponse, { status: yes ? Status.Success : Status.Rejected, sgId: octets });

  function questionOf() {
    if (action === SgAction.Invite) return { kind: 'group', initiator: origin, ...about } as const;
    if (action === SgAction.Join) return { kind: 'group-admit', pne: origin, ...about } as const;
    throw new CpnsError('State', 'BadAction', 'The server asked for an action that it has to decide itself.', { status: Status.BadAction });
  }
}

async function answerTransfer(
  context: GroupContext,
  body: BodyOf<typeof sgOwnerTransferRequest>,
  signal: AbortSignal,
): Promise<Reply<never>> {
  const { sgId: octets, pne, pnId, name, sameUser = false } = body;
  const sgId = sgIdText(octets);
  const record = context.book.get(sgId);
  if (record === undefined || body.candidate !== context.self)
    throw new CpnsError('State', 'NotInGroup', 'This device is not in that service group.', { status: Status.NotMember });
  // In a search for a new owner nobody asks but the server.
  const owner = pne === context.self ? undefined : pne;
  const question = { kind: 'group-owner', sgId, name: name ?? record.name, owner, sameUser } as const;
  const accept = await context.desk.ask(question, signal);
  return reply(sgOwnerTransferResponse, { accept, pne, sgId: octets, ...(pnId && { pnId }) });
}

async function takeMemberChange(
  context: GroupContext,
  pnId: PnId | undefined,
  { sgId: octets, owner, add, remove, name, epoch }: BodyOf<typeof sgMemberChangeNotification>,
): Promise<Reply<never>> {
  const { self, book, keys, upkeep, settling, happened } = context;
  const sgId = sgIdText(octets);
  const isOwn = add.includes(self);
  const known = await settling.run(sgId, async () => {
    const before = book.get(sgId);
    // Who came in anew, through another network, may not have heard that it was out.
    const record = isOwn && (before === undefined || throughPn(before) !== pnId) ? bareGroup(sgId, pnId) : before;
    if (record === undefined) return false;
    requireSession(throughPn(record), pnId);
    const { owner: ownerBefore, ...rest } = record;
    // Notices may overtake one another: this one takes no owner away that did not go with it.
    const isKept = ownerBefore !== undefined && !remove.includes(ownerBefore);
    const ownerNow = isKept ? ownerBefore : owner;
    if (ownerNow !== owner) upkeep.copyDue(sgId);
    const members = [...new Set([...record.members.filter((member) => !remove.includes(member)), ...add])].slice(0, NAMED_MEMBERS_MAX);
    // Those beyond the ones named stay as many as they were.
    const memberCount = record.memberCount && record.memberCount + members.length - record.members.length;
    await book.put({
      ...rest,
      ...(ownerNow && { owner: ownerNow }),
      ...(memberCount && { memberCount }),
      name: name ?? record.name,
      members,
    });
    return true;
  });
  if (!known) return acknowledged;
  if (isOwn) upkeep.copyDue(sgId);
  if (isOwn || keys.epoch(sgId) === undefined) upkeep.keysDue(sgId, ResyncReason.Joined, epoch === undefined ? undefined : BigInt(epoch));
  const changes = [...add.filter((id) => id !== self).map((id) => `${id} came in`), ...remove.map((id) => `${id} is out`)];
  const title = book.get(sgId)?.name || sgId;
  if (changes.length > 0) happened({ type: 'group-members', sgId, text: `Service group ${title}: ${changes.join(', ')}.` });
  return acknowledged;
}

async function takeOwner(
  { book, settling, happened }: GroupContext,
  pnId: PnId | undefined,
  { sgId: octets, owner }: BodyOf<typeof sgOwnerChangeNotification>,
): Promise<Reply<never>> {
  const sgId = sgIdText(octets);
  await settling.run(sgId, async () => {
    const record = book.get(sgId);
    if (record === undefined) return;
    requireSession(throughPn(record), pnId);
    if (record.owner === owner) return;
    await book.put({ ...record, owner });
    happened({ type: 'group-members', sgId, text: `Service group ${record.name || sgId}: ${owner} owns it now.` });
  });
  return acknowledged;
}

/** What it is stands in the next copy of the group, made for this device. */
async function takeObjectsChange(
  { book, upkeep }: GroupContext,
  pnId: PnId | undefined,
  { sgId: octets }: BodyOf<typeof sgObjectsChangeNotification>,
): Promise<Reply<never>> {
  const sgId = sgIdText(octets);
  const record = book.get(sgId);
  if (record === undefined) return acknowledged;
  requireSession(throughPn(record), pnId);
  upkeep.copyDue(sgId);
  return acknowledged;
}

async function takeEnd(
  context: GroupContext,
  pnId: PnId | undefined,
  notice: { readonly sgId: Uint8Array },
  why: string,
): Promise<Reply<never>> {
  const sgId: SgId = sgIdText(notice.sgId);
  const record = context.book.get(sgId);
  if (record === undefined) return acknowledged;
  requireSession(throughPn(record), pnId);
  await forgetGroup(context, sgId, why);
  return acknowledged;
}

/** The session says through which network this device is in the group. */
function requireSession(through: PnId | undefined, pnId: PnId | undefined): void {
  if (through !== pnId)
    throw new CpnsError('Auth', 'WrongPn', 'A message about a service group came in the session of another network.', {
      status: Status.BadMessage,
    });
}
