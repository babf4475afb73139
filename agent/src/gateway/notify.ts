import { describeError, type PnId } from '@cpns/shared';
import { ack, pnEstablishmentNotify, RemoveReason, Status } from '@cpns/shared/messages';
import { pnIdOctets } from '../entity/device-state.js';
import type { Formed } from './forming.js';
import { type GatewayContext, HOP_TIMEOUT_MS } from './gateway-context.js';
import { removeFromPn } from './membership.js';
import { isRefusal } from './pn-key.js';

/** A PNE that waits for the end of its run. */
export type Member = Pick<Formed['members'][number], 'id' | 'link' | 'registered'>;

/** PN Establishment Notify to one PNE: what it makes of it. One that could not verify the server is taken out of the PN (e.12). */
export async function notify(context: GatewayContext, pnId: PnId, { id: pne, link, registered }: Member): Promise<Status> {
  const { status, hashServer, record } = registered;
  const notice = { status, pnId: pnIdOctets(pnId), ...(hashServer && { hashServer }), ...(record && { record }) };
  const options = { timeoutMs: HOP_TIMEOUT_MS, signal: link.signal };
  try {
    await link.exchange.request(pnEstablishmentNotify, notice, [ack], link.hopOf(pnId), options);
    return status;
  } catch (error) {
    context.logger.notice('a PNE did not take its part in the personal network', { pne, pn: pnId, why: describeError(error) });
    // Silence may mean that the notice arrived: then the PNE recovers, and if not, the server's own deadline removes it.
    const refusal = isRefusal(error);
    if (status === Status.Success && refusal) await removeFromPn(context, pnId, [pne], RemoveReason.Unreachable);
    return refusal || status !== Status.Success ? Status.AuthFailed : Status.Timeout;
  }
}
