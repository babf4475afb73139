import { acknowledged, CpnsError, describeError, type PnId, type Reply, type SgId } from '@cpns/shared';
import { type ApplicationData, type BodyOf, ResyncReason, Status, type sgKeptMessages } from '@cpns/shared/messages';
import { GroupKey, GroupMessages } from '@cpns/shared/security';
import { sgIdText } from '../device-state.js';
import { throughPn } from './group-book.js';
import type { GroupContext } from './group-context.js';
import { saidIn } from './group-talk.js';

/** Opens messages of one epoch, and nothing else is ever done with its key. */
type Opener = Pick<GroupMessages, 'open' | 'erase'>;

/**
 * What was said in a group while this device was away (security 1.8, offline). The answer says that all of it is stored; what is here
 * already is dropped by its id, and what cannot be opened is dropped.
 * @throws CpnsError State/NotInGroup, State/NoKey: the key is asked for first; State/DiskFull
 */
export function takeKeptMessages(
  context: GroupContext,
  pnId: PnId | undefined,
  body: BodyOf<typeof sgKeptMessages>,
): Promise<Reply<never>> {
  const { book, settling, happened, received } = context;
  const { messages, lost } = body;
  const sgId = sgIdText(body.sgId);
  return settling.run(sgId, async () => {
    const record = book.get(sgId);
    if (record === undefined || throughPn(record) !== pnId)
      throw new CpnsError('State', 'NotInGroup', 'This device is not in that service group, or not through that network.', {
        status: Status.NotMember,
      });
    const opener = messages.length === 0 ? undefined : openerOf(context, sgId, body);
    try {
      for (const { message, receivedMs } of messages) {
        const said = opener && open(context, sgId, opener, message);
        if (said !== undefined) await received(said, pnId, receivedMs);
      }
    } finally {
      opener?.erase();
    }
    const many = lost === 1 ? '1 message' : `${lost} messages`;
    const text = `Service group ${record.name || sgId}: ${many} that came while this device was away could not be kept for it.`;
    if (lost > 0) happened({ type: 'group-lost', sgId, text });
    return acknowledged;
  });
}

function openerOf({ provider, entropy, self, keys, upkeep }: GroupContext, sgId: SgId, body: BodyOf<typeof sgKeptMessages>): Opener {
  const epoch = BigInt(body.epoch);
  const key = body.groupKey === undefined ? keys.keyOf(sgId, epoch) : GroupKey.take(`former key of ${sgId}`, body.groupKey);
  if (key === undefined) {
    upkeep.keysDue(sgId, ResyncReason.Gap, epoch);
    throw new CpnsError('State', 'NoKey', 'The Group Key of those messages is not here yet.', { status: Status.Busy });
  }
  return new GroupMessages(body.sgId, { provider, entropy, self, bootCounter: 0, current: { epoch, key } });
}

/** Undefined: it is not from a member of that epoch, or not for this group. */
function open({ clock, logger }: GroupContext, sgId: SgId, opener: Opener, message: Uint8Array): ApplicationData | undefined {
  try {
    return saidIn(sgId, opener.open(message, clock.monotonicMs()));
  } catch (error) {
    logger.info('a kept message of a service group was dropped', { group: sgId, why: describeError(error) });
    return undefined;
  }
}
