import { HintKeys } from '@cpns/agent';
import type { EntityId } from '@cpns/shared';
import { nativeProvider } from '@cpns/shared/node';
import { bleHint, matchesBleHint, toHex } from '@cpns/shared/security';
import { VirtualClock } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import { SimulatedAir } from '../../rigs/simulation/air.js';
import { BOARD, LAPTOP, PHONE, pairByCode, type SimulatedDevice, simulatedDevice } from '../../rigs/simulation/device.js';

const P = Uint8Array.of(1, 2, 3);

/** Laptop, phone and board; the laptop is paired with both others. */
async function trio(technology: 'ble' | 'sim' = 'ble') {
  const clock = new VirtualClock();
  const air = new SimulatedAir(clock, { technology });
  const laptop = await simulatedDevice('laptop', { air, clock, facts: LAPTOP });
  const phone = await simulatedDevice('phone', { air, clock, facts: PHONE });
  const board = await simulatedDevice('board', { air, clock, facts: BOARD });
  await pairByCode(clock, laptop, phone);
  await pairByCode(clock, laptop, board);
  await clock.advance(1_000);
  const restart = (device: SimulatedDevice, store = device.store) =>
    simulatedDevice(device.id, { air, clock, facts: device === laptop ? LAPTOP : PHONE, store });
  return { clock, air, laptop, phone, board, restart };
}

const keysOf = ({ device, id }: SimulatedDevice) => new HintKeys(nativeProvider, device.state, id);
const hints = (device: SimulatedDevice) =>
  keysOf(device)
    .own()
    .map((key) => bleHint(nativeProvider, key, P));
/** Whom `device` takes the sender of a hint for. */
const resolved = (device: SimulatedDevice, hint: Uint8Array): EntityId[] =>
  [...keysOf(device).peers()].filter(([, keys]) => keys.some((key) => matchesBleHint(nativeProvider, key, hint))).map(([id]) => id);
const told = (at: SimulatedDevice, peer: SimulatedDevice) => at.device.state.pairing(peer.id)?.toldKAdv;
const heard = (at: SimulatedDevice, peer: SimulatedDevice) => at.device.state.pairing(peer.id)?.kAdv;

describe('the advertising key', () => {
  it('is known to every paired device, and one hint serves all of them', async () => {
    const { laptop, phone, board } = await trio();
    expect(hints(laptop)).toHaveLength(1);
    const [hint] = hints(laptop) as [Uint8Array];
    expect([phone, board].map((device) => resolved(device, hint))).toEqual([['laptop'], ['laptop']]);
    expect(heard(laptop, phone)).toEqual(phone.device.state.advertisingKey);
    expect(resolved(laptop, (hints(board) as [Uint8Array])[0])).toEqual(['board']);
    expect(resolved(phone, (hints(board) as [Uint8Array])[0])).toEqual([]);
  });

  it('is none where there is no Bluetooth, and nobody is told', async () => {
    const { laptop, phone } = await trio('sim');
    expect(laptop.device.state.advertisingKey).toBeUndefined();
    expect(heard(phone, laptop)).toBeUndefined();
    await laptop.device.unpair(phone.id);
    expect(laptop.device.state.advertisingKey).toBeUndefined();
  });

  it('changes with an unpairing: those who stay are told at once, who was unpaired resolves nothing any more', async () => {
    const { clock, laptop, phone, board } = await trio();
    const before = laptop.device.state.advertisingKey as Uint8Array;
    await laptop.device.unpair(phone.id);
    await clock.advance(1_000);
    const after = laptop.device.state.advertisingKey as Uint8Array;
    expect(toHex(after)).not.toBe(toHex(before));
    expect(heard(board, laptop)).toEqual(after);
    expect(hints(laptop).map((hint) => resolved(board, hint))).toEqual([['laptop']]);
    expect(matchesBleHint(nativeProvider, before, (hints(laptop) as [Uint8Array])[0])).toBe(false);
  });

  it('changes with an unpairing by the other side', async () => {
    const { clock, laptop, phone } = await trio();
    const before = laptop.device.state.advertisingKey;
    await phone.device.unpair(laptop.id);
    await clock.advance(1_000);
    expect(laptop.device.state.advertisingKey).not.toEqual(before);
  });

  it('of a device that was away during the change is replaced by one that only the two know, until they have met', async () => {
    const { clock, laptop, phone, board, restart } = await trio();
    const store = board.powerCut();
    await clock.advance(20_000);
    const knownToPhone = keysOf(phone).peers().get(laptop.id) ?? [];
    await laptop.device.unpair(phone.id);
    expect(hints(laptop)).toHaveLength(2);
    const [own, forBoard] = hints(laptop) as [Uint8Array, Uint8Array];
    expect(resolved(board, own)).toEqual([]);
    expect(resolved(board, forBoard)).toEqual(['laptop']);
    for (const hint of [own, forBoard]) expect(knownToPhone.some((key) => matchesBleHint(nativeProvider, key, hint))).toBe(false);
    const back = await restart(board, store);
    await clock.advance(10_000);
    expect(heard(back, laptop)).toEqual(laptop.device.state.advertisingKey);
    expect(hints(laptop).map((hint) => resolved(back, hint))).toEqual([['laptop']]);
  });

  it.each([
    ['the one that tells', 'laptop'],
    ['the one that is told', 'phone'],
  ] as const)('is told again after a power cut of %s in the midst of it, at every moment', async (_, who) => {
    for (let deeds = 1; deeds <= 12; deeds++) {
      const home = await trio();
      const { clock, laptop, phone, board, restart } = home;
      await laptop.device.unpair(board.id);
      const cut = home[who];
      let store = cut.store;
      cut.deeds.at(deeds, () => {
        store = cut.powerCut();
      });
      await clock.advance(3_000);
      if (store === cut.store) store = cut.powerCut();
      const again = await restart(cut, store);
      await clock.advance(30_000);
      const [one, other] = who === 'laptop' ? [again, phone] : [laptop, again];
      expect(heard(other, one), `after deed ${deeds}`).toEqual(one.device.state.advertisingKey);
      expect(told(one, other), `after deed ${deeds}`).toEqual(one.device.state.advertisingKey);
    }
  });

  it('is told again when the other device could not store it', async () => {
    const { clock, laptop, phone, board } = await trio();
    phone.store.failCommit(1);
    await laptop.device.unpair(board.id);
    await clock.advance(500);
    expect(told(laptop, phone)).not.toEqual(laptop.device.state.advertisingKey);
    expect(hints(laptop).some((hint) => resolved(phone, hint).includes(laptop.id))).toBe(true);
    await clock.advance(60_000);
    expect(heard(phone, laptop)).toEqual(laptop.device.state.advertisingKey);
    expect(told(laptop, phone)).toEqual(laptop.device.state.advertisingKey);
  });

  it('is not there on a full disk: the device runs, and its pairings are found by keys of their own', async () => {
    const clock = new VirtualClock();
    const air = new SimulatedAir(clock, { technology: 'ble' });
    const { store } = await simulatedDevice('phone', { air: new SimulatedAir(clock), clock });
    store.failCommit(2);
    const phone = await simulatedDevice('phone', { air, clock, store });
    const laptop = await simulatedDevice('laptop', { air, clock });
    expect(phone.device.state.advertisingKey).toBeUndefined();
    await pairByCode(clock, phone, laptop);
    expect(hints(phone).map((hint) => resolved(laptop, hint))).toEqual([['laptop'], ['phone']].slice(1));
  });

  it('is told anew after a reset of the other device and a new pairing', async () => {
    const { clock, air, laptop, phone } = await trio();
    phone.powerCut();
    await clock.advance(20_000);
    const fresh = await simulatedDevice('phone', { air, clock, facts: PHONE });
    await pairByCode(clock, laptop, fresh);
    await clock.advance(1_000);
    expect(heard(laptop, fresh)).toEqual(fresh.device.state.advertisingKey);
    expect(heard(fresh, laptop)).toEqual(laptop.device.state.advertisingKey);
  });
});
