import type { Clock } from '@cpns/shared';
import { type GroupCost, GroupCosts } from './group-cost.js';
import type { MeasuredGroup } from './measured-group.js';

/** What is measured of a group of one size. `unicast`: the leave without a tree. */
const CHANGES = ['leave', 'join', 'batch', 'resync', 'emptyCommit', 'unicast'] as const;
type Change = (typeof CHANGES)[number];
export type SizeCosts = Readonly<Record<Change, GroupCost>>;

export interface SizeRounds {
  readonly members: number;
  /** Of changes that touch one path of the tree. */
  readonly rounds: number;
  /** Of those that touch every member, or every tenth; not more than `rounds`. */
  readonly wideRounds: number;
}

const WARM_UPS = 2;

/** All changes in turn, so that whatever else the machine does meets all of them alike. The group is full before and after each. */
export async function measureSize(
  group: MeasuredGroup,
  { members, rounds, wideRounds }: SizeRounds,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<SizeCosts> {
  const noted = () => Object.fromEntries(CHANGES.map((change) => [change, new GroupCosts(clock)])) as Record<Change, GroupCosts>;
  const [warmUp, counted] = [noted(), noted()];
  const tenth = Array.from({ length: Math.max(1, Math.floor(members / 10)) }, (_, i) => 10 * i);
  for (let round = -WARM_UPS; round < rounds; round++) {
    signal.throwIfAborted();
    const costs = round < 0 ? warmUp : counted;
    const leaf = Math.floor((members * (round + WARM_UPS)) / (rounds + WARM_UPS));
    const member = group.membersAt([leaf]);
    await costs.emptyCommit.measure(() => group.emptyCommit());
    await costs.leave.measure(() => group.change([], [leaf]));
    await costs.join.measure(() => group.change(member, []));
    await costs.resync.measure(() => group.resync(leaf));
    if (round < -1 || round >= wideRounds) continue;
    const batch = group.membersAt(tenth);
    await costs.batch.measure(() => group.change([], tenth));
    await group.change(batch, []);
    await costs.unicast.measure(() => group.unicast(leaf));
    await group.takeBack(leaf);
  }
  return Object.fromEntries(CHANGES.map((change) => [change, counted[change].cost])) as SizeCosts;
}
