import { describeError, type EntityId, type PnId } from '@cpns/shared';
import { pnKeyRequest, pnKeyResponse, pnMembershipWithKey, pnMembershipWithKeyConfirmation, Status } from '@cpns/shared/messages';
import { DeviceState, type PnRecord, pnIdOctets } from '../entity/device-state.js';
import { type GatewayContext, HOP_TIMEOUT_MS } from './gateway-context.js';

/** A PN key of this epoch is received for so long after a newer one came (security 6.5). */
export interface PnKey {
  readonly epoch: number;
  readonly key: Uint8Array;
  readonly graceMs: number;
}

/** PN Key Request and Response (seed 002 steps 22, 23). @throws CpnsError State/Refused, Timeout */
export async function fetchPnKey(context: GatewayContext, pnId: PnId, signal?: AbortSignal): Promise<PnKey> {
  const { body } = await context.server().request(pnKeyRequest, { pnId: pnIdOctets(pnId) }, [pnKeyResponse], { signal });
  return { epoch: body.epoch, key: body.key, graceMs: body.graceMs };
}

/** The record with this key, unless it has a newer one. */
export function withPnKey(record: PnRecord, key: PnKey): PnRecord {
  return key.epoch < record.pnKeyEpoch ? record : { ...record, pnKeyEpoch: key.epoch, pnKey: key.key };
}

/**
 * PN Membership with group key and its confirmation (seed 002 steps 24, 25); the key goes under SK_L only. True: the PNE has it. A
 * PNE that is not there gets it at its next PAN session.
 */
export async function handOutPnKey(
  context: GatewayContext,
  pnId: PnId,
  pne: EntityId,
  graceMs: number,
  signal?: AbortSignal,
): Promise<boolean> {
  const record = context.state.pn(pnId);
  const link = context.linkTo(pne);
  if (record?.pnKey === undefined || link === undefined || !link.hasPan(pnId)) return false;
  try {
    const { body } = await link.exchange.request(
      pnMembershipWithKey,
      { pnId: pnIdOctets(pnId), epoch: record.pnKeyEpoch, key: record.pnKey, graceMs },
      [pnMembershipWithKeyConfirmation],
      { kind: 'pan', pnId },
      { timeoutMs: HOP_TIMEOUT_MS, signal },
    );
    return body.status === Status.Success && body.epoch === record.pnKeyEpoch;
  } catch (error) {
    context.logger.info('a PNE did not confirm the PN key', { pne, pn: pnId, why: describeError(error) });
    return false;
  }
}

/** Fetches the current PN key, keeps it and hands it to every member that is there (security 6.5, removal). */
export async function renewPnKey(context: GatewayContext, pnId: PnId): Promise<void> {
  const key = await fetchPnKey(context, pnId);
  const record = context.state.pn(pnId);
  if (record === undefined) return;
  const changes = new Map();
  DeviceState.setPn(changes, withPnKey(record, key));
  await context.state.commit(changes);
  context.pnKeyChanged(pnId, key.graceMs);
  await Promise.all(
    record.members.filter((member) => !member.gateway).map((member) => handOutPnKey(context, pnId, member.entityId, key.graceMs)),
  );
}
