import { pnIdText } from '@cpns/agent';
import type { EntityId, PnId } from '@cpns/shared';
import { VirtualClock } from '@cpns/shared/testing';
import { SimulatedAir } from '../../rigs/simulation/air.js';
import { BOARD, LAPTOP, PHONE, pairByCode, type SimulatedDevice, simulatedDevice } from '../../rigs/simulation/device.js';
import { SimulatedServer } from '../../rigs/simulation/server.js';
import { SkTap } from './sk-tap.js';

/** The real server with a PN GW and a PNE, in whose sessions inputs are sealed, and another PN GW that has nothing to do with them. */
export interface World {
  readonly clock: VirtualClock;
  readonly air: SimulatedAir;
  readonly server: SimulatedServer;
  readonly laptop: SimulatedDevice;
  readonly phone: SimulatedDevice;
  readonly bystander: SimulatedDevice;
  readonly laptopTap: SkTap;
  readonly phoneTap: SkTap;
  readonly pnId: PnId;
  stop(): Promise<void>;
}

export async function openWorld(): Promise<World> {
  const clock = new VirtualClock();
  const air = new SimulatedAir(clock);
  const server = new SimulatedServer(clock);
  const start = async (name: string, facts: typeof PHONE, tap: SkTap) => {
    const euKey = await server.enrol(name);
    return simulatedDevice(name, { air, clock, facts, euKey, provider: tap.provider, uplink: server.uplink(name as EntityId) });
  };
  const [laptopTap, phoneTap] = [new SkTap(), new SkTap()];
  const laptop = await start('laptop', LAPTOP, laptopTap);
  const phone = await start('phone', PHONE, phoneTap);
  const bystander = await start('desktop', LAPTOP, new SkTap());
  const board = await start('board', BOARD, new SkTap());
  await pairByCode(clock, laptop, phone);
  await pairByCode(clock, bystander, board);
  await clock.advance(5_000);
  const { record } = await clock.run(
    phone.device.networks.establish({ type: 'one-to-one' }, undefined, () => {}, new AbortController().signal),
  );
  await clock.advance(5_000);
  const stop = async () => {
    for (const { device } of [laptop, phone, bystander, board]) await clock.run(device.stop());
    await server.stop();
  };
  return { clock, air, server, laptop, phone, bystander, laptopTap, phoneTap, pnId: pnIdText(record.pnId), stop };
}
