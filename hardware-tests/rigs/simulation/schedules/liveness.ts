import { describeError, type EntityId } from '@cpns/shared';
import { isGateway, Mode } from '@cpns/shared/messages';
import type { SimulatedDevice } from '../device.js';
import { GUEST } from './generate.js';
import type { Playground } from './playground.js';

/** How long a person waits at most. */
const PATIENCE_MS = 160_000;

/** What everybody could do but cannot, once there are no more faults: in sentences. */
export async function hindered(ground: Playground): Promise<string[]> {
  const wrong = [...ground.running.values()].flatMap((device) => [...unlinked(ground, device), ...withoutGateway(ground, device)]);
  for (const device of [...ground.running.values()]) wrong.push(...(await cannotEstablish(ground, device)));
  return wrong;
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

/** Its owner may have a PN GW of its own. */
function isServed({ server }: Playground, id: EntityId): boolean {
  return id !== GUEST && server.database.reads.devices.find(id)?.state === 'active';
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
  const attempt = device.establish({ type: 'one-to-one' }, undefined, () => {}, new AbortController().signal);
  const outcome = await clock.run(
    attempt.then(
      () => undefined,
      (error) => describeError(error),
    ),
    PATIENCE_MS,
  );
  if (isServed(ground, id)) return outcome === undefined ? [] : [`${id} cannot establish with ${gateway}: ${outcome}`];
  return outcome === undefined ? [`${id} may not establish with ${gateway}, and could`] : [];
}
