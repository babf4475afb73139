import type { EntityId } from '@cpns/shared';
import { type Inventory, Status, type Subscription } from '@cpns/shared/messages';
import type { Reads, Tx } from '../inventory/database.js';
import type { PnRecord } from '../inventory/pn-inventory.js';
import type { EnablerContext } from './context.js';
import { announce, newsOf, putInventory } from './notices.js';
import type { OpenSession } from './opened-sessions.js';
import { newPnKey } from './pn-key.js';
import type { ProvenPne } from './proof.js';
import { FIRST_PAGE_OCTETS, type NamedMember, PAGE_OCTETS, pagesOf, readWhole, viewOf, type WholePn } from './views.js';

/** With more PNEs than this in one request their first records carry small pages, so that the answer stays within an envelope. */
const MANY = 4;

/** What a PNE is told that was let in. */
export interface Confirmed {
  readonly hashServer: Uint8Array;
  /** The first record of its session. */
  readonly record: Uint8Array;
}

/** What came of an admission. */
export interface Admission {
  readonly confirmed: ReadonlyMap<EntityId, Confirmed>;
  /** The new version for the PN GW: what fits into an answer; of more pages, the whole follows by itself. */
  readonly inventory: Inventory | undefined;
}

/**
 * Lets PNEs that proved themselves into a PN, within a transaction; every way in ends here. They are Unconfirmed members with a CPNS ID
 * and a session; version and PN key are new (security 6.5), and the other members are told as far as members are shared (protocol 0.16).
 * Who is a member already has a new session, and nothing else changes.
 * @throws CpnsError State/TooManyMembers (status Busy)
 */
export function admitMembers(
  context: EnablerContext,
  tx: Tx,
  transaction: Uint8Array,
  before: PnRecord,
  proven: readonly ProvenPne[],
  open: OpenSession,
): Admission {
  const { pnId, gateway } = before;
  for (const { pne, capabilities } of proven) tx.devices.registered(pne, capabilities);
  const newcomers = proven.filter(({ pne }) => tx.pns.member(pnId, pne) === undefined);
  for (const { pne } of proven) if (!newcomers.some((newcomer) => newcomer.pne === pne)) tx.pns.authenticated(pnId, pne);
  const added = new Set(newcomers.map(({ pne }) => pne));
  const pn = added.size === 0 ? before : add(context, tx, before, newcomers);
  const whole = readWhole(tx, pn);
  const change = { add: whole.members.filter(({ entityId }) => added.has(entityId)), newcomers: [...added] };
  if (added.size > 0) announce(context, tx, pn, change, false);
  const news = newsOf(whole, change);
  // The answer holds one page; of more, the PN GW gets all by themselves.
  if (news.length > 1) putInventory(context, tx, pn, gateway);
  return { confirmed: confirmAll(context, tx, transaction, whole, proven, open), inventory: news[0] };
}

function add(context: EnablerContext, tx: Tx, { pnId, keyEpoch }: PnRecord, newcomers: readonly ProvenPne[]): PnRecord {
  const members = newcomers.map(({ pne: entityId, contents }) => ({ entityId, contents }));
  const pn = tx.pns.addMembers(pnId, members, newPnKey(context, pnId, keyEpoch + 1));
  for (const { pne } of newcomers)
    tx.events.add({ event: 'member-added', text: `${pne} came into the personal network ${pnId}.`, entityId: pne, pnId });
  return pn;
}

/** hash_server and the first record for each of these members, which holds the first page of its own view of the PN Inventory. */
export function confirmAll(
  { serverKeys }: EnablerContext,
  tx: Tx,
  transaction: Uint8Array,
  whole: WholePn,
  members: readonly ProvenPne[],
  open: OpenSession,
): ReadonlyMap<EntityId, Confirmed> {
  const firstOctets = members.length > MANY ? FIRST_PAGE_OCTETS : PAGE_OCTETS;
  return new Map(
    members.map((member) => {
      const { pne, hashServer } = member;
      const [inventory] = pagesOf(whole.pn, viewOf(whole, pne), firstOctets);
      const { cpnsId } = whole.members.find(({ entityId }) => entityId === pne) as NamedMember;
      // Where many come at once there is no room for it; they learn it in their next session.
      const own = members.length > MANY ? {} : subscriptionOf(tx, pne);
      const confirm = { status: Status.Success, cpnsId, serverKeys, ...own, ...(inventory && { inventory }) };
      return [pne, { hashServer, record: open(tx, member).firstRecord(transaction, confirm) }];
    }),
  );
}

/** What the user of that device has subscribed to: whether it may be PN GW depends on it (protocol 0.21). */
export function subscriptionOf(
  { devices, users }: Pick<Reads, 'devices' | 'users'>,
  pne: EntityId,
): { readonly subscription?: Subscription } {
  const owner = devices.find(pne)?.userId;
  const user = owner && users.find(owner);
  return user ? { subscription: user.subscription } : {};
}
