import { DeviceState, pnIdText } from '@cpns/agent';
import { Mode } from '@cpns/shared/messages';
import { describe, expect, it } from 'vitest';
import { LAPTOP, pairByCode, type SimulatedDevice } from '../../rigs/simulation/device.js';
import { linkOf, radioHousehold } from './radio-household.js';

describe('devices with Bluetooth alone', () => {
  it('pair, assign the PN GW, and turn their link round so that it is the central', async () => {
    const home = radioHousehold();
    const { pair, start, radios } = home;
    const laptop = await start('laptop');
    // The lower id connects first.
    const board = await start('board');
    await pair(laptop, board);
    expect([laptop, board].map(({ device }) => device.roles.mode)).toEqual([Mode.PnGw, Mode.Pne]);
    expect([linkOf(laptop, board), linkOf(board, laptop)]).toEqual(['ble as central', 'ble as peripheral']);
    expect([laptop, board].map(({ id }) => radios.connectionsOf(id))).toEqual([
      { asCentral: 1, asPeripheral: 0 },
      { asCentral: 0, asPeripheral: 1 },
    ]);
  });

  it('keep their roles while a link is turned round', async () => {
    const { pair, start } = radioHousehold();
    const laptop = await start('laptop');
    const board = await start('board');
    await pair(laptop, board);
    for (const { happenings } of [laptop, board]) {
      const modes = happenings.flatMap((what) => (what.type === 'mode' ? [what.mode] : []));
      expect(modes).toHaveLength(1);
    }
    const links = board.happenings.filter(({ type }) => type === 'link-up');
    expect(links).toHaveLength(2);
  });

  it('find each other again after one was out of range, and go on in their PN', async () => {
    const { clock, pair, start, establish, range } = radioHousehold();
    const [laptop, phone] = [await start('laptop'), await start('phone')];
    await pair(laptop, phone);
    const { record } = await establish(phone, { type: 'one-to-one' });
    range(phone).unplug();
    await clock.advance(60_000);
    expect(linkOf(laptop, phone)).toBe('none');
    range(phone).plug();
    await clock.advance(10_000);
    expect(phone.device.linkTo(laptop.id)?.hasPan(pnIdText(record.pnId))).toBe(true);
    expect(phone.device.hasServerSession(pnIdText(record.pnId))).toBe(true);
  });

  it('get their link back within a minute, when another PN GW has taken the place meanwhile', async () => {
    const { clock, pair, start, establish, range } = radioHousehold();
    const [laptop, phone] = [await start('laptop'), await start('phone')];
    await pair(laptop, phone);
    const { record } = await establish(phone, { type: 'one-to-one' });
    const board = await start('board');
    range(laptop).unplug();
    await pair(phone, board);
    await clock.advance(60_000);
    expect(board.device.roles.mode).toBe(Mode.PnGw);
    const taken = () => linkOf(phone, board) === 'ble as peripheral';
    for (let seconds = 0; !taken() && seconds < 60; seconds++) await clock.advance(1_000);
    expect(taken()).toBe(true);
    // It was freed for the laptop, and taken again.
    expect(board.happenings.filter(({ type }) => type === 'link-up').length).toBeGreaterThan(1);
    range(laptop).plug();
    await clock.advance(60_000);
    expect([linkOf(phone, laptop), linkOf(phone, board)]).toEqual(['ble as peripheral', 'none']);
    expect(phone.device.linkTo(laptop.id)?.hasPan(pnIdText(record.pnId))).toBe(true);
  });

  it('find each other again after a power cut of either', async () => {
    const { clock, pair, start, establish } = radioHousehold();
    const [laptop, phone] = [await start('laptop'), await start('phone')];
    await pair(laptop, phone);
    const { record } = await establish(phone, { type: 'one-to-one' });
    const pnId = pnIdText(record.pnId);
    const again = await start('phone', 'ble', { store: phone.powerCut() });
    await clock.advance(60_000);
    expect(again.device.linkTo(laptop.id)?.hasPan(pnId)).toBe(true);
    await start('laptop', 'ble', { store: laptop.powerCut() });
    await clock.advance(60_000);
    expect(again.device.linkTo(laptop.id)?.hasPan(pnId)).toBe(true);
  });

  it('turn their link round with a PN that was established before', async () => {
    const { clock, start, establish } = radioHousehold();
    const laptop = await start('laptop');
    const board = await start('board');
    // Not settled yet: the link still runs as it was opened.
    await pairByCode(clock, laptop, board);
    await clock.advance(400);
    expect(linkOf(board, laptop)).toBe('ble as central');
    const { record } = await establish(board, { type: 'one-to-one' });
    const pnId = pnIdText(record.pnId);
    await clock.advance(10_000);
    expect(linkOf(board, laptop)).toBe('ble as peripheral');
    expect(board.device.linkTo(laptop.id)?.hasPan(pnId)).toBe(true);
    expect(board.happenings.filter(({ type }) => type === 'mode')).toHaveLength(1);
    expect(board.happenings.filter(({ type }) => type === 'pn')).toHaveLength(1);
  });

  it('are seven at most around one PN GW, and the eighth is told about', async () => {
    const { clock, pair, start, establish, radios } = radioHousehold();
    const laptop = await start('laptop');
    const pnes: SimulatedDevice[] = [];
    for (let i = 1; i <= 8; i++) {
      const pne = await start(`pne-${i}`);
      pnes.push(pne);
      if (i <= 7) await pair(laptop, pne);
    }
    const [first] = pnes as [SimulatedDevice];
    expect(radios.connectionsOf(laptop.id).asCentral).toBe(7);
    const { record } = await establish(first, { type: 'all' });
    expect(record.members).toHaveLength(8);
    const eighth = pnes[7] as SimulatedDevice;
    // Paired all the same: over another technology, say.
    const kPair = new Uint8Array(32).fill(9);
    for (const [at, peer] of [
      [laptop, eighth],
      [eighth, laptop],
    ] as const) {
      const changes = new Map<string, Uint8Array | undefined>();
      DeviceState.setPairing(changes, peer.id, { kPair });
      await at.device.state.commit(changes);
    }
    const again = await start('pne-8', 'ble', { store: eighth.powerCut() });
    const back = await start('laptop', 'ble', { store: laptop.powerCut() });
    await clock.advance(90_000);
    expect(radios.connectionsOf(back.id).asCentral).toBe(7);
    const told = back.happenings.filter(({ type }) => type === 'problem').map(({ text }) => text);
    expect(told).toEqual([expect.stringContaining('is near over Bluetooth, but this device has 7 links there')]);
    expect([again, ...pnes.slice(0, 7)].filter(({ device }) => device.linkTo(back.id) === undefined)).toHaveLength(1);
  });

  it('say that a second PN GW needs another way', async () => {
    const { pair, start, establish } = radioHousehold();
    const laptop = await start('laptop');
    const server = await start('tower', 'ble', { facts: LAPTOP });
    const phone = await start('phone');
    await pair(laptop, phone);
    await establish(phone, { type: 'one-to-one' });
    await expect(establish(phone, { type: 'one-to-one' }, server.id)).rejects.toThrow(
      'Over Bluetooth a device has a link with one PN GW at a time, and this one has it with laptop',
    );
  });
});
