import { type EntityId, type PnId, Serial } from '@cpns/shared';
import type { RemoveReason } from '@cpns/shared/messages';
import { type Changes, DeviceState } from '../entity/device-state.js';

/**
 * PNEs that are to leave PNs: out here at once, out at the server as soon as that answers, after a restart of this device too
 * (protocol e.9).
 */
export class Removals {
  /** Requests for one PN go one after the other. */
  readonly turns = new Serial<PnId>();
  /** PNs about which the server is asked again in a while. */
  readonly waiting = new Set<PnId>();
  readonly #state: DeviceState;
  readonly #due = new Map<PnId, Map<EntityId, RemoveReason>>();
  /** The server has answered: they stay out here until its inventory says so, or, where it refused, until they come in anew. */
  readonly #answered = new Map<PnId, Map<EntityId, 'removed' | 'refused'>>();

  constructor(state: DeviceState) {
    this.#state = state;
    for (const { pnId, pne, reason } of state.removals()) this.#add(pnId, [pne], reason);
  }

  /** They are out at once; durably so when the promise resolves. @throws CpnsError State/DiskFull */
  add(pnId: PnId, pnes: readonly EntityId[], reason: RemoveReason): Promise<void> {
    this.#add(pnId, pnes, reason);
    const changes: Changes = new Map();
    for (const [pne, why] of this.of(pnId)) if (pnes.includes(pne)) DeviceState.setRemoval(changes, pnId, pne, why);
    return this.#state.commit(changes);
  }

  /** That PNE is out here, or on its way. */
  has(pnId: PnId, pne: EntityId): boolean {
    return (this.#due.get(pnId)?.has(pne) || this.#answered.get(pnId)?.has(pne)) ?? false;
  }

  /** The server is to be asked for removals in that PN. */
  concerns(pnId: PnId): boolean {
    return this.#due.has(pnId);
  }

  get pns(): PnId[] {
    return [...this.#due.keys()];
  }

  of(pnId: PnId): ReadonlyMap<EntityId, RemoveReason> {
    return this.#due.get(pnId) ?? new Map();
  }

  /** The server keeps that PNE in the PN: it comes in anew as soon as the server says so (protocol e.9). */
  wasRefused(pnId: PnId, pne: EntityId): boolean {
    return this.#answered.get(pnId)?.get(pne) === 'refused';
  }

  /** All that are out here. */
  outOf(pnId: PnId): EntityId[] {
    return [...(this.#due.get(pnId)?.keys() ?? []), ...(this.#answered.get(pnId)?.keys() ?? [])];
  }

  /** The server need not be asked any more. */
  answered(pnId: PnId, pnes: readonly EntityId[], answer: 'removed' | 'refused' = 'removed'): void {
    const answered = this.#answered.get(pnId) ?? new Map<EntityId, 'removed' | 'refused'>();
    for (const pne of pnes) answered.set(pne, answer);
    this.#answered.set(pnId, answered);
    const due = this.#due.get(pnId);
    for (const pne of pnes) due?.delete(pne);
    if (due?.size === 0) this.#due.delete(pnId);
  }

  /** They are out everywhere, or in anew. @throws CpnsError State/DiskFull */
  async done(pnId: PnId, pnes: readonly EntityId[]): Promise<void> {
    const over = pnes.filter((pne) => this.has(pnId, pne));
    if (over.length === 0) return;
    this.answered(pnId, over);
    const answered = this.#answered.get(pnId);
    for (const pne of over) answered?.delete(pne);
    if (answered?.size === 0) this.#answered.delete(pnId);
    const changes: Changes = new Map();
    for (const pne of over) DeviceState.setRemoval(changes, pnId, pne, undefined);
    await this.#state.commit(changes);
  }

  #add(pnId: PnId, pnes: readonly EntityId[], reason: RemoveReason): void {
    const due = this.#due.get(pnId) ?? new Map<EntityId, RemoveReason>();
    for (const pne of pnes) if (!due.has(pne)) due.set(pne, reason);
    if (due.size > 0) this.#due.set(pnId, due);
  }
}
