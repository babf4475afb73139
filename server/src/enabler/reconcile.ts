import type { PnId } from '@cpns/shared';
import { type BodyOf, type reconcile, reconcileResponse, Status } from '@cpns/shared/messages';
import { fromHex, toHex } from '@cpns/shared/security';
import type { PnRecord } from '../inventory/pn-inventory.js';
import type { EnablerContext } from './context.js';
import type { Incoming } from './incoming.js';
import { putInventory } from './notices.js';

type Entry = BodyOf<typeof reconcileResponse>['pns'][number];

/**
 * Reconciliation (protocol 0.13): the device says what it holds, the server's record wins. What differs follows as a sealed inventory;
 * a PN that is gone, or in which the device is not, is named in the answer, which is sealed too.
 */
export async function compare(context: EnablerContext, incoming: Incoming<BodyOf<typeof reconcile>>): Promise<void> {
  const { inventory, limits, outbox } = context;
  const { session, sender, body } = incoming;
  if (session === undefined) return;
  limits.request(sender);

  // 17. CPNS Server: Create and update PN Inventory
  const { pns } = inventory.reads;
  const own = new Map((session.own ? pns.ofGateway(sender) : pns.ofMember(sender)).map((pn) => [pn.pnId, pn]));
  const differing = new Map(session.own ? own : []);
  const entries = body.pns.map((entry): Entry => {
    const pnId = toHex(entry.pnId) as PnId;
    const pn = own.get(pnId);
    if (pn === undefined)
      return {
        pnId: entry.pnId,
        status: pns.find(pnId) && !session.own ? Status.NotMember : Status.UnknownPn,
        inventoryVersion: 0,
        pnKeyEpoch: 0,
      };
    if (pn.version === entry.inventoryVersion) differing.delete(pnId);
    else differing.set(pnId, pn);
    return entryOf(pn);
  });
  const named = new Set(entries.map((entry) => toHex(entry.pnId)));
  const unnamed = [...differing.values()].filter(({ pnId }) => !named.has(pnId));
  if (differing.size > 0) {
    await incoming.change((tx) => {
      for (const { pnId } of differing.values()) {
        const pn = tx.pns.find(pnId);
        if (pn !== undefined) putInventory(context, tx, pn, sender);
      }
    });
  }
  await incoming.answer(reconcileResponse, { pns: [...entries, ...unnamed.map(entryOf)].slice(0, MAX_ENTRIES) });
  outbox.flush(sender);
}

const MAX_ENTRIES = 64;

function entryOf({ pnId, version, keyEpoch }: PnRecord): Entry {
  return { pnId: fromHex(pnId), status: Status.Success, inventoryVersion: version, pnKeyEpoch: keyEpoch };
}
