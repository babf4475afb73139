import { CpnsError, describeError, type EntityId, type PnId, refused } from '@cpns/shared';
import { pnKeyRequest, pnKeyResponse, pnMembershipWithKey, pnMembershipWithKeyConfirmation, Status } from '@cpns/shared/messages';
import { type Changes, DeviceState, pnIdOctets } from '../entity/device-state.js';
import { type GatewayContext, HOP_TIMEOUT_MS } from './gateway-context.js';

const PN_KEY_OCTETS = 32;
/** Unless all members that are here have confirmed a new PN key before, it is sent with after this time (security 6.5). */
const SWITCH_AFTER_MS = 2_000;

/** A PN key; the one before is received for `graceMs` after this one came (security 6.5). */
export interface PnKey {
  readonly epoch: number;
  readonly key: Uint8Array;
  readonly graceMs: number;
  /** The PN Inventory whose members it is for. */
  readonly inventoryVersion: number;
}

/** PN Key Request and Response (seed 002 steps 22, 23). @throws CpnsError State/Refused, Timeout */
export async function fetchPnKey(context: GatewayContext, pnId: PnId, signal?: AbortSignal): Promise<PnKey> {
  const { body } = await context.server().request(pnKeyRequest, { pnId: pnIdOctets(pnId) }, [pnKeyResponse], { signal });
  if (body.status !== Status.Success || body.key.length !== PN_KEY_OCTETS) throw refused(body.status, 'The PN key');
  const { epoch, key, graceMs, inventoryVersion } = body;
  return { epoch, key, graceMs, inventoryVersion };
}

/** What became of a PN key that was handed out: only a PNE that says so has it; one that is not there gets it later. */
export type HandOut = 'confirmed' | 'refused' | 'absent';

/**
 * PN Membership with group key and its confirmation (seed 002 steps 24, 25); the key goes under SK_L only. A PNE that is not there
 * gets it when its next PAN session stands, or when it asks.
 */
export async function handOutPnKey(context: GatewayContext, pnId: PnId, pne: EntityId, graceMs: number): Promise<HandOut> {
  const record = context.state.pn(pnId);
  const link = context.linkTo(pne);
  if (record?.pnKey === undefined || link === undefined || !link.hasPan(pnId) || context.removals.has(pnId, pne)) return 'absent';
  // It is from before the last newcomer: everybody gets the next one.
  if (record.keyBehind !== undefined) return 'absent';
  const { pnKeyEpoch: epoch, pnKey: key } = record;
  try {
    const { body } = await link.exchange.request(
      pnMembershipWithKey,
      { pnId: pnIdOctets(pnId), epoch, key, graceMs },
      [pnMembershipWithKeyConfirmation],
      { kind: 'pan', pnId },
      { timeoutMs: HOP_TIMEOUT_MS, signal: link.signal },
    );
    return body.status === Status.Success && body.epoch === epoch ? 'confirmed' : 'refused';
  } catch (error) {
    context.logger.info('a PNE did not confirm the PN key', { pne, pn: pnId, why: describeError(error) });
    return isRefusal(error) ? 'refused' : 'absent';
  }
}

/** The peer said no, for good; anything else may be the way. */
export function isRefusal(error: unknown): boolean {
  return error instanceof CpnsError && error.code === 'Refused' && !error.retryable;
}

/**
 * Fetches the current PN key, keeps it and hands it to every member that is there (security 6.5, removal). A key that belongs to a newer
 * inventory than the one here may be kept from somebody who is still listed here: it is fetched again when that inventory has come.
 */
export async function renewPnKey(context: GatewayContext, pnId: PnId): Promise<void> {
  const key = await fetchPnKey(context, pnId);
  const record = await context.settling.run(pnId, async () => {
    const known = context.state.pn(pnId);
    if (known === undefined || key.inventoryVersion > known.inventoryVersion) return undefined;
    const { keyBehind, ...kept } = known;
    const isFresh = keyBehind !== undefined && key.inventoryVersion >= keyBehind;
    if (known.pnKey !== undefined && (isFresh ? key.epoch < known.pnKeyEpoch : key.epoch <= known.pnKeyEpoch)) return undefined;
    const changes: Changes = new Map();
    const behind = keyBehind !== undefined && !isFresh ? { keyBehind } : {};
    DeviceState.setPn(changes, { ...kept, ...behind, pnKeyEpoch: key.epoch, pnKey: key.key });
    await context.state.commit(changes);
    return known;
  });
  if (record === undefined) return;
  context.pnKeyChanged(pnId, key.graceMs, SWITCH_AFTER_MS);
  const members = record.members.filter((member) => !member.gateway);
  const outcomes = await Promise.all(members.map((member) => handOutPnKey(context, pnId, member.entityId, key.graceMs)));
  if (!outcomes.includes('refused')) context.pnKeyShared(pnId);
}
