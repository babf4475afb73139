import { CpnsError, describeError, type EntityId, type PnId, refused } from '@cpns/shared';
import {
  ack,
  type Inventory,
  PnOperation,
  pnUpdateRequest,
  pnUpdateResponse,
  RemoveReason,
  Status,
  unknownPn,
} from '@cpns/shared/messages';
import { type Changes, DeviceState, type PnRecord, PnRole, pnIdOctets, pnIdText } from '../entity/device-state.js';
import type { InventoryNews } from '../entity/inventory-copy.js';
import { LINK, type PeerLink } from '../entity/peer-link.js';
import { type GatewayContext, HOP_TIMEOUT_MS } from './gateway-context.js';
import { isRefusal, renewPnKey } from './pn-key.js';

/** PNEs in one PN Update, at most. */
const MAX_PNES_PER_UPDATE = 32;
/** While the server is connected and does not answer, it is asked again after so long. */
const ASK_AGAIN_MS = 10_000;

/**
 * PN Update (remove): the members are out here at once, and at the server as soon as it answers, now or when it is back; those who stay
 * get a new PN key (protocol e.9, e.12; security 6.5). Never rejects.
 */
export async function removeFromPn(context: GatewayContext, pnId: PnId, pnes: readonly EntityId[], reason: RemoveReason): Promise<void> {
  await markRemoved(context, pnId, pnes, reason).catch((error) =>
    context.logger.warn('a removal may be forgotten at a restart', { pn: pnId, why: describeError(error) }),
  );
  for (const pne of pnes) context.endPans(pne, pnId);
  await carryOutRemovals(context, pnId);
}

/** Nothing of those PNEs is routed in that PN any more, from now on and for good. @throws CpnsError State/DiskFull */
export function markRemoved(context: GatewayContext, pnId: PnId, pnes: readonly EntityId[], reason: RemoveReason): Promise<void> {
  return context.removals.add(pnId, pnes, reason);
}

/** Asks the server for the removals that are due in one PN. Never rejects: what it does not answer stays due. */
export function carryOutRemovals(context: GatewayContext, pnId: PnId): Promise<void> {
  return context.removals.turns.run(pnId, async () => {
    try {
      while (context.removals.concerns(pnId)) await updateServer(context, pnId);
    } catch (error) {
      context.logger.notice('a removal has to wait for the server', { pn: pnId, why: describeError(error) });
      askAgainLater(context, pnId);
    }
  });
}

function askAgainLater(context: GatewayContext, pnId: PnId): void {
  const { waiting } = context.removals;
  if (waiting.has(pnId)) return;
  waiting.add(pnId);
  context.clock.after(ASK_AGAIN_MS, () => {
    waiting.delete(pnId);
    void carryOutRemovals(context, pnId);
  });
}

async function updateServer(context: GatewayContext, pnId: PnId): Promise<void> {
  const { removals, state } = context;
  const due = [...removals.of(pnId)];
  const reason = due[0]?.[1] ?? RemoveReason.Expelled;
  const alike = due.filter(([, other]) => other === reason).map(([pne]) => pne);
  const pnes = alike.slice(0, MAX_PNES_PER_UPDATE);
  const inventory = await askToRemove(context, pnId, pnes, reason);
  if (inventory === 'refused') return;
  const listed = () => state.pn(pnId)?.members.map((member) => member.entityId) ?? [];
  // Without a member left the PN is gone, as it is when the server never had it.
  if (inventory === undefined) await forget(context, pnId);
  else if (state.pn(pnId) !== undefined) await takeInventory(context, inventory);
  await removals.done(
    pnId,
    pnes.filter((pne) => !listed().includes(pne)),
  );
  if (inventory !== undefined && state.pn(pnId) === undefined) await takeInventory(context, inventory);
}

/**
 * A refusal is the server's last word: whatever differs is brought in line, and the PNEs stay blocked here until they come in anew
 * (protocol e.9).
 */
async function askToRemove(
  context: GatewayContext,
  pnId: PnId,
  pnes: readonly EntityId[],
  reason: RemoveReason,
): Promise<Inventory | undefined | 'refused'> {
  const request = { pnId: pnIdOctets(pnId), operation: PnOperation.Remove, pnes, reason };
  try {
    const { body } = await context.server().request(pnUpdateRequest, request, [pnUpdateResponse]);
    if (body.status !== Status.Success && body.status !== Status.UnknownPn) throw refused(body.status, 'PN Update');
    context.removals.answered(pnId, pnes);
    return body.inventory;
  } catch (error) {
    if (!isRefusal(error)) throw error;
    context.logger.warn('the server does not remove PNEs; they stay blocked here', { pn: pnId, pnes, why: describeError(error) });
    context.removals.answered(pnId, pnes, 'refused');
    context.compare();
    return 'refused';
  }
}

/** Members that this device is not paired with any more are taken out: the unpairing may have been forgotten by a power cut. */
export function removeUnpaired(context: GatewayContext): void {
  const pairings = context.state.pairings();
  for (const { pnId, role, members } of context.state.pns()) {
    const gone = members.filter((member) => !member.gateway && !pairings.has(member.entityId)).map((member) => member.entityId);
    if (role === PnRole.PnGw && gone.length > 0) void removeFromPn(context, pnIdText(pnId), gone, RemoveReason.Expelled);
  }
}

/**
 * The server's record wins: takes an inventory over and drops what left; a newer PN key is fetched (protocol 0.13). `pnKeyEpoch`
 * undefined: not known. The LocalEUKeys of runs of those whom the server has just `admitted` are kept in the same commit.
 * Resolves with who is out by it.
 * @throws CpnsError State/PnBusy: that PN is being made or undone at this moment; State/DiskFull
 */
export async function takeInventory(
  context: GatewayContext,
  inventory: Inventory,
  pnKeyEpoch?: number,
  admitted: readonly EntityId[] = [],
): Promise<readonly EntityId[]> {
  const pnId = pnIdText(inventory.pnId);
  const { state, copies } = context;
  if (context.forming.has(pnId) || (state.pn(pnId) === undefined && context.removals.concerns(pnId)))
    throw new CpnsError('State', 'PnBusy', 'That personal network is being made or undone.', { status: Status.Busy });
  let gone: readonly EntityId[] = [];
  const news = await context.settling.run(pnId, async () => {
    const before = state.pn(pnId);
    const result = copies.take(before, inventory);
    if (result.kind !== 'changed') {
      if (before !== undefined && admitted.length > 0) await keepAdmitted(context, before, inventory.version, result, admitted);
      return result;
    }
    if (result.record.role !== PnRole.PnGw)
      throw new CpnsError('Auth', 'WrongGateway', 'The server sent the inventory of another PN GW.', { status: Status.BadMessage });
    const were = before?.members.map((member) => member.entityId) ?? [];
    const are = result.record.members.map((member) => member.entityId);
    gone = were.filter((id) => !are.includes(id));
    const changes: Changes = new Map();
    const grows = before?.pnKey !== undefined && are.some((id) => !were.includes(id));
    DeviceState.setPn(changes, grows ? { ...result.record, keyBehind: inventory.version } : result.record);
    for (const id of gone) DeviceState.setLocalEuKey(changes, pnId, id, undefined);
    for (const id of admitted) if (are.includes(id)) context.keys.keep(changes, pnId, id);
    await state.commit(changes);
    endHops(context, pnId, gone);
    await context.removals.done(pnId, [...gone, ...are.filter((id) => !were.includes(id) || admitted.includes(id))]);
    return result;
  });
  // Of those who were admitted the rest is not here yet: it may be on its way, or be lost.
  if (news.kind === 'gap' || (news.kind === 'incomplete' && admitted.length > 0)) context.compare();
  const epoch = state.pn(pnId)?.pnKeyEpoch ?? 0;
  if (news.kind === 'changed' && (pnKeyEpoch ?? epoch + 1) > epoch)
    context.background('renewing a PN key', () => renewPnKey(context, pnId));
  return gone;
}

/** Those whom the server let in are in before they are told so, even where its inventory cannot be taken over yet. */
async function keepAdmitted(
  context: GatewayContext,
  before: PnRecord,
  version: number,
  news: InventoryNews,
  admitted: readonly EntityId[],
): Promise<void> {
  const pnId = pnIdText(before.pnId);
  const listed = new Set(before.members.map(({ entityId }) => entityId));
  // An inventory newer than their admission does not list whoever has left again since.
  const are = news.kind === 'known' ? admitted.filter((id) => listed.has(id)) : admitted;
  const unlisted = are.filter((id) => !listed.has(id)).map((entityId) => ({ entityId, gateway: false }));
  const changes: Changes = new Map();
  const behind = unlisted.length > 0 ? { keyBehind: version } : {};
  DeviceState.setPn(changes, { ...before, ...behind, members: [...before.members, ...unlisted] });
  for (const id of are) context.keys.keep(changes, pnId, id);
  await context.state.commit(changes);
  await context.removals.done(pnId, are);
}

/** The server does not know the PN any more: it is over here too. Resolves with who was in it. */
export function forget(context: GatewayContext, pnId: PnId): Promise<readonly EntityId[]> {
  return context.settling.run(pnId, async () => {
    await context.removals.done(pnId, context.removals.outOf(pnId));
    const record = context.state.pn(pnId);
    if (record === undefined) return [];
    const changes: Changes = new Map();
    context.state.forgetPn(changes, pnId);
    await context.state.commit(changes);
    const pnes = record.members.filter((member) => !member.gateway).map((member) => member.entityId);
    endHops(context, pnId, pnes);
    context.happened({ type: 'pn', pnId, state: 'Absent', text: `Personal network ${pnId} does not exist any more.` });
    return pnes;
  });
}

/** Tells a linked device that it is not in a PN here: a hint, on which it asks the server (protocol 0.14, e.10). */
export function hintOut(link: PeerLink, pnId: PnId): void {
  const options = { timeoutMs: HOP_TIMEOUT_MS, signal: link.signal };
  link.exchange.request(unknownPn, { pnId: pnIdOctets(pnId) }, [ack], LINK, options).catch(() => undefined);
}

/** Those who are out by a word of the server, which told them, too, unless it had lost their sessions. */
export function hintAllOut(context: GatewayContext, pnId: PnId, pnes: readonly EntityId[]): void {
  context.clock.after(0, () => {
    for (const pne of pnes) {
      const link = context.linkTo(pne);
      if (link !== undefined) hintOut(link, pnId);
    }
  });
}

/** The PAN sessions end behind the word that is still to be said in them. */
function endHops(context: GatewayContext, pnId: PnId, pnes: readonly EntityId[]): void {
  context.clock.after(0, () => {
    for (const pne of pnes) context.endPans(pne, pnId);
  });
}
