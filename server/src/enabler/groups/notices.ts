import type { EntityId, PnId, SgId } from '@cpns/shared';
import {
  type AnyMessage,
  type BodyOf,
  SG_MEMBERS_PER_PAGE,
  sgExpelledNotice,
  sgInventoryNotice,
  sgMemberChangeNotification,
  sgObjectsChangeNotification,
  sgOwnerChangeNotification,
  sgReleaseNotification,
} from '@cpns/shared/messages';
import { fromHex } from '@cpns/shared/security';
import type { Tx } from '../../inventory/database.js';
import type { NewSgMember, SgMemberRecord, SgRecord } from '../../inventory/groups.js';
import type { EnablerContext } from '../context.js';
import { putNotice } from '../notices.js';

/** Members that one notification names. */
const NAMED_AT_ONCE = 256;

type Place = Pick<SgMemberRecord, 'entityId' | 'pnId'>;
/** What a PN GW is told of a group beside the members behind it. */
export type RoutedGroup = Pick<SgRecord, 'sgId' | 'name' | 'owner' | 'epoch' | 'version'>;

/** The PN GWs of those who came or went get their copies of the SG Inventory anew. */
export function tellGateways(context: EnablerContext, tx: Tx, group: SgRecord, changed: readonly Pick<SgMemberRecord, 'gateway'>[]): void {
  for (const gateway of new Set(changed.map((member) => member.gateway))) putRoutes(context, tx, group, gateway);
}

/** What a PN GW needs to serve the members behind it (protocol b.3); older copies that wait are replaced. */
export function putRoutes(context: EnablerContext, tx: Tx, group: RoutedGroup, gateway: EntityId): void {
  const members = tx.groups.membersBehind(group.sgId, gateway).map(({ entityId: entity, pnId, leaf }) => ({
    entity,
    ...(pnId !== undefined && { pnId: fromHex(pnId) }),
    leaf,
  }));
  if (members.length === 0) return putNoRoutes(context, tx, group, gateway);
  const n = Math.ceil(members.length / SG_MEMBERS_PER_PAGE);
  for (let i = 0; i < n; i++) {
    const page = members.slice(i * SG_MEMBERS_PER_PAGE, (i + 1) * SG_MEMBERS_PER_PAGE);
    put(
      context,
      tx,
      { entityId: gateway, pnId: undefined },
      group,
      sgInventoryNotice,
      { ...routesOf(group), members: page, i, n },
      i === 0,
    );
  }
  tx.afterCommit(() => context.outbox.flush(gateway));
}

/** Nobody behind that PN GW is in the group. */
function putNoRoutes(context: EnablerContext, tx: Tx, group: RoutedGroup, gateway: EntityId): void {
  const body = { ...routesOf(group), released: true, members: [], i: 0, n: 1 };
  put(context, tx, { entityId: gateway, pnId: undefined }, group, sgInventoryNotice, body, true);
  tx.afterCommit(() => context.outbox.flush(gateway));
}

function routesOf({ sgId, name, owner, epoch, version }: RoutedGroup) {
  return { sgId: fromHex(sgId), name, ...(owner !== undefined && { owner }), epoch, version };
}

/** Newcomers hear of themselves, whatever the size of the group; the others of one another while the group is small enough. */
export function tellMembersOfChange(
  context: EnablerContext,
  tx: Tx,
  group: SgRecord,
  newcomers: readonly NewSgMember[],
  leaving: readonly SgMemberRecord[],
): void {
  const { sgId, name, owner, epoch, memberCount } = group;
  const recipients: readonly Place[] = memberCount <= context.settings.limits.groupMembersTold ? tx.groups.members(sgId) : newcomers;
  const head = { sgId: fromHex(sgId), ...(owner !== undefined && { owner }), name, epoch };
  const news = pairsOf(
    newcomers.map(({ entityId }) => entityId),
    leaving.map(({ entityId }) => entityId),
  );
  for (const recipient of recipients) {
    const own = newcomers.find(({ entityId }) => entityId === recipient.entityId);
    for (const change of news) {
      // Of many who come together each finds itself in what it is told.
      const add = own === undefined || change.add.includes(own.entityId) ? change.add : [own.entityId];
      put(context, tx, recipient, group, sgMemberChangeNotification, { ...head, ...change, add }, false);
    }
  }
  flushAfter(context, tx, recipients);
}

function pairsOf(add: readonly EntityId[], remove: readonly EntityId[]): { add: EntityId[]; remove: EntityId[] }[] {
  const pairs = [];
  for (let at = 0; at < Math.max(add.length, remove.length); at += NAMED_AT_ONCE) {
    pairs.push({ add: add.slice(at, at + NAMED_AT_ONCE), remove: remove.slice(at, at + NAMED_AT_ONCE) });
  }
  return pairs;
}

/** Those who were expelled delete their keys (protocol e.2). */
export function tellExpelled(context: EnablerContext, tx: Tx, sgId: SgId, expelled: readonly Place[]): void {
  for (const member of expelled) put(context, tx, member, { sgId }, sgExpelledNotice, { sgId: fromHex(sgId) }, false);
  flushAfter(context, tx, expelled);
}

/** The group is gone (seed 000 7.y.3). */
export function tellOfRelease(
  context: EnablerContext,
  tx: Tx,
  group: SgRecord,
  members: readonly Place[],
  gateways: readonly EntityId[],
): void {
  for (const member of members) put(context, tx, member, group, sgReleaseNotification, { sgId: fromHex(group.sgId) }, false);
  flushAfter(context, tx, members);
  for (const gateway of gateways) putNoRoutes(context, tx, { ...group, version: group.version + 1 }, gateway);
}

/** Everybody hears who owns the group, in large ones the owner alone. */
export function tellOwner(context: EnablerContext, tx: Tx, group: SgRecord, owner: EntityId): void {
  const { sgId, memberCount } = group;
  const members = memberCount <= context.settings.limits.groupMembersTold ? tx.groups.members(sgId) : [tx.groups.member(sgId, owner)];
  const recipients = members.filter((member) => member !== undefined);
  for (const member of recipients) put(context, tx, member, group, sgOwnerChangeNotification, { sgId: fromHex(sgId), owner }, true);
  flushAfter(context, tx, recipients);
}

/** What the group shares with them has changed; they look what it is. */
export function tellOfObjects(context: EnablerContext, tx: Tx, group: SgRecord, members: readonly Place[]): void {
  for (const member of members) put(context, tx, member, group, sgObjectsChangeNotification, { sgId: fromHex(group.sgId) }, true);
  flushAfter(context, tx, members);
}

function flushAfter({ outbox }: EnablerContext, tx: Tx, recipients: readonly Place[]): void {
  tx.afterCommit(() => {
    for (const { entityId } of recipients) outbox.flush(entityId);
  });
}

function put<M extends AnyMessage>(
  context: EnablerContext,
  tx: Tx,
  { entityId: to, pnId }: { readonly entityId: EntityId; readonly pnId: PnId | undefined },
  { sgId }: Pick<SgRecord, 'sgId'>,
  type: M,
  body: BodyOf<M>,
  supersedes: boolean,
): void {
  putNotice(context, tx, { to, pnId, type, body, supersedes, sgId });
}
