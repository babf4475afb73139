import { CpnsError, type EntityId, type PnId, type SgId } from '@cpns/shared';
import {
  type AnyMessage,
  type BodyOf,
  encodeEnvelope,
  type Inventory,
  inventoryNotice,
  type Member,
  unknownPn,
} from '@cpns/shared/messages';
import { fromHex } from '@cpns/shared/security';
import type { Tx } from '../inventory/database.js';
import type { PnRecord } from '../inventory/pn-inventory.js';
import type { EnablerContext } from './context.js';
import { TRANSACTION_OCTETS } from './downlink.js';
import { deltaOf, pagesOf, readWhole, viewOf, type WholePn } from './views.js';

/** What changed with the version before. */
export interface InventoryChange {
  readonly add?: readonly Member[];
  readonly remove?: readonly EntityId[];
  /**
   * Who came in with it, and has it from the first record of the session. Then the news leave when the PN GW has its answer, by
   * {@link tellMembers}: it stores the newcomers before anybody hears of them.
   */
  readonly newcomers?: readonly EntityId[];
}

/** A new version for who sees every member: the whole while that fits into one page, else what changed, unless that is long, too. */
export function newsOf(whole: WholePn, { add = [], remove = [] }: InventoryChange): readonly Inventory[] {
  const { pn } = whole;
  const full = pagesOf(pn, viewOf(whole, pn.gateway));
  return full.length === 1 || pagesOf(pn, add).length > 1 ? full : [deltaOf(pn, pn.version - 1, add, remove)];
}

/**
 * Tells the members, and the PN GW unless it learns it from an answer, of a new version of a PN: each gets its own view while that fits
 * into one page, else what changed; who missed a change before it asks for the whole. Older news for the same device is replaced.
 */
export function announce(context: EnablerContext, tx: Tx, pn: PnRecord, change: InventoryChange, tellGateway: boolean): void {
  const whole = readWhole(tx, pn);
  const shared = newsOf(whole, change);
  const added = new Set(change.newcomers);
  const recipients = whole.members.map(({ entityId }) => entityId).filter((entityId) => !added.has(entityId));
  for (const pne of recipients) put(context, tx, pn, pne, pn.shareMembers ? shared : pagesOf(pn, viewOf(whole, pne)));
  if (tellGateway) put(context, tx, pn, pn.gateway, shared);
  if (change.newcomers === undefined) tx.afterCommit(() => flush(context, [...recipients, pn.gateway]));
}

/** Sends what waits for the members and the PN GW of a PN. */
export function tellMembers(context: EnablerContext, pnId: PnId, gateway: EntityId): void {
  flush(context, [gateway, ...context.inventory.reads.pns.members(pnId).map(({ entityId }) => entityId)]);
}

function flush({ outbox }: EnablerContext, recipients: readonly EntityId[]): void {
  for (const recipient of recipients) outbox.flush(recipient);
}

/** The whole of a PN as `recipient` may see it. */
export function putInventory(context: EnablerContext, tx: Tx, pn: PnRecord, recipient: EntityId): void {
  put(context, tx, pn, recipient, pagesOf(pn, viewOf(readWhole(tx, pn), recipient)));
}

/** The PN is gone. */
export function putUnknownPn(context: EnablerContext, tx: Tx, pnId: PnId, recipient: EntityId): void {
  putNotice(context, tx, { to: recipient, pnId: undefined, type: unknownPn, body: { pnId: fromHex(pnId) }, supersedes: false });
  tx.afterCommit(() => context.outbox.flush(recipient));
}

function put(context: EnablerContext, tx: Tx, pn: PnRecord, recipient: EntityId, pages: readonly Inventory[]): void {
  for (const [index, inventory] of pages.entries()) {
    const body = { inventory, pnKeyEpoch: pn.keyEpoch };
    putNotice(context, tx, { to: recipient, pnId: pn.pnId, type: inventoryNotice, body, supersedes: index === 0 });
  }
}

/** Something that a device must learn however long that takes. */
export interface Notice<M extends AnyMessage> {
  readonly to: EntityId;
  /** In whose session it goes; undefined: in the device's own. */
  readonly pnId: PnId | undefined;
  readonly type: M;
  readonly body: BodyOf<M>;
  /** It takes the place of what waits of its kind. */
  readonly supersedes: boolean;
  /** The service group that it is about. */
  readonly sgId?: SgId;
}

/** A full outbox must not keep a PN or a group from changing: its device finds the new version or epoch in the heartbeat and asks. */
export function putNotice<M extends AnyMessage>(context: EnablerContext, tx: Tx, notice: Notice<M>): void {
  const { to, pnId, type, body, supersedes, sgId } = notice;
  const transaction = context.entropy.bytes(TRANSACTION_OCTETS);
  const octets = encodeEnvelope(type, transaction, '', body);
  try {
    tx.outbox.add({ to, pnId, number: type.number, transaction, octets, supersedes, ...(sgId && { topic: fromHex(sgId) }) });
  } catch (error) {
    if (!(error instanceof CpnsError) || error.code !== 'OutboxFull') throw error;
    context.logger.warn('a notice does not fit into the outbox', { entityId: to, pnId, group: sgId, message: type.name });
  }
}
