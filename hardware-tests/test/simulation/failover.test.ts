import { pnIdText } from '@cpns/agent';
import { Mode } from '@cpns/shared/messages';
import { describe, expect, it } from 'vitest';
import type { SimulatedDevice } from '../../rigs/simulation/device.js';
import { linkOf, type RadioHousehold, radioHousehold } from './radio-household.js';

/** Laptop (PN GW) and phone with a PN, both with both technologies; paired on the local network. */
async function couple() {
  const home = radioHousehold();
  const laptop = await home.start('laptop', 'both');
  const phone = await home.start('phone', 'both');
  await home.pair(laptop, phone);
  const { record } = await home.establish(phone, { type: 'one-to-one' });
  await home.clock.advance(2_000);
  return { ...home, laptop, phone, pnId: pnIdText(record.pnId) };
}

async function says({ clock }: Pick<RadioHousehold, 'clock'>, from: SimulatedDevice, to: SimulatedDevice, text: string, withinMs: number) {
  await from.device.messenger.queue({
    channel: 'c',
    contentType: 'text/plain',
    payload: new TextEncoder().encode(text),
    pnId: undefined,
    to: to.id,
  });
  await clock.advance(withinMs);
  return to.received.filter(({ data }) => new TextDecoder().decode(data.payload) === text).length;
}

const ofPn = ({ happenings }: SimulatedDevice) => happenings.filter(({ type }) => type === 'pn').length;
const modes = ({ happenings }: SimulatedDevice) => happenings.filter(({ type }) => type === 'mode').length;

describe('two devices that share the local network and Bluetooth', () => {
  it('use the local network, and keep the radio free', async () => {
    const { laptop, phone, radios } = await couple();
    expect([linkOf(laptop, phone), linkOf(phone, laptop)]).toEqual(['sim as central', 'sim as peripheral']);
    expect(radios.connectionsOf(phone.id)).toEqual({ asCentral: 0, asPeripheral: 0 });
  });

  it('go on over Bluetooth within the keep-alive time when the network falls silent, in the same PN', async () => {
    const home = await couple();
    const { clock, laptop, phone, pnId } = home;
    const before = [laptop, phone].map((device) => [ofPn(device), modes(device)]);
    home.lan.hook = () => [];
    await clock.advance(7_000);
    expect([linkOf(laptop, phone), linkOf(phone, laptop)]).toEqual(['ble as central', 'ble as peripheral']);
    expect(phone.device.linkTo(laptop.id)?.hasPan(pnId)).toBe(true);
    expect(await says(home, phone, laptop, 'over the air', 2_000)).toBe(1);
    expect([laptop, phone].map((device) => [ofPn(device), modes(device)])).toEqual(before);
    expect([laptop, phone].map(({ device }) => device.roles.mode)).toEqual([Mode.PnGw, Mode.Pne]);
  });

  it('go on at once when the connection breaks, and lose no message', async () => {
    const home = await couple();
    const { clock, lan, laptop, phone } = home;
    await phone.device.messenger.queue({ channel: 'c', contentType: 't', payload: Uint8Array.of(1), pnId: undefined, to: laptop.id });
    lan.hook = () => [];
    lan.sever(laptop.id, phone.id);
    await clock.advance(15_000);
    expect(linkOf(laptop, phone)).toBe('ble as central');
    expect(laptop.received).toHaveLength(1);
  });

  it('return to the network when it is back and has stood for a while, and free the radio', async () => {
    const home = await couple();
    const { clock, lan, laptop, phone, radios, pnId } = home;
    lan.hook = () => [];
    await clock.advance(10_000);
    lan.hook = ({ octets }) => octets;
    await clock.advance(60_000);
    expect([laptop, phone].map(({ device, id }) => device.linkTo(id === 'phone' ? laptop.id : phone.id)?.technology)).toEqual([
      'sim',
      'sim',
    ]);
    expect(phone.device.linkTo(laptop.id)?.hasPan(pnId)).toBe(true);
    expect(radios.connectionsOf(phone.id)).toEqual({ asCentral: 0, asPeripheral: 0 });
    expect(await says(home, phone, laptop, 'over the network again', 2_000)).toBe(1);
  });

  it('do not go to and fro with a network that comes and goes', async () => {
    const home = await couple();
    const { clock, lan, laptop, phone } = home;
    const moves = () => laptop.happenings.filter(({ type }) => type === 'link-up').length;
    const before = moves();
    for (let time = 0; time < 20; time++) {
      lan.hook = () => [];
      await clock.advance(8_000);
      lan.hook = ({ octets }) => octets;
      await clock.advance(8_000);
    }
    expect(moves() - before).toBeLessThanOrEqual(2);
    expect(laptop.device.roles.mode).toBe(Mode.PnGw);
    await clock.advance(200_000);
    expect(phone.device.linkTo(laptop.id)?.technology).toBe('sim');
    expect(await says(home, phone, laptop, 'quiet at last', 2_000)).toBe(1);
  });

  it('do not leave a link on which something is under way', async () => {
    const home = await couple();
    const { clock, lan, laptop, phone } = home;
    lan.hook = () => [];
    await clock.advance(8_000);
    lan.hook = ({ octets }) => octets;
    const link = phone.device.linkTo(laptop.id);
    const second = home.establish(phone, { type: 'one-to-one' });
    expect((await second).record.members).toHaveLength(2);
    expect(link?.technology).toBe('ble');
    await clock.advance(90_000);
    expect(phone.device.linkTo(laptop.id)?.technology).toBe('sim');
    expect(phone.device.state.pns().every(({ pnId }) => phone.device.linkTo(laptop.id)?.hasPan(pnIdText(pnId)))).toBe(true);
  });

  it('let the PNE leave and come back while each of the two still uses another link', async () => {
    const home = await couple();
    const { clock, lan, laptop } = home;
    // A PN ends with its last PNE.
    await home.pair(laptop, await home.start('board', 'both'));
    const pnId = pnIdText((await home.establish(laptop, { type: 'all' })).record.pnId);
    lan.hook = () => [];
    await clock.advance(8_000);
    // It knows nothing of the link that was lost lately, and trusts the next one sooner.
    const phone = await home.start('phone', 'both', { store: home.phone.powerCut() });
    await clock.advance(30_000);
    lan.hook = ({ octets }) => octets;
    const used = () => [phone.device.linkTo(laptop.id)?.technology, laptop.device.linkTo(phone.id)?.technology];
    for (let seconds = 0; used()[0] === 'ble' && seconds < 30; seconds++) await clock.advance(1_000);
    expect(used()).toEqual(['sim', 'ble']);
    await clock.run(phone.device.networks.leave(pnId));
    await clock.run(phone.device.networks.join(pnId, laptop.id, new AbortController().signal));
    expect(phone.device.linkTo(laptop.id)?.hasPan(pnId)).toBe(true);
  });

  it('meet over Bluetooth where one of them has no network at all', async () => {
    const { start, pair, clock } = radioHousehold();
    const laptop = await start('laptop', 'both');
    const tag = await start('tag', 'ble');
    await pair(laptop, tag);
    await clock.advance(5_000);
    expect(linkOf(laptop, tag)).toBe('ble as central');
  });

  it('are unpaired over both', async () => {
    const { clock, lan, laptop, phone } = await couple();
    lan.hook = () => [];
    await clock.advance(5_500);
    await laptop.device.unpair(phone.id);
    await clock.advance(30_000);
    expect([linkOf(laptop, phone), linkOf(phone, laptop)]).toEqual(['none', 'none']);
  });
});
