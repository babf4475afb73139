import { CpnsError, type EntityId, type PnId } from '@cpns/shared';
import { Status } from '@cpns/shared/messages';

/** Runs of PNEs for PNs of this gateway that stand: one at a time for each PNE and PN, whichever way it comes in. */
export class UnderWay {
  readonly #names = new Set<string>();

  /** False: one is under way already. Else {@link end} follows. */
  begin(pnId: PnId, pne: EntityId): boolean {
    const name = `${pnId}/${pne}`;
    if (this.#names.has(name)) return false;
    this.#names.add(name);
    return true;
  }

  end(pnId: PnId, pne: EntityId): void {
    this.#names.delete(`${pnId}/${pne}`);
  }

  /** @throws CpnsError State/EntryBusy (Busy), and what `work` throws */
  async run<T>(pnId: PnId, pne: EntityId, work: () => Promise<T>): Promise<T> {
    if (!this.begin(pnId, pne))
      throw new CpnsError('State', 'EntryBusy', `${pne} has a run for that personal network under way already.`, { status: Status.Busy });
    try {
      return await work();
    } finally {
      this.end(pnId, pne);
    }
  }
}
