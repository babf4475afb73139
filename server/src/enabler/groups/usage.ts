import type { EntityId, SgId } from '@cpns/shared';

/** Messages sent under the present Group Key of a group, as its members reported last. */
interface Usage {
  readonly epoch: number;
  readonly sent: Map<EntityId, number>;
  total: number;
}

/** How often each Group Key was used, as members report in their heartbeat answers (security 1.8). Lives in memory. */
export class GroupUsage {
  readonly #usages = new Map<SgId, Usage>();

  /** Notes what a member says. The total under that key, over all members. */
  report(sgId: SgId, epoch: number, member: EntityId, sent: number): number {
    let usage = this.#usages.get(sgId);
    if (usage?.epoch !== epoch) {
      usage = { epoch, sent: new Map(), total: 0 };
      this.#usages.set(sgId, usage);
    }
    const before = usage.sent.get(member) ?? 0;
    usage.sent.set(member, sent);
    // A member that started anew counts from 0.
    usage.total += sent < before ? sent : sent - before;
    return usage.total;
  }

  forget(sgId: SgId): void {
    this.#usages.delete(sgId);
  }
}
