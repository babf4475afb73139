import { CpnsError, type EntityId, type PnId } from '@cpns/shared';
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
import { deltaOf, pagesOf, readWhole, viewOf } from './views.js';

/** What changed with the version before. */
export interface InventoryChange {
  readonly add?: readonly Member[];
  readonly remove?: readonly EntityId[];
}

/**
 * Tells the members, and the PN GW unless it learns it from an answer, of a new version of a PN: each gets its own view while that fits
 * into one page, else what changed; who missed a change before it asks for the whole. Older news for the same device is replaced.
 */
export function announce(context: EnablerContext, tx: Tx, pn: PnRecord, change: InventoryChange, tellGateway: boolean): void {
  const whole = readWhole(tx, pn);
  const full = pagesOf(pn, viewOf(whole, pn.gateway));
  const shared = full.length === 1 ? full : [deltaOf(pn, pn.version - 1, change.add ?? [], change.remove ?? [])];
  const recipients = whole.members.map(({ entityId }) => entityId);
  for (const pne of recipients) put(context, tx, pn, pne, pn.shareMembers ? shared : pagesOf(pn, viewOf(whole, pne)));
  if (tellGateway) put(context, tx, pn, pn.gateway, shared);
  tx.afterCommit(() => {
    for (const recipient of [...recipients, pn.gateway]) context.outbox.flush(recipient);
  });
}

/** The whole of a PN as `recipient` may see it. */
export function putInventory(context: EnablerContext, tx: Tx, pn: PnRecord, recipient: EntityId): void {
  put(context, tx, pn, recipient, pagesOf(pn, viewOf(readWhole(tx, pn), recipient)));
}

/** The PN is gone. */
export function putUnknownPn(context: EnablerContext, tx: Tx, pnId: PnId, recipient: EntityId): void {
  add(context, tx, recipient, undefined, unknownPn, { pnId: fromHex(pnId) }, false);
  tx.afterCommit(() => context.outbox.flush(recipient));
}

function put(context: EnablerContext, tx: Tx, pn: PnRecord, recipient: EntityId, pages: readonly Inventory[]): void {
  for (const [index, inventory] of pages.entries()) {
    add(context, tx, recipient, pn.pnId, inventoryNotice, { inventory, pnKeyEpoch: pn.keyEpoch }, index === 0);
  }
}

/** A full outbox must not keep a PN from changing: its device finds the new version in the heartbeat and asks. */
function add<M extends AnyMessage>(
  context: EnablerContext,
  tx: Tx,
  to: EntityId,
  pnId: PnId | undefined,
  type: M,
  body: BodyOf<M>,
  supersedes: boolean,
): void {
  const transaction = context.entropy.bytes(TRANSACTION_OCTETS);
  const octets = encodeEnvelope(type, transaction, '', body);
  try {
    tx.outbox.add({ to, pnId, number: type.number, transaction, octets, supersedes });
  } catch (error) {
    if (!(error instanceof CpnsError) || error.code !== 'OutboxFull') throw error;
    context.logger.warn('a notice does not fit into the outbox', { entityId: to, pnId, message: type.name });
  }
}
