import type { PeersReport, PnReport, StatusReport } from '@cpns/agent';
import type { EntityId, PnId } from '@cpns/shared';
import type { DeviceHandle, ServerHandle } from '../../rigs/rig.js';
import type { Telling } from '../scenario.js';
import type { Seat } from './pair.js';

export const status = (device: Seat): Promise<StatusReport> => device.request('status', {});
export const peers = (device: Seat): Promise<PeersReport> => device.request('peers', { explain: true });

/** What `device` knows of `other`. */
export async function peerOf(device: Seat, other: Seat): Promise<PeersReport['peers'][number] | undefined> {
  return (await peers(device)).peers.find(({ id }) => id === other.id);
}

/** Whether strangers near learn the name of `device` without a pairing window: over a local network, not over Bluetooth (protocol 0.26). */
export async function tellsItsName(device: Seat): Promise<boolean> {
  return (await status(device)).pan.some(({ technology, state }) => technology !== 'ble' && state === 'running');
}

export async function networks(device: Seat): Promise<readonly PnReport[]> {
  return (await device.request('pn.show', {})).pns;
}

export async function network(device: Seat, pnId: PnId): Promise<PnReport | undefined> {
  return (await networks(device)).find((pn) => pn.pnId === pnId);
}

const sorted = (ids: readonly EntityId[]) => [...ids].sort();

/** Waits until both devices have a proven link to each other. */
export async function linked(t: Telling, one: Seat, other: Seat, withinMs?: number): Promise<void> {
  await t.eventually(
    `${one.id} and ${other.id} are linked`,
    async () => (await peerOf(one, other))?.link !== undefined && (await peerOf(other, one))?.link !== undefined,
    withinMs,
  );
}

/** A Bluetooth link that is to be turned round to the PN GW has been by then (protocol 0.26). */
const TURNED_MS = 3_000;

/** Waits until `gateway` has links with all of `others` that stay as they are. */
export async function settled(t: Telling, gateway: Seat, others: readonly Seat[], withinMs?: number): Promise<void> {
  for (const other of others) {
    await t.eventually(
      `the link between ${gateway.id} and ${other.id} stays as it is`,
      async () => {
        const link = (await peerOf(gateway, other))?.link;
        return link !== undefined && (link.technology !== 'ble' || link.sinceMs > TURNED_MS);
      },
      withinMs,
    );
  }
}

/** Waits until `gateway` is PN GW and connected, and the others use it. */
export async function elected(t: Telling, gateway: Seat, pnes: readonly Seat[], withinMs?: number): Promise<void> {
  await t.eventually(
    `${gateway.id} is PN GW and reaches the server`,
    async () => {
      const { mode, server } = await status(gateway);
      return (mode === 'PN GW' || mode === 'BOTH') && server.uplink === 'connected';
    },
    withinMs,
  );
  for (const pne of pnes) {
    await t.eventually(`${pne.id} uses ${gateway.id} as PN GW`, async () => (await status(pne)).gateway === gateway.id, withinMs);
  }
}

/** Waits until each knows whether it reaches the server, which decides who may be PN GW. */
export async function probed(t: Telling, devices: readonly Seat[]): Promise<void> {
  for (const device of devices) {
    await t.eventually(`${device.id} has tried to reach the server`, async () => (await status(device)).server.probe !== undefined);
  }
}

/** The assignment is over when it has not changed for so long: longer than a young PN GW yields (protocol 0.21). */
export const SETTLED_MS = 3_500;

/** Waits until all use the same PN GW, one of them, and stay with it; gives that. */
export function agreed<D extends Seat>(t: Telling, devices: readonly D[], withinMs?: number): Promise<D> {
  const { clock } = t.stage;
  let sinceMs = 0;
  let last: D | undefined;
  return t.eventually(
    'all use the same PN GW',
    async () => {
      const chosen = new Set(await Promise.all(devices.map(async (device) => (await status(device)).gateway)));
      const gateway = chosen.size === 1 ? devices.find(({ id }) => chosen.has(id)) : undefined;
      if (gateway !== last) sinceMs = clock.monotonicMs();
      last = gateway;
      return clock.monotonicMs() - sinceMs > SETTLED_MS && gateway;
    },
    withinMs,
  );
}

/** Who has a personal network with whom in it, in everybody's own view. */
export interface Expected {
  readonly pnId: PnId;
  readonly gateway: Seat;
  readonly pnes: readonly Seat[];
}

/** Waits until everybody sees the personal network as it should be, each hop and each server session protected. */
export async function established(t: Telling, server: ServerHandle, expected: Expected, withinMs?: number): Promise<void> {
  const { pnId, gateway, pnes } = expected;
  const ids = sorted(pnes.map(({ id }) => id));
  const everybody = sorted([gateway.id, ...ids]);
  const who = ids.join(' and ');
  await t.eventually(
    `the server has the personal network of ${gateway.id} with ${who}`,
    async () => {
      const pn = await server.admin.showPn(pnId);
      const members = pn.members.filter(({ entityId }) => entityId !== gateway.id);
      const confirmed = members.every(({ state }) => state === 'Member');
      return (
        pn.gateway === gateway.id &&
        pn.state === 'Established' &&
        confirmed &&
        same(
          members.map(({ entityId }) => entityId),
          ids,
        )
      );
    },
    withinMs,
  );
  await t.eventually(
    `${gateway.id} serves ${who}, every hop protected`,
    async () => {
      const pn = await network(gateway, pnId);
      const safe = pn?.hops.filter((hop) => hop.up && hop.protectedBy === 'LocalEUKey' && hop.forwardSecret).map(({ pne }) => pne) ?? [];
      return (
        pn?.state === 'Established' &&
        same(safe, ids) &&
        same(
          pn.inventory.map(({ id }) => id),
          everybody,
        )
      );
    },
    withinMs,
  );
  for (const pne of pnes) {
    await t.eventually(
      `${pne.id} is in it, protected towards ${gateway.id} and the server`,
      async () => {
        const pn = await network(pne, pnId);
        const hop = pn?.hops[0];
        const hopSafe = hop?.up === true && hop.protectedBy === 'LocalEUKey' && hop.forwardSecret;
        return pn?.state === 'Established' && hopSafe && pn.serverSession.up && pn.serverSession.forwardSecret && pn.gateway === gateway.id;
      },
      withinMs,
    );
  }
}

/** "Without a new establishment": the same PN, and nobody was asked anything. */
export async function samePn(t: Telling, pnId: PnId, devices: readonly DeviceHandle[]): Promise<void> {
  for (const device of devices) {
    t.same(
      `${device.id} is in that PN and no other`,
      (await networks(device)).map((pn) => pn.pnId),
      [pnId],
    );
    t.check(`${device.id} asked nobody`, !device.heard.some(({ type }) => type === 'consent-asked'));
  }
}

/** Nobody has kept anything of a personal network. */
export async function nothingKept(t: Telling, server: ServerHandle, devices: readonly Seat[]): Promise<void> {
  t.same('the server has no personal network', (await server.admin.listPns()).length, 0);
  for (const device of devices) {
    await t.eventually(`${device.id} has no personal network`, async () => (await networks(device)).length === 0, 5_000);
  }
}

function same(some: readonly EntityId[], others: readonly EntityId[]): boolean {
  return sorted(some).join() === sorted(others).join();
}
