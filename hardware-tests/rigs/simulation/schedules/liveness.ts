import type { EntityId } from '@cpns/shared';
import { isGateway, Mode } from '@cpns/shared/messages';
import type { SimulatedDevice } from '../device.js';
import { why } from './attempt.js';
import { GUEST } from './generate.js';
import { hinderedInGroups } from './liveness-groups.js';
import type { Playground } from './playground.js';

/** A link that was set up anew has come to rest. */
const RELINKED_MS = 10_000;
/** Over Bluetooth a link that is to be is there again so soon (protocol 0.29). */
const BLE_LINKED_WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 1_000;

/** What somebody may do and cannot, or may not do and can, once there are no more faults: in sentences. */
export async function hindered(ground: Playground): Promise<string[]> {
  const wrong = alone(ground);
  wrong.push(...(await hinderedInGroups(ground)));
  for (const device of [...ground.running.values()]) wrong.push(...(await cannotEstablish(ground, device)));
  wrong.push(...(await cannotLeaveAndComeBack(ground)), ...(await guestsRelease(ground)));
  return wrong;
}

/** Waits until everybody is linked, as long as that may take over Bluetooth since `calmMs`; whoever is being paired is left alone there. */
export async function linkedAgain(ground: Playground, calmMs: number): Promise<void> {
  const { clock, pan, running } = ground;
  if (pan !== 'ble') return;
  let untilMs = calmMs + BLE_LINKED_WITHIN_MS;
  const isPairing = () => [...running.values()].some(({ device }) => device.pairing.window !== undefined);
  for (; isPairing(); untilMs = clock.monotonicMs() + BLE_LINKED_WITHIN_MS) await clock.advance(LOOK_EVERY_MS);
  while (alone(ground).length > 0 && clock.monotonicMs() < untilMs) await clock.advance(LOOK_EVERY_MS);
}

/** Devices without a link or a PN GW that they are to have. */
function alone(ground: Playground): string[] {
  return [...ground.running.values()].flatMap((device) => [...unlinked(ground, device), ...withoutGateway(ground, device)]);
}

/** Devices that both hold the pairing, and run. */
function friends({ running }: Playground, { id, device }: SimulatedDevice): SimulatedDevice[] {
  const peers = [...device.state.pairings().keys()].map((peer) => running.get(peer));
  return peers.filter((peer): peer is SimulatedDevice => peer?.device.state.pairing(id) !== undefined);
}

/** Over Bluetooth alone there are links between a PN GW and its PNEs only, and of those who have no PN GW yet. */
function areToBeLinked({ pan }: Playground, self: SimulatedDevice, peer: SimulatedDevice): boolean {
  if (pan !== 'ble') return true;
  const uses = (one: SimulatedDevice, other: SimulatedDevice) => one.device.roles.assignment.gateway === other.id;
  return uses(self, peer) || uses(peer, self);
}

function unlinked(ground: Playground, self: SimulatedDevice): string[] {
  const missing = friends(ground, self).filter((peer) => areToBeLinked(ground, self, peer) && self.device.linkTo(peer.id) === undefined);
  return missing.map((peer) => `${self.id} is paired with ${peer.id}, and they are not linked`);
}

function isActive({ server }: Playground, id: EntityId): boolean {
  return server.database.reads.devices.find(id)?.state === 'active';
}

/** The guest has the PN GW of somebody else, where its owner has none. */
function isServed(ground: Playground, id: EntityId): boolean {
  return id !== GUEST && isActive(ground, id);
}

function areOfOneUser({ server }: Playground, one: EntityId, other: EntityId): boolean {
  const { devices } = server.database.reads;
  return devices.find(one)?.userId === devices.find(other)?.userId;
}

function withoutGateway(ground: Playground, self: SimulatedDevice): string[] {
  if (!isServed(ground, self.id)) return [];
  // A member of a network of somebody else's does not take the role for this device.
  const candidates = friends(ground, self).filter((peer) => isServed(ground, peer.id) && peer.device.roles.mode !== Mode.Pne);
  if (candidates.length === 0 || self.device.roles.mode !== Mode.Unassigned) return [];
  return [
    `${self.id} is paired with ${candidates.map(({ id }) => id).join(', ')} and has no PN GW: ${self.device.roles.assignment.reason}`,
  ];
}

async function cannotEstablish(ground: Playground, self: SimulatedDevice): Promise<string[]> {
  const { clock } = ground;
  const { id, device } = self;
  const gateway: EntityId | undefined = device.roles.assignment.gateway;
  if (gateway === undefined || gateway === id || device.linkTo(gateway) === undefined) return [];
  if (!isGateway(ground.running.get(gateway)?.device.roles.mode ?? Mode.Unassigned) || !isServed(ground, gateway)) return [];
  ground.asked.set(id, (ground.asked.get(id) ?? 0) + 1);
  const outcome = await why(
    clock,
    device.networks.establish({ type: 'one-to-one' }, undefined, () => {}, never()),
  );
  if (isActive(ground, id) && areOfOneUser(ground, id, gateway))
    return outcome === undefined ? [] : [`${id} cannot establish with ${gateway}: ${outcome}`];
  // Whether a guest may is for its owner's PN GW to say, which may be off.
  if (isActive(ground, id)) return [];
  return outcome === undefined ? [`${id} may not establish with ${gateway}, and could`] : [];
}

/** The first who may leave a PN in which others stay does so, and joins it again. */
async function cannotLeaveAndComeBack(ground: Playground): Promise<string[]> {
  const { clock, server, running } = ground;
  for (const { pnId, gateway } of server.database.reads.pns.list()) {
    const members = server.database.reads.pns.members(pnId).filter(({ entityId }) => isServed(ground, entityId));
    const leaver = members.map(({ entityId }) => running.get(entityId)).find((one) => one?.device.linkTo(gateway)?.hasPan(pnId));
    if (leaver === undefined || members.length < 2 || !isServed(ground, gateway)) continue;
    const { id, device } = leaver;
    let left = await why(clock, device.networks.leave(pnId));
    // A frame that was lost before is noticed at the next one: the link is set up anew, and the person asks again.
    if (left?.startsWith('OutcomeUnknown')) {
      await clock.advance(RELINKED_MS);
      left = device.state.pn(pnId) === undefined ? undefined : await why(clock, device.networks.leave(pnId));
    }
    if (left !== undefined) return [`${id} cannot leave ${pnId}: ${left}`];
    ground.wanted(id);
    const joined = await why(clock, device.networks.join(pnId, gateway, never()));
    return joined === undefined ? [] : [`${id} cannot join ${pnId} again: ${joined}`];
  }
  return [];
}

/** Guests may leave a PN of their host's and not end it. */
async function guestsRelease(ground: Playground): Promise<string[]> {
  const { clock, server, running } = ground;
  for (const { pnId, gateway, initiator } of server.database.reads.pns.list()) {
    const member = server.database.reads.pns.members(pnId).find(({ entityId }) => entityId === GUEST && entityId !== initiator);
    const guest = member && !areOfOneUser(ground, GUEST as EntityId, gateway) ? running.get(GUEST) : undefined;
    if (guest?.device.linkTo(gateway)?.hasPan(pnId) !== true) continue;
    const outcome = await why(clock, guest.device.networks.release(pnId));
    return outcome === undefined ? [`${GUEST} released ${pnId}, in which it is a guest`] : [];
  }
  return [];
}

const never = () => new AbortController().signal;
