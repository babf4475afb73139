import type { EntityId, SgId } from '@cpns/shared';
import { fromHex, type GroupRecord, type SignedRekeyPart, signedRekeyParts } from '@cpns/shared/security';
import type { Tx } from '../../inventory/database.js';
import type { NewSgMember, SgMemberRecord, SgRecord } from '../../inventory/groups.js';
import type { EnablerContext } from '../context.js';
import { putKeyAside } from './former-keys.js';
import { tellGateways, tellMembersOfChange, tellOfRelease, tellOwner } from './notices.js';
import { withTree } from './tree.js';

/** How long the Group Key before is still received, by what the rekey is for (security 1.8), in milliseconds. */
export const GRACE_MS = { expelled: 0, left: 5_000, joined: 5_000, periodic: 60_000 } as const;
export type RekeyReason = keyof typeof GRACE_MS;
/** Members go on sending under the key before for so long when it was renewed for its age only. */
const SWITCH_AFTER_MS = 10_000;

/** Who comes, without the leaf that the tree will give it. */
export type Entrant = Omit<NewSgMember, 'leaf'>;

export interface GroupChange {
  readonly add: readonly Entrant[];
  readonly remove: readonly EntityId[];
  readonly reason: RekeyReason;
}

/**
 * Members come and go, within a transaction: tree, members and epoch change together, so that exactly one epoch is current, always. The
 * rekey and the news leave after the commit. The last one takes the group with it. Undefined: the group is gone.
 * @throws CpnsError State/TooManySgs, State/TooManySgMembers (status Busy)
 */
export function changeGroup(context: EnablerContext, tx: Tx, before: SgRecord, { add, remove, reason }: GroupChange): SgRecord | undefined {
  const { sgId } = before;
  const leaving = remove.flatMap((entityId) => tx.groups.member(sgId, entityId) ?? []);
  if (leaving.length === 0 && add.length === 0) return before;
  if (before.memberCount + add.length === leaving.length) {
    removeGroup(context, tx, before, `The service group "${before.name}" (${sgId}) has no member left and was removed.`, leaving);
    return undefined;
  }
  const epoch = before.epoch + 1;
  const formerKey = putKeyAside(context, tx, before);
  const { records, joined } = withTree(context, sgId, tx.groups.nodes(sgId), (tree) =>
    tree.change(BigInt(epoch), { joins: add.length, leaves: leaving.map(({ leaf }) => leaf) }),
  );
  const newcomers = add.map((entrant, i): NewSgMember => ({ ...entrant, leaf: joined[i] as number }));
  let after = tx.groups.change(sgId, { add: newcomers, remove: leaving.map(({ entityId }) => entityId), epoch });
  const ownerless = leaving.some(({ entityId }) => entityId === before.owner);
  if (ownerless) after = tx.groups.setOwner(sgId, undefined);
  note(tx, after, newcomers, leaving);
  tellGateways(context, tx, after, [...newcomers, ...leaving]);
  tellMembersOfChange(context, tx, after, newcomers, leaving);
  const parts = signed(context, sgId, epoch, records, GRACE_MS[reason], 0);
  tx.afterCommit(() => {
    if (formerKey !== undefined) context.formerKeys.ended(sgId, before.epoch, formerKey, GRACE_MS[reason]);
    context.rekeys.deliver(sgId, epoch, parts);
    context.groupUsage.forget(sgId);
    if (ownerless) context.successions.seek(context, sgId);
  });
  return after;
}

/** A new Group Key for the same members, within a transaction. */
export function rotateGroup(context: EnablerContext, tx: Tx, before: SgRecord, reason: 'periodic' | 'expelled'): SgRecord {
  const { sgId } = before;
  const epoch = before.epoch + 1;
  const formerKey = putKeyAside(context, tx, before);
  const { records } = withTree(context, sgId, tx.groups.nodes(sgId), (tree) => tree.rotate(BigInt(epoch)));
  const after = tx.groups.rekeyed(sgId, epoch);
  const parts = signed(context, sgId, epoch, records, GRACE_MS[reason], reason === 'periodic' ? SWITCH_AFTER_MS : 0);
  tx.afterCommit(() => {
    if (formerKey !== undefined) context.formerKeys.ended(sgId, before.epoch, formerKey, GRACE_MS[reason]);
    context.rekeys.deliver(sgId, epoch, parts);
    context.groupUsage.forget(sgId);
  });
  return after;
}

/** Versions of nodes rise by so much after a restore from backup (security 1.8). */
const NODES_AFTER_RESTORE = 2 ** 20;

/** After a restore from backup, within a transaction: epochs, versions and node versions beyond what members may have seen, and new Group Keys. */
export function raiseGroups(context: Parameters<typeof withTree>[0], tx: Tx, by: number): void {
  for (const group of tx.groups.list()) putKeyAside(context, tx, group);
  tx.groups.raiseAll(by, NODES_AFTER_RESTORE);
  for (const { sgId, epoch } of tx.groups.list()) {
    withTree(context, sgId, tx.groups.nodes(sgId), (tree) => tree.rotate(BigInt(epoch + 1)));
    tx.groups.rekeyed(sgId, epoch + 1);
  }
}

/** Ends a group, within a transaction: its keys are deleted (seed 000 7.y.3) and its members told, but for `leaving`. */
export function removeGroup(context: EnablerContext, tx: Tx, group: SgRecord, text: string, leaving: readonly SgMemberRecord[] = []): void {
  const { sgId } = group;
  const members = tx.groups.members(sgId).filter((member) => !leaving.some(({ entityId }) => entityId === member.entityId));
  const gateways = tx.groups.gateways(sgId).map(({ gateway }) => gateway);
  tx.groups.remove(sgId);
  tx.events.add({ event: 'group-removed', text, entityId: group.owner });
  tellOfRelease(context, tx, group, members, gateways);
  tx.afterCommit(() => {
    context.rekeys.forget(sgId);
    context.formerKeys.forget(sgId);
    context.groupUsage.forget(sgId);
    context.successions.forget(sgId);
  });
}

/** Gives a group another owner, or none, within a transaction, and tells everybody. */
export function changeOwner(context: EnablerContext, tx: Tx, { sgId }: SgRecord, owner: EntityId): SgRecord {
  const after = tx.groups.setOwner(sgId, owner);
  tx.events.add({ event: 'group-owner-changed', text: `${owner} owns the service group "${after.name}" (${sgId}) now.`, entityId: owner });
  tellOwner(context, tx, after, owner);
  return after;
}

/** The parts of a rekey as they travel. */
export function signed(
  { identity }: Pick<EnablerContext, 'identity'>,
  sgId: SgId,
  epoch: number,
  records: readonly GroupRecord[],
  graceMs: number,
  switchAfterMs: number,
): readonly SignedRekeyPart[] {
  const { serverId: idServer, signingKeyId: keyId } = identity;
  return signedRekeyParts({ idServer, sgId: fromHex(sgId), epoch: BigInt(epoch), keyId, switchAfterMs, graceMs }, records, identity.sign);
}

function note(tx: Tx, { sgId, name }: SgRecord, newcomers: readonly NewSgMember[], leaving: readonly SgMemberRecord[]): void {
  for (const { entityId, pnId } of newcomers) {
    tx.events.add({ event: 'group-member-added', text: `${entityId} came into the service group "${name}" (${sgId}).`, entityId, pnId });
  }
  for (const { entityId, pnId } of leaving) {
    const text = `${entityId} is no member of the service group "${name}" (${sgId}) any more.`;
    tx.events.add({ event: 'group-member-removed', text, entityId, pnId });
  }
}
