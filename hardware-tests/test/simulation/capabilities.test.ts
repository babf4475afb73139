import { decodeCapabilities } from '@cpns/shared/messages';
import { describe, expect, it } from 'vitest';
import { LAPTOP, PHONE } from '../../rigs/simulation/device.js';
import { establishAtPhone, type Household, household, LAPTOP_ID, PHONE_ID, texts } from './household.js';

const batteryOf = ({ server }: Household, id: typeof PHONE_ID) => {
  const octets = server.database.reads.devices.find(id)?.capabilities;
  return octets && decodeCapabilities(octets).batteryPercent;
};

describe('Device Capabilities Query', () => {
  it('asks the PN GW and its PNEs at an interval', async () => {
    const home = await household({}, { sessions: { capabilitiesQueryMs: 600_000 } });
    await establishAtPhone(home, { type: 'all' });
    await home.clock.advance(60_000);
    home.phone.device.factsChanged({ ...PHONE, batteryPercent: 11 });
    await home.clock.advance(60_000);
    expect(batteryOf(home, PHONE_ID)).not.toBe(11);
    await home.clock.advance(600_000);
    expect(batteryOf(home, PHONE_ID)).toBe(11);
  });

  it('asks them after a start of the server', async () => {
    const home = await household();
    await establishAtPhone(home, { type: 'all' });
    await home.clock.advance(60_000);
    home.phone.device.factsChanged({ ...PHONE, batteryPercent: 12 });
    await home.clock.advance(60_000);
    expect(batteryOf(home, PHONE_ID)).not.toBe(12);
    home.server.restart();
    await home.clock.advance(120_000);
    expect(batteryOf(home, PHONE_ID)).toBe(12);
    expect(batteryOf(home, LAPTOP_ID)).toBe(LAPTOP.batteryPercent);
  });

  it('passes over a PNE that is away, and goes on with the next', async () => {
    const home = await household({}, { sessions: { capabilitiesQueryMs: 600_000 } });
    await establishAtPhone(home, { type: 'all' });
    home.board.powerCut();
    home.phone.device.factsChanged({ ...PHONE, batteryPercent: 13 });
    await home.clock.advance(700_000);
    expect(batteryOf(home, PHONE_ID)).toBe(13);
  });
});

describe('a zone based PN GW', () => {
  it('says so to those who are linked when it becomes one, and to who comes later', async () => {
    const home = await household({ laptop: { facts: { ...LAPTOP, zone: true } } });
    const announced = 'laptop is a zone based PN GW.';
    for (const { happenings } of [home.phone, home.board]) expect(texts(happenings)).toContain(announced);
    const back = await home.restart(home.phone);
    await home.clock.advance(10_000);
    expect(texts(back.happenings)).toContain(announced);
  });

  it('is none as a PNE', async () => {
    const home = await household({ phone: { facts: { ...PHONE, zone: true } } });
    await home.clock.advance(10_000);
    expect(texts(home.laptop.happenings).join()).not.toContain('zone');
  });
});
