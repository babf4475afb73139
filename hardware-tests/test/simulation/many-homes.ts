import { DeviceState } from '@cpns/agent';
import { type EntityId, entityId } from '@cpns/shared';
import { InsecureSeededEntropy, MemoryStore, VirtualClock } from '@cpns/shared/testing';
import { SimulatedAir } from '../../rigs/simulation/air.js';
import { LAPTOP, PHONE, type SimulatedDevice, type SimulatedDeviceOptions, simulatedDevice } from '../../rigs/simulation/device.js';
import { SimulatedServer, type SimulatedServerOptions } from '../../rigs/simulation/server.js';

/** PNEs in one PN: so many are registered at once (protocol 0.16). */
const PNES_PER_PN = 25;
/** A PN GW may have 20 PNEs authenticated a second (security 2.1). */
const PAUSE_MS = 2_000;
/** Devices link and discover each other within. */
const LINKED_MS = 10_000;

/** A PN GW and the PNEs that it serves, near one another and far from all others. */
export interface Home {
  readonly gateway: SimulatedDevice;
  readonly pnes: readonly SimulatedDevice[];
}

export interface ManyHomes {
  readonly clock: VirtualClock;
  readonly server: SimulatedServer;
  readonly homes: readonly Home[];
}

/** What is special about a device of that name. */
type Specials = (id: EntityId) => Partial<SimulatedDeviceOptions>;

/** `gateways` homes of Alice with `pnes` PNEs each, all of them paired and in PNs of their gateway. */
export async function manyHomes(
  gateways: number,
  pnes: number,
  options: SimulatedServerOptions = {},
  specials: Specials = () => ({}),
): Promise<ManyHomes> {
  const clock = new VirtualClock();
  const server = new SimulatedServer(clock, options);
  const homes: Home[] = [];
  for (let number = 0; number < gateways; number++) homes.push(await home({ server, clock, specials }, number, pnes));
  await clock.advance(LINKED_MS);
  for (let from = 0; from < pnes; from += PNES_PER_PN) {
    await clock.run(Promise.all(homes.map((one) => establishWith(one, from))));
    await clock.advance(PAUSE_MS);
  }
  return { clock, server, homes };
}

/** The PN GW has a PN with those of its PNEs. */
function establishWith({ gateway, pnes }: Home, from: number): Promise<unknown> {
  const named = pnes.slice(from, from + PNES_PER_PN).map(({ id }) => id);
  return gateway.device.networks.establish({ type: 'named', pnes: named }, undefined, () => {}, new AbortController().signal);
}

async function home(
  { server, clock, specials }: Pick<ManyHomes, 'server' | 'clock'> & { readonly specials: Specials },
  number: number,
  count: number,
): Promise<Home> {
  const air = new SimulatedAir(clock);
  const gatewayId = entityId(`gateway-${number}`);
  const pneIds = Array.from({ length: count }, (_, at) => entityId(`pne-${number}-${at}`));
  const keys = new InsecureSeededEntropy(`pairings of ${gatewayId}`);
  const paired = new Map(pneIds.map((id) => [id, keys.bytes(32)]));
  const start = async (id: EntityId, kPairs: ReadonlyMap<EntityId, Uint8Array>) => {
    const store = new MemoryStore();
    const changes = new Map<string, Uint8Array | undefined>();
    for (const [peer, kPair] of kPairs) DeviceState.setPairing(changes, peer, { kPair });
    await store.commit(changes);
    const isGateway = id === gatewayId;
    return simulatedDevice(id, {
      air,
      clock,
      facts: isGateway ? LAPTOP : PHONE,
      euKey: await server.enrol(id),
      uplink: server.uplink(id),
      store,
      settings: { shareMembers: false },
      limits: { links: count + 1, pns: count },
      ...specials(id),
    });
  };
  const gateway = await start(gatewayId, paired);
  const pnes: SimulatedDevice[] = [];
  for (const [id, kPair] of paired) pnes.push(await start(id, new Map([[gatewayId, kPair]])));
  return { gateway, pnes };
}
