import type { PnId, SgId } from '@cpns/shared';
import { type GroupInfo, Status } from '@cpns/shared/messages';
import { pnIdOctets } from '../device-state.js';
import type { GroupContext } from './group-context.js';
import type { GroupRecord } from './group-record.js';

/** The server said, sealed, that this device is not in the group. */
export const OUT_OF_GROUP: ReadonlySet<number> = new Set([Status.UnknownSg, Status.NotMember]);

/** The local SG Inventory from what the server says of a group, and what this device shared in it. */
export function fromInfo(info: GroupInfo, pnId: PnId | undefined, shared: GroupRecord['shared']): GroupRecord {
  const { epoch, members = [], open = false, ...rest } = info;
  return { ...rest, open, members, ...(pnId && { pnId: pnIdOctets(pnId) }), ...(shared && { shared }) };
}

/** Leaves a group behind with its keys (seed 000 7.y.3). `why` begins a sentence. */
export async function forgetGroup(context: GroupContext, sgId: SgId, why: string): Promise<void> {
  const { book, keys, upkeep, talk, settling } = context;
  const record = await settling.run(sgId, async () => {
    const removed = await book.remove(sgId);
    keys.forget(sgId);
    upkeep.forget(sgId);
    talk.forget(sgId);
    return removed;
  });
  if (record !== undefined)
    context.happened({ type: 'group', sgId, state: 'Absent', text: `${why}: no longer in service group ${record.name || sgId}.` });
}
