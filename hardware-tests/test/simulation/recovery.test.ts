import { pnIdText } from '@cpns/agent';
import { describe, expect, it } from 'vitest';
import { establishAtPhone, household, LAPTOP_ID, PHONE_ID, views } from './household.js';

const all = ['board', 'laptop', 'phone'];

describe('recovery (protocol 0.13, 0.25)', () => {
  it('brings a PNE back after its restart: same PN, hop protected, a new session, no consent', async () => {
    const home = await household();
    const { record } = await establishAtPhone(home, { type: 'all' });
    const pnId = pnIdText(record.pnId);
    await home.clock.advance(1_000);
    const phone = await home.restart(home.phone);
    await home.clock.advance(60_000);
    expect(phone.device.linkTo(LAPTOP_ID)?.hasPan(pnId)).toBe(true);
    expect(phone.device.hasServerSession(pnId)).toBe(true);
    expect(phone.device.state.pn(pnId)?.inventoryVersion).toBe(home.laptop.device.state.pn(pnId)?.inventoryVersion);
    expect(views(home, pnId, phone, home.board).pnes).toEqual([all, all]);
  });

  it('brings the PN back after a restart of the gateway', async () => {
    const home = await household();
    const { record } = await establishAtPhone(home, { type: 'all' });
    const pnId = pnIdText(record.pnId);
    await home.clock.advance(1_000);
    const laptop = await home.restart(home.laptop);
    await home.clock.advance(60_000);
    expect(laptop.device.uplink.isReady).toBe(true);
    for (const device of [home.phone, home.board]) {
      expect(device.device.linkTo(LAPTOP_ID)?.hasPan(pnId)).toBe(true);
      expect(device.device.hasServerSession(pnId)).toBe(true);
    }
    const id = await home.phone.device.messenger.queue({ pnId, to: 'server', channel: 'c', contentType: 't', payload: new Uint8Array(1) });
    expect(await home.clock.run(home.phone.device.messenger.outcome(id))).toBe(true);
  });

  it('brings all sessions back after a restart of the server', async () => {
    const home = await household();
    const { record } = await establishAtPhone(home, { type: 'all' });
    const pnId = pnIdText(record.pnId);
    await home.clock.advance(1_000);
    home.server.restart();
    await home.clock.advance(10_000);
    const id = await home.phone.device.messenger.queue({ pnId, to: 'server', channel: 'c', contentType: 't', payload: new Uint8Array(1) });
    expect(await home.clock.run(home.phone.device.messenger.outcome(id))).toBe(true);
    expect(views(home, pnId, home.phone, home.board)).toMatchObject({ server: ['board', 'phone'], gateway: all, epochs: [1, 1, 1] });
  });

  it('re-establishes a cut link by itself', async () => {
    const home = await household();
    const { record } = await establishAtPhone(home, { type: 'one-to-one' });
    const pnId = pnIdText(record.pnId);
    const before = home.laptop.device.linkTo(PHONE_ID);
    for (const { pair } of home.air.links) pair.cut();
    await home.clock.advance(40_000);
    expect(before?.signal.aborted).toBe(true);
    expect(home.laptop.device.linkTo(PHONE_ID)).toBeDefined();
    expect(home.phone.device.linkTo(LAPTOP_ID)?.hasPan(pnId)).toBe(true);
  });

  it('takes a revoked PNE out of the PN, and the others get a new PN key', async () => {
    const home = await household();
    const { record } = await establishAtPhone(home, { type: 'all' });
    const pnId = pnIdText(record.pnId);
    await home.clock.advance(1_000);
    await home.clock.run(home.server.enabler.revokeDevice(home.board.id));
    await home.clock.advance(20_000);
    expect(views(home, pnId, home.phone)).toEqual({
      server: ['phone'],
      gateway: ['laptop', 'phone'],
      pnes: [['laptop', 'phone']],
      epochs: [2, 2],
    });
  });

  it('suspends what a revoked gateway served', async () => {
    const home = await household();
    const { record } = await establishAtPhone(home, { type: 'one-to-one' });
    await home.clock.advance(1_000);
    await home.clock.run(home.server.enabler.revokeDevice(home.laptop.id));
    await home.clock.advance(5_000);
    expect(home.laptop.device.uplink.isReady).toBe(false);
    expect(home.server.database.reads.pns.find(pnIdText(record.pnId))?.state).toBe('Suspended');
  });
});
