import { entityId, userId } from '@cpns/shared';
import { PN_GW_SERVICE } from '@cpns/shared/messages';
import { VirtualClock } from '@cpns/shared/testing';
import { SimulatedAir } from '../../rigs/simulation/air.js';
import { LAPTOP, PHONE, pairByCode, type SimulatedDeviceOptions, simulatedDevice } from '../../rigs/simulation/device.js';
import { SimulatedServer } from '../../rigs/simulation/server.js';

export const ANN = userId('ann');
export const BOB = userId('bob');
export const [DEN, WATCH, HOME, BOBS] = [entityId('den'), entityId('watch'), entityId('home'), entityId('bobs-phone')];

/** What Bob's subscription is. */
export interface NeighbourOptions {
  readonly chargeable?: boolean;
  readonly devices?: Partial<Record<string, Partial<SimulatedDeviceOptions>>>;
}

/**
 * Ann's den is PN GW #2 and paired with her watch and with Bob's phone; Bob's home, which is not near the den's other devices, is PN GW
 * #1 and paired with his phone (seed 004).
 */
export async function neighbours({ chargeable = true, devices = {} }: NeighbourOptions = {}) {
  const clock = new VirtualClock();
  const air = new SimulatedAir(clock);
  const server = new SimulatedServer(clock);
  const start = async (name: string) => {
    const isAnns = name === DEN || name === WATCH;
    const euKey = await server.enrol(name, isAnns ? ANN : BOB, { services: [PN_GW_SERVICE], chargeable: isAnns || chargeable });
    const facts = name === DEN || name === HOME ? LAPTOP : PHONE;
    return simulatedDevice(name, { air, clock, facts, euKey, uplink: server.uplink(entityId(name)), ...devices[name] });
  };
  const [den, watch, home, phone] = [await start(DEN), await start(WATCH), await start(HOME), await start(BOBS)];
  await pairByCode(clock, home, phone);
  await pairByCode(clock, den, watch);
  await pairByCode(clock, den, phone);
  await clock.advance(8_000);
  return { clock, air, server, den, watch, home, phone };
}

export type Neighbours = Awaited<ReturnType<typeof neighbours>>;
