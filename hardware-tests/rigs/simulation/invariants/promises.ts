import type { EntityId, PnId, SgId } from '@cpns/shared';
import type { Invariant, World } from './world.js';

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

/** As {@link Promised}, of a service group. */
export interface PromisedOfGroup {
  readonly sgId: SgId;
  /** Who is out of it. Undefined: that group is gone. */
  readonly out: EntityId | undefined;
  /** When it was asked for, in milliseconds since 1970: who came in later is in it again. */
  readonly askedMs: number;
}

/** What was shown as done is so at the server, too, once everything is quiet: whoever was shown as being out is out. */
export const promises: Invariant = {
  name: 'what was shown as done is done',
  violations: (world) => [...unkept(world), ...unkeptOfGroups(world)],
};

function unkept({ server, promised = [] }: World): string[] {
  const { pns, devices } = server.database.reads;
  return promised.flatMap(({ pnId, out, entries, gateway }) => {
    // Whoever was revoked meanwhile is not listened to.
    if (pns.find(pnId) === undefined || devices.find(gateway)?.state !== 'active') return [];
    if (out === undefined) return [`${pnId} was shown as released, and is there`];
    const hasComeBack = server.changes.added.filter((entry) => entry.pnId === pnId && entry.entityId === out).length > entries;
    return !hasComeBack && pns.member(pnId, out) !== undefined ? [`${out} was shown as being out of ${pnId}, and is in it`] : [];
  });
}

function unkeptOfGroups({ server, promisedOfGroups = [] }: World): string[] {
  const { groups } = server.database.reads;
  return promisedOfGroups.flatMap(({ sgId, out, askedMs }) => {
    if (groups.find(sgId) === undefined) return [];
    if (out === undefined) return [`service group ${sgId} was shown as released, and is there`];
    const member = groups.member(sgId, out);
    return member !== undefined && member.joinedMs < askedMs
      ? [`${out} was shown as being out of service group ${sgId}, and is in it`]
      : [];
  });
}
