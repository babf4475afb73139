import { CpnsError, describeError, type EntityId, type PnId, type Reply, refused, reply, sleep } from '@cpns/shared';
import { ack, bodyOf, type Envelope, pnReleaseNotification, pnReleaseRequest, pnReleaseResponse, Status } from '@cpns/shared/messages';
import { type Changes, DeviceState, type PnRecord, PnRole, PnState, pnIdOctets, pnIdText } from '../entity/device-state.js';
import type { Hop, PeerLink } from '../entity/peer-link.js';
import { askServer } from './ask-server.js';
import { type GatewayContext, HOP_TIMEOUT_MS } from './gateway-context.js';
import { forget } from './membership.js';
import { isRefusal } from './pn-key.js';
import { requireEstablished, requireHop } from './routing-table.js';

/** Members that are away are told when they are back within this time; later they learn it at their next message (protocol e.10). */
const TELL_FOR_MS = 60_000;
const TELL_EVERY_MS = 2_000;

/**
 * PN Release initiated by this PN GW (seed 003 figure 18). Resolves when the members that are here were told.
 * @throws CpnsError State/UnknownPn, State/PnReleasing, State/Refused, Transport/ServerUnreachable, Transport/OutcomeUnknown
 */
export async function release(context: GatewayContext, pnId: PnId): Promise<void> {
  const { id } = context.identity;
  const record = requireEstablished(context, pnId, id);
  // 1. PN GW sends PN Release Request to CPNS Server; 2. it removes its PN Inventory and sends PN Release Response
  const status = await releaseAtServer(context, pnId, id);
  if (!isGone(status)) throw refused(status, 'The release of the personal network');

  // 3, 4. PN GW sends PN Release Notification to the PNEs
  await finish(context, pnId, membersOf(record));
}

/** PN Release initiated by a PNE (seed 003 figure 19). The server says whether that PNE may. */
export async function releaseForPne(context: GatewayContext, link: PeerLink, envelope: Envelope, hop: Hop): Promise<Reply<Hop>> {
  // 1. The PNE sends PN Release request to the PN GW
  const { pnId: octets, initiator } = bodyOf(envelope, pnReleaseRequest);
  const pnId = pnIdText(octets);
  requireHop(context, hop, pnId);
  if (initiator !== link.peer) throw new CpnsError('Auth', 'WrongSender', `${link.peer} asks in the name of ${initiator}.`);
  const record = requireEstablished(context, pnId, initiator);

  // 2. The PN GW sends the PN Release request to the CPNS Server; 3, 4. it deletes the PN Inventory and responds
  const status = await releaseAtServer(context, pnId, initiator);

  // 6. The PN GW notifies PN is released to other PNE(s) belong to this PN
  if (isGone(status)) {
    const others = membersOf(record).filter((pne) => pne !== initiator);
    context.background('telling of a release', () => sleep(context.clock, 0).then(() => finish(context, pnId, others)));
  }

  // 5. The PN GW sends the PN Release response to the PNE
  return reply(pnReleaseResponse, { status, pnId: octets }, hop);
}

/** What the server says, after a comparison, of a PN whose release was interrupted: its record wins (protocol 0.13). */
export async function settleRelease(context: GatewayContext, record: PnRecord, status: Status): Promise<void> {
  const pnId = pnIdText(record.pnId);
  if (context.releasing.has(pnId)) return;
  if (status === Status.UnknownPn) await finish(context, pnId, membersOf(record));
  else await setState(context, pnId, PnState.Established);
}

const isGone = (status: Status): boolean => status === Status.Success || status === Status.UnknownPn;

function membersOf({ members }: PnRecord): EntityId[] {
  return members.filter((member) => !member.gateway).map((member) => member.entityId);
}

/** From here on there is no traffic in the PN; when the server refuses, there is again. */
async function releaseAtServer(context: GatewayContext, pnId: PnId, initiator: EntityId): Promise<Status> {
  // Nothing is begun without a server.
  context.server();
  context.releasing.add(pnId);
  try {
    await setState(context, pnId, PnState.Releasing);
    const { body } = await askServer(context, pnReleaseRequest, { pnId: pnIdOctets(pnId), initiator }, pnReleaseResponse);
    if (!isGone(body.status)) await setState(context, pnId, PnState.Established);
    return body.status;
  } catch (error) {
    if (!(error instanceof CpnsError && error.code === 'OutcomeUnknown')) await setState(context, pnId, PnState.Established);
    throw error;
  } finally {
    context.releasing.delete(pnId);
  }
}

/** Tells the members, those that are away as long as it makes sense, and forgets the PN. Resolves after the first round. */
async function finish(context: GatewayContext, pnId: PnId, pnes: readonly EntityId[]): Promise<void> {
  if (context.releasing.has(pnId)) return;
  context.releasing.add(pnId);
  const untilMs = context.clock.monotonicMs() + TELL_FOR_MS;
  let untold = await tellAll(context, pnId, pnes);
  const tellTheRest = async () => {
    while (untold.length > 0 && context.clock.monotonicMs() < untilMs) {
      await sleep(context.clock, TELL_EVERY_MS);
      untold = await tellAll(context, pnId, untold);
    }
    await forget(context, pnId);
  };
  const told = tellTheRest().finally(() => context.releasing.delete(pnId));
  if (untold.length === 0) await told;
  else context.background('telling the members that are away of a release', () => told);
}

/** Those who could not be told. */
async function tellAll(context: GatewayContext, pnId: PnId, pnes: readonly EntityId[]): Promise<EntityId[]> {
  const told = await Promise.all(pnes.map((pne) => tell(context, pnId, pne)));
  return pnes.filter((_, i) => !told[i]);
}

async function tell(context: GatewayContext, pnId: PnId, pne: EntityId): Promise<boolean> {
  const link = context.linkTo(pne);
  if (link === undefined || !link.hasPan(pnId)) return false;
  const options = { timeoutMs: HOP_TIMEOUT_MS, signal: link.signal };
  try {
    await link.exchange.request(pnReleaseNotification, { pnId: pnIdOctets(pnId) }, [ack], { kind: 'pan', pnId }, options);
    return true;
  } catch (error) {
    context.logger.info('a PNE did not say that it has heard of a release', { pne, pn: pnId, why: describeError(error) });
    return isRefusal(error);
  }
}

function setState(context: GatewayContext, pnId: PnId, state: PnRecord['state']): Promise<void> {
  return context.settling.run(pnId, async () => {
    const record = context.state.pn(pnId);
    if (record?.role !== PnRole.PnGw || record.state === state) return;
    const changes: Changes = new Map();
    DeviceState.setPn(changes, { ...record, state });
    await context.state.commit(changes);
    const releasing = state === PnState.Releasing;
    const text = releasing ? `Personal network ${pnId} is being released.` : `Personal network ${pnId} was not released.`;
    context.happened({ type: 'pn', pnId, state: releasing ? 'Releasing' : 'Established', text });
  });
}
