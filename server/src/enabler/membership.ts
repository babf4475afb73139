import { describeError, type EntityId, type PnId } from '@cpns/shared';
import {
  type BodyOf,
  encodeEnvelope,
  type Inventory,
  PnOperation,
  pneNotificationExpel,
  type pnUpdateRequest,
  pnUpdateResponse,
  RemoveReason,
  Status,
} from '@cpns/shared/messages';
import { fromHex, toHex } from '@cpns/shared/security';
import type { Tx } from '../inventory/database.js';
import type { PnRecord } from '../inventory/pn-inventory.js';
import type { EnablerContext } from './context.js';
import { TRANSACTION_OCTETS } from './downlink.js';
import { answer, type Incoming } from './incoming.js';
import { announce, putUnknownPn } from './notices.js';
import { graceOf, newPnKey } from './pn-key.js';
import { refuse } from './refusals.js';
import { pagesOf, readWhole, viewOf } from './views.js';

/** PN Update: a PN GW takes PNEs out of its PN (seed 003 figure 16, steps 2 to 4). */
export async function updatePn(context: EnablerContext, incoming: Incoming<BodyOf<typeof pnUpdateRequest>>): Promise<void> {
  const { body, sender } = incoming;

  // 2. PN GW sends PN Update Request to the CPNS Server
  const pnId = toHex(body.pnId) as PnId;
  if (body.operation !== PnOperation.Remove) throw refuse(Status.BadAction, 'BadAction', 'PN Update (add) is not served.');
  await incoming.conclude((tx) => {
    const pn = tx.pns.find(pnId);
    if (pn?.gateway !== sender) return answer(pnUpdateResponse, { status: Status.UnknownPn, pnId: body.pnId, pnes: [] });

    // 3. The CPNS Server updates the PN Inventory
    const pnes = [...new Set(body.pnes)];
    const members = new Set(pnes.filter((pne) => tx.pns.member(pnId, pne) !== undefined));
    const after = removeMembers(context, tx, pn, [...members], { reason: body.reason ?? RemoveReason.Expelled, tellGateway: false });

    // 4. The CPNS Server sends PN Update Response to the PN GW
    const [inventory] = after === undefined ? [] : gatewayPages(tx, after);
    return answer(pnUpdateResponse, {
      status: Status.Success,
      pnId: body.pnId,
      pnes: pnes.map((pne) => ({ pne, status: members.has(pne) ? Status.Success : Status.NotMember })),
      ...(inventory && { inventory }),
    });
  });
}

function gatewayPages(tx: Tx, pn: PnRecord): readonly Inventory[] {
  return pagesOf(pn, viewOf(readWhole(tx, pn), pn.gateway));
}

export interface RemovalOptions {
  readonly reason: RemoveReason;
  /** The PN GW hears of it by a notice; false when it hears of it by an answer. */
  readonly tellGateway: boolean;
}

/**
 * Takes PNEs out of a PN, within a transaction: new inventory version, new PN key, news for those who stay. The last one takes the PN
 * with it (protocol e.39). What was removed is told so in its session, and that is closed. Undefined: the PN is gone.
 */
export function removeMembers(
  context: EnablerContext,
  tx: Tx,
  pn: PnRecord,
  pnes: readonly EntityId[],
  { reason, tellGateway }: RemovalOptions,
): PnRecord | undefined {
  if (pnes.length === 0) return pn;
  const { pnId, gateway } = pn;
  const after = tx.pns.removeMembers(pnId, pnes, newPnKey(context, pnId, pn.keyEpoch + 1));
  for (const pne of pnes) {
    tx.outbox.removeFor(pne, pnId);
    tx.events.add({ event: 'member-removed', text: `${pne} is no member of the personal network ${pnId} any more.`, entityId: pne, pnId });
  }
  tx.afterCommit(() => {
    context.graces.set(pnId, graceOf(reason));
    for (const pne of pnes) dismiss(context, pnId, pne, reason);
  });
  if (tx.pns.members(pnId).length > 0) {
    announce(context, tx, after, { remove: pnes }, tellGateway);
    return after;
  }
  tx.pns.remove(pnId);
  putUnknownPn(context, tx, pnId, gateway);
  tx.events.add({ event: 'pn-removed', text: `The personal network ${pnId} has no member left and was removed.`, entityId: gateway, pnId });
  tx.afterCommit(() => context.graces.delete(pnId));
  return undefined;
}

/** Sealed PNE Notification (Expel); the session is received a little longer, so that the PNE can say that it has heard. */
function dismiss(context: EnablerContext, pnId: PnId, pne: EntityId, reason: RemoveReason): void {
  const { sessions, downlink, entropy } = context;
  for (const session of sessions.of(pne, pnId)) {
    session.leaving = true;
    if (session !== sessions.current(pne, pnId)) sessions.drop(session);
    else sessions.retire(session);
  }
  const session = sessions.current(pne, pnId);
  if (session === undefined) return;
  const envelope = encodeEnvelope(pneNotificationExpel, entropy.bytes(TRANSACTION_OCTETS), '', { pnId: fromHex(pnId), reason });
  void downlink.send(session, envelope);
}

/** Removes PNEs that never acknowledged their session (protocol 0.13). */
export class UnconfirmedRemoval {
  readonly #context: EnablerContext;
  #cancelTimer = () => {};

  constructor(context: EnablerContext) {
    this.#context = context;
  }

  start(): void {
    const { clock, settings } = this.#context;
    this.#cancelTimer = clock.after(Math.min(settings.sessions.acknowledgeTimeoutMs / 12, MAX_CHECK_MS), () => {
      void this.#remove();
      this.start();
    });
  }

  stop(): void {
    this.#cancelTimer();
  }

  async #remove(): Promise<void> {
    const { inventory, settings, logger } = this.#context;
    const timeoutMs = settings.sessions.acknowledgeTimeoutMs;
    try {
      const pnIds = new Set(inventory.reads.pns.unconfirmedLongerThan(timeoutMs).map(({ pnId }) => pnId));
      for (const pnId of pnIds) {
        await inventory.transact((tx) => {
          const pn = tx.pns.find(pnId);
          const late = tx.pns.unconfirmedLongerThan(timeoutMs).filter((member) => member.pnId === pnId);
          const pnes = late.map(({ entityId }) => entityId);
          if (pn !== undefined) removeMembers(this.#context, tx, pn, pnes, { reason: RemoveReason.Unconfirmed, tellGateway: true });
        });
      }
    } catch (error) {
      logger.error('unconfirmed members could not be removed', { why: describeError(error) });
    }
  }
}

const MAX_CHECK_MS = 10_000;
