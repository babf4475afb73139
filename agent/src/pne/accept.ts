import { CpnsError, type EntityId, type PnId, refused } from '@cpns/shared';
import { bodyOf, decodeEnvelope, MAX_UPLINK_ENVELOPE, Status, sessionAcknowledgement, sessionConfirm } from '@cpns/shared/messages';
import { SkChannel } from '@cpns/shared/security';
import { type Changes, DeviceState, type PnRecord, pnIdText } from '../entity/device-state.js';
import type { PneContext } from './pne-context.js';
import { leaveHop, type Run } from './run.js';

/** What the server sends back through the gateway at the end of a run. */
export interface Confirmation {
  readonly hashServer?: Uint8Array | undefined;
  readonly record?: Uint8Array | undefined;
}

/** The server said, sealed, that this device is not in the PN. */
export const OUT_OF_PN: ReadonlySet<Status> = new Set([Status.UnknownPn, Status.NotMember]);

/**
 * Verifies the server (seed 003 6.6.1.1 steps 14, 15), opens its first record and keeps the PN: inventory, LocalEUKey and server keys in
 * one commit. Whoever fails to verify keeps nothing. The session's first record is the acknowledgement (protocol 0.13).
 * @throws CpnsError Auth/WrongServerHash, State/Refused; State/NotInPn when the server says that the device is out: then it forgot the PN
 */
export async function acceptConfirmation(
  context: PneContext,
  pnId: PnId,
  run: Run,
  { hashServer, record }: Confirmation,
): Promise<PnRecord> {
  const { provider, entropy, clock, keys, state } = context;
  const gateway = run.link.peer as EntityId;
  let channel: SkChannel | undefined;
  try {
    if (!run.handshake.answered)
      throw new CpnsError('State', 'NoChallenge', 'The PN GW ended a run in which the server has challenged nobody.', {
        status: Status.WrongState,
      });
    if (hashServer === undefined || record === undefined)
      throw new CpnsError('Auth', 'NoConfirmation', 'The server did not confirm this device.', { status: Status.AuthFailed });
    channel = new SkChannel({ provider, entropy, clock, material: run.handshake.confirm(hashServer), side: 'device' });
    const first = channel.open(record);
    if (first === undefined)
      throw new CpnsError('Auth', 'NoFirstRecord', 'The server did not open its session properly.', { status: Status.AuthFailed });
    const confirm = bodyOf(decodeEnvelope(first.content, MAX_UPLINK_ENVELOPE), sessionConfirm);
    if (OUT_OF_PN.has(confirm.status)) {
      await forgetPn(context, pnId);
      throw new CpnsError('State', 'NotInPn', 'The server says that this device is not in that personal network (any more).', {
        status: confirm.status,
      });
    }
    if (confirm.status !== Status.Success) throw refused(confirm.status, 'The registration');
    const { inventory } = confirm;
    if (inventory === undefined || pnIdText(inventory.pnId) !== pnId || inventory.gateway !== gateway) {
      throw new CpnsError('Auth', 'WrongInventory', 'The server confirmed another network or gateway than the one on this link.', {
        status: Status.AuthFailed,
      });
    }
    const known = state.pn(pnId);
    const after = context.copies.begin(known, inventory);
    const changes: Changes = new Map();
    DeviceState.setPn(changes, after);
    DeviceState.setServerKeys(changes, { keys: confirm.serverKeys, cpnsId: confirm.cpnsId });
    keys.keep(changes, pnId, gateway);
    await state.commit(changes);
    if (confirm.subscription !== undefined) context.subscribed(confirm.subscription);
    context.sessions.adopt(pnId, gateway, channel).notify(sessionAcknowledgement, { inventoryVersion: after.inventoryVersion });
    channel = undefined;
    if (known === undefined)
      context.happened({ type: 'pn', pnId, state: 'Established', text: `In personal network ${pnId} of ${gateway}.` });
    context.reachable(pnId);
    return after;
  } finally {
    channel?.erase();
    keys.discard(pnId, gateway);
    context.runs.end(pnId, run);
    leaveHop(context, pnId, run.link);
  }
}

/** Leaves a PN behind: inventory, keys and sessions (protocol 0.14: only on a word of the server, or the gateway's under SK_L). */
export async function forgetPn(context: PneContext, pnId: PnId): Promise<void> {
  const record = context.state.pn(pnId);
  if (record !== undefined) {
    const changes: Changes = new Map();
    context.state.forgetPn(changes, pnId);
    await context.state.commit(changes);
    context.happened({ type: 'pn', pnId, state: 'Absent', text: `No longer in personal network ${pnId}.` });
  }
  // The word that ends the PN is still to be answered in the session that ends with it.
  context.clock.after(0, () => {
    context.sessions.end(pnId);
    if (record !== undefined) context.endPans(record.gateway, pnId);
  });
}
