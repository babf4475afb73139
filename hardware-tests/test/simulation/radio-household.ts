import { type EntityId, entityId } from '@cpns/shared';
import { VirtualClock } from '@cpns/shared/testing';
import { SimulatedAir } from '../../rigs/simulation/air.js';
import { Cable } from '../../rigs/simulation/cable.js';
import {
  LAPTOP,
  PHONE,
  pairByCode,
  type SimulatedDevice,
  type SimulatedDeviceOptions,
  simulatedDevice,
} from '../../rigs/simulation/device.js';
import { RadioRoom } from '../../rigs/simulation/radio-room.js';
import { SimulatedServer } from '../../rigs/simulation/server.js';

/** A server, a room full of radios, a local network, and devices of Alice that have one or both of them. */
export function radioHousehold() {
  const clock = new VirtualClock();
  const lan = new SimulatedAir(clock);
  const radios = new RadioRoom(clock);
  const server = new SimulatedServer(clock);
  const keys = new Map<string, Uint8Array>();
  const ranges = new Map<string, Cable>();
  const start = async (name: string, pan: 'ble' | 'both' | 'lan' = 'ble', more: Partial<SimulatedDeviceOptions> = {}) => {
    const euKey = keys.get(name) ?? (await server.enrol(name));
    keys.set(name, euKey);
    const range = ranges.get(name) ?? new Cable();
    ranges.set(name, range);
    return simulatedDevice(name, {
      clock,
      ...(pan !== 'ble' && { air: lan }),
      ...(pan !== 'lan' && { radios, range }),
      facts: name === 'laptop' ? LAPTOP : PHONE,
      euKey,
      uplink: server.uplink(entityId(name)),
      ...more,
    });
  };
  const pair = async (one: SimulatedDevice, ...others: SimulatedDevice[]) => {
    for (const other of others) await pairByCode(clock, one, other);
    await clock.advance(20_000);
  };
  const range = (device: SimulatedDevice) => ranges.get(device.id) as Cable;
  const establish = (at: SimulatedDevice, setup: Parameters<SimulatedDevice['device']['networks']['establish']>[0], gateway?: EntityId) =>
    clock.run(at.device.networks.establish(setup, gateway, () => {}, new AbortController().signal));
  return { clock, lan, radios, server, start, pair, range, establish };
}

export type RadioHousehold = ReturnType<typeof radioHousehold>;

/** Over what, and which way, `at` is linked with `peer`. */
export function linkOf(at: SimulatedDevice, peer: SimulatedDevice): string {
  const link = at.device.linkTo(peer.id);
  return link === undefined ? 'none' : `${link.technology} ${link.initiated ? 'as central' : 'as peripheral'}`;
}
