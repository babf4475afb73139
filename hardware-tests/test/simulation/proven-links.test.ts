import { entityId, type Link } from '@cpns/shared';
import { VirtualClock } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import { SimulatedAir } from '../../rigs/simulation/air.js';
import { pairByCode, type SimulatedDevice, simulatedDevice } from '../../rigs/simulation/device.js';
import { stranger } from './stranger.js';

/** A phone that notes whom its PAN technology is told to be no stranger. */
async function phoneInRoom() {
  const clock = new VirtualClock();
  const air = new SimulatedAir(clock, { technology: 'ble' });
  const proven: Link[] = [];
  const technologies = [{ ...air.technology(entityId('phone')), proven: (link: Link) => proven.push(link) }];
  const phone = await simulatedDevice('phone', { air, clock, technologies });
  return { clock, air, phone, proven };
}

function openWindow({ device }: SimulatedDevice): void {
  device.pairing.pair({ type: 'code' }, undefined, () => {}, new AbortController().signal).catch(() => {});
}

describe('a PAN technology is told that who called is no stranger', () => {
  it('when its pairing commit is accepted, and not before', async () => {
    const room = await phoneInRoom();
    openWindow(room.phone);
    const mallory = await stranger(room, room.phone.id);
    expect(room.proven).toEqual([]);
    mallory.beginPairing();
    await room.clock.advance(10);
    expect(room.proven.map(({ remote }) => remote)).toEqual(['ble:stranger']);
  });

  it('never while the pairing window is closed: it is shown out after 3 s', async () => {
    const room = await phoneInRoom();
    const mallory = await stranger(room, room.phone.id);
    mallory.beginPairing();
    await room.clock.advance(2_900);
    expect([room.proven, mallory.closed()]).toEqual([[], false]);
    await room.clock.advance(200);
    expect([room.proven, mallory.closed()]).toEqual([[], true]);
  });

  it('when a link session proves it, on links of either side', async () => {
    const { clock, air, phone, proven } = await phoneInRoom();
    const laptop = await simulatedDevice('laptop', { air, clock });
    await pairByCode(clock, phone, laptop);
    proven.length = 0;
    air.sever(phone.id, laptop.id);
    await clock.advance(5_000);
    expect(proven.map(({ technology }) => technology)).toEqual(['ble']);
    expect(phone.device.linkTo(laptop.id)?.technology).toBe('ble');
  });
});
