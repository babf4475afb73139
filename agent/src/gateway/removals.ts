import { type EntityId, type PnId, Serial } from '@cpns/shared';
import type { RemoveReason } from '@cpns/shared/messages';

export type Reason = (typeof RemoveReason)[keyof typeof RemoveReason];

/**
 * PNEs that are to leave PNs: out here at once, out at the server as soon as that answers (protocol e.9). Kept in memory only: what a
 * restart forgets is either unconfirmed, and the server's own deadline removes it, or follows from the pairings.
 */
export class Removals {
  /** Requests for one PN go one after the other. */
  readonly turns = new Serial<PnId>();
  readonly #due = new Map<PnId, Map<EntityId, Reason>>();

  add(pnId: PnId, pnes: readonly EntityId[], reason: Reason): void {
    const due = this.#due.get(pnId) ?? new Map<EntityId, Reason>();
    for (const pne of pnes) if (!due.has(pne)) due.set(pne, reason);
    if (due.size > 0) this.#due.set(pnId, due);
  }

  has(pnId: PnId, pne: EntityId): boolean {
    return this.#due.get(pnId)?.has(pne) ?? false;
  }

  /** Something of that PN is to be removed. */
  concerns(pnId: PnId): boolean {
    return this.#due.has(pnId);
  }

  get pns(): PnId[] {
    return [...this.#due.keys()];
  }

  of(pnId: PnId): ReadonlyMap<EntityId, Reason> {
    return this.#due.get(pnId) ?? new Map();
  }

  done(pnId: PnId, pnes: Iterable<EntityId>): void {
    const due = this.#due.get(pnId);
    for (const pne of pnes) due?.delete(pne);
    if (due?.size === 0) this.#due.delete(pnId);
  }
}
