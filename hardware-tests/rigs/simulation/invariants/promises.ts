import type { EntityId, PnId } from '@cpns/shared';
import type { Invariant } from './world.js';

/** What somebody was told is so from now on. */
export interface Promised {
  readonly pnId: PnId;
  /** Who is out of it. Undefined: that PN is gone. */
  readonly out: EntityId | undefined;
  /** How often it had come in when that was asked for. */
  readonly entries: number;
  /** Who is to see to it. */
  readonly gateway: EntityId;
}

/** What was shown as done is so at the server, too, once everything is quiet: whoever was shown as being out is out. */
export const promises: Invariant = {
  name: 'what was shown as done is done',
  violations({ server, promised = [] }) {
    const { pns, devices } = server.database.reads;
    return promised.flatMap(({ pnId, out, entries, gateway }) => {
      // Whoever was revoked meanwhile is not listened to.
      if (pns.find(pnId) === undefined || devices.find(gateway)?.state !== 'active') return [];
      if (out === undefined) return [`${pnId} was shown as released, and is there`];
      const hasComeBack = server.changes.added.filter((entry) => entry.pnId === pnId && entry.entityId === out).length > entries;
      return !hasComeBack && pns.member(pnId, out) !== undefined ? [`${out} was shown as being out of ${pnId}, and is in it`] : [];
    });
  },
};
