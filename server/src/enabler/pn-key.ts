import type { PnId } from '@cpns/shared';
import { type BodyOf, type pnKeyRequest, pnKeyResponse, RemoveReason, Status } from '@cpns/shared/messages';
import { enc, fromHex, toHex } from '@cpns/shared/security';
import type { EnablerContext } from './context.js';
import type { Incoming } from './incoming.js';
import { refuse } from './refusals.js';

const PN_KEY_OCTETS = 32;
/** For so long the old PN key is still received when a member left by itself or was lost (security 6.5). */
const LEAVE_GRACE_MS = 5_000;

/** A fresh PN key of that epoch, sealed for the inventory. */
export function newPnKey(context: Pick<EnablerContext, 'entropy' | 'pnKeys'>, pnId: PnId, epoch: number): Uint8Array {
  const key = context.entropy.bytes(PN_KEY_OCTETS);
  const sealed = context.pnKeys.seal(nameOf(pnId, epoch), key);
  key.fill(0);
  return sealed;
}

/** How long the key before is still received after a member was removed: an expelled one must not speak on. */
export function graceOf(reason: RemoveReason): number {
  return reason === RemoveReason.Expelled || reason === RemoveReason.Revoked ? 0 : LEAVE_GRACE_MS;
}

/** PN key (seed 002 figure 3, steps 22, 23). It is read anew each time, so the answer holds the key of the moment and is never kept. */
export async function givePnKey(context: EnablerContext, incoming: Incoming<BodyOf<typeof pnKeyRequest>>): Promise<void> {
  // 22. PN GW to CPNS Server: PN Key Request (Security)
  const pnId = toHex(incoming.body.pnId) as PnId;
  const pn = context.inventory.reads.pns.find(pnId);
  if (pn?.gateway !== incoming.sender) throw refuse(Status.UnknownPn, 'UnknownPn', `${incoming.sender} has no PN ${pnId}.`);

  // 23. CPNS Server to PN GW: PN Key response (Security)
  const key = context.pnKeys.unseal(nameOf(pnId, pn.keyEpoch), pn.sealedKey);
  const graceMs = context.graces.get(pnId) ?? 0;
  const { keyEpoch: epoch, version: inventoryVersion } = pn;
  await incoming.answer(pnKeyResponse, { status: Status.Success, epoch, key, graceMs, inventoryVersion });
  key.fill(0);
}

/** Associated data of a sealed PN key. */
function nameOf(pnId: PnId, epoch: number): Uint8Array {
  return enc(fromHex(pnId), BigInt(epoch));
}
