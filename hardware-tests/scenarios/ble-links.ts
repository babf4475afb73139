import type { DeviceHandle } from '../rigs/rig.js';
import { couple, create } from './acts/household.js';
import { agreed, elected, established, linked, peerOf, probed, samePn, status } from './acts/look.js';
import { pairByCode } from './acts/pair.js';
import { arrives, everybodyTalks, post, says } from './acts/talk.js';
import { BOARD, LAPTOP, PHONE } from './profiles.js';
import { defineScenario, type Telling } from './scenario.js';

const RADIO_MS = 60_000;
/** The network is missed after 6 s, when Bluetooth stands already; as long as its own keep-alive lasts at most. */
const TAKEOVER_MS = 15_000;
/** A network that is back is dialled within 30 s, and used when it has stood for a while. */
const RETURN_MS = 90_000;

const overBluetooth = async (device: DeviceHandle, other: DeviceHandle) => (await peerOf(device, other))?.link?.technology === 'ble';

/** Waits until both use the same technology for the link between them. */
async function linkedOver(t: Telling, what: 'Bluetooth' | 'the network', one: DeviceHandle, other: DeviceHandle, withinMs: number) {
  await linked(t, one, other, withinMs);
  const expected = what === 'Bluetooth';
  await t.eventually(
    `${one.id} and ${other.id} are linked over ${what}`,
    async () => (await overBluetooth(one, other)) === expected && (await overBluetooth(other, one)) === expected,
    withinMs,
  );
}

export const bleAndLanFailover = defineScenario({
  name: 'ble-and-lan-failover',
  title: 'Devices that share network and Bluetooth use the network, go on over Bluetooth within seconds without it, and return.',
  needs: ['ble', 'ip', 'cables'],
  run: async (t) => {
    const { server } = t.stage;
    const both = { pan: ['lan', 'ble'] } as const;
    const { phone, laptop } = await couple(t, { phone: both, laptop: both });
    await linkedOver(t, 'the network', phone, laptop, RADIO_MS);
    const { pn } = await create(phone, { setup: '1-1' });
    const expected = { pnId: pn.pnId, gateway: laptop, pnes: [phone] };
    await established(t, server, expected);

    t.step('The phone loses its network, and with it its own way to the server.');
    await phone.unplug();
    const { clock } = t.stage;
    const cutMs = clock.monotonicMs();
    await post({ from: phone, to: server, text: 'sent without a network' });
    await linkedOver(t, 'Bluetooth', phone, laptop, TAKEOVER_MS);
    t.step(`Bluetooth has taken over after ${((clock.monotonicMs() - cutMs) / 1000).toFixed(1)} s.`);
    await arrives(t, server, 'sent without a network', RADIO_MS);
    await established(t, server, expected, RADIO_MS);
    await everybodyTalks(t, server, [phone], 'over Bluetooth');
    await samePn(t, pn.pnId, [phone, laptop]);

    t.step('The network is back.');
    await phone.plug();
    await linkedOver(t, 'the network', phone, laptop, RETURN_MS);
    await established(t, server, expected, RADIO_MS);
    await everybodyTalks(t, server, [phone], 'over the network again');

    t.step('The phone leaves the range of Bluetooth, which nobody needs now.');
    await phone.jam?.();
    await t.steadily('they stay linked', 8_000, async () => (await peerOf(phone, laptop))?.link !== undefined);
    await phone.unjam?.();
    await samePn(t, pn.pnId, [phone, laptop]);
    t.same('the roles are the same', [(await status(phone)).mode, (await status(laptop)).mode], ['PNE', 'PN GW']);
  },
});

export const bleRoleTurnsRound = defineScenario({
  name: 'ble-role-turns-round',
  title: 'Over Bluetooth links are turned round to whoever is PN GW, without losing a PN, and once more when another device is.',
  needs: ['ble'],
  run: async (t) => {
    const { server } = t.stage;
    const ble = { pan: ['ble'] } as const;
    const [board, laptop, phone] = await Promise.all([
      t.stage.device('board', { profile: BOARD, ...ble }),
      t.stage.device('laptop', { profile: LAPTOP, ...ble }),
      t.stage.device('phone', { profile: PHONE, ...ble }),
    ]);
    await probed(t, [board, laptop, phone]);

    t.step('Board and laptop pair; whoever connected to the other, the laptop becomes PN GW. The board makes a PN at once.');
    await pairByCode(board, laptop);
    await elected(t, laptop, [board], RADIO_MS);
    const { pn } = await create(board, { setup: '1-1' });
    await established(t, server, { pnId: pn.pnId, gateway: laptop, pnes: [board] }, RADIO_MS);

    t.step('The laptop takes the phone in, too: it can have both, since it has turned round.');
    await pairByCode(laptop, phone);
    await elected(t, laptop, [board, phone], RADIO_MS);
    await linked(t, laptop, board, RADIO_MS);
    await linked(t, laptop, phone, RADIO_MS);
    await established(t, server, { pnId: pn.pnId, gateway: laptop, pnes: [board] }, RADIO_MS);
    await everybodyTalks(t, server, [board], 'over the turned link');
    await samePn(t, pn.pnId, [board, laptop]);

    t.step('A tablet and the phone, without a PN, pair while the laptop is off: one of them is PN GW.');
    const tablet = await t.stage.device('tablet', { profile: PHONE, ...ble });
    await probed(t, [tablet]);
    await laptop.stop();
    await t.eventually('the phone misses the laptop', async () => (await status(phone)).gateway !== laptop.id, RADIO_MS);
    await pairByCode(phone, tablet);
    const gateway = await agreed(t, [phone, tablet], RADIO_MS);
    const pne = gateway === phone ? tablet : phone;
    const { pn: second } = await create(pne, { setup: '1-1' });
    await established(t, server, { pnId: second.pnId, gateway, pnes: [pne] }, RADIO_MS);
    await everybodyTalks(t, server, [pne], 'in the second PN', second.pnId);

    t.step('The laptop is back, and serves its board in the first PN.');
    await laptop.start();
    await established(t, server, { pnId: pn.pnId, gateway: laptop, pnes: [board] }, RADIO_MS);
    await says(t, { from: board, to: server, text: 'with the laptop back', pnId: pn.pnId });
    await established(t, server, { pnId: second.pnId, gateway, pnes: [pne] }, RADIO_MS);
  },
});

const PNES = 7;

export const bleSevenPnes = defineScenario({
  name: 'ble-seven-pnes',
  title: 'A PN GW has seven PNEs over Bluetooth at once, in one PN; one that leaves the range comes back by itself.',
  needs: ['ble'],
  isLong: true,
  run: async (t) => {
    const { server } = t.stage;
    const laptop = await t.stage.device('laptop', { profile: LAPTOP, pan: ['ble'] });
    const pnes: DeviceHandle[] = [];
    for (let number = 1; number <= PNES; number++) {
      t.step(`PNE ${number} is enrolled and pairs.`);
      const pne = await t.stage.device(`pne${number}`, { profile: PHONE, pan: ['ble'] });
      await probed(t, [pne, laptop]);
      await pairByCode(laptop, pne);
      await elected(t, laptop, [pne], RADIO_MS);
      pnes.push(pne);
    }
    for (const pne of pnes) await linkedOver(t, 'Bluetooth', pne, laptop, RADIO_MS);
    t.step('All of them are in one PN.');
    const [first, second] = pnes as [DeviceHandle, DeviceHandle];
    const { pn } = await create(first, { setup: 'all' });
    const expected = { pnId: pn.pnId, gateway: laptop, pnes };
    await established(t, server, expected, RADIO_MS);
    for (const [at, pne] of pnes.entries()) {
      await says(t, { from: pne, to: server, text: `${pne.id} to server` });
      await says(t, { from: pne, to: pnes[(at + 1) % PNES] as DeviceHandle, text: `${pne.id} to the next` });
    }
    t.step('One leaves the range, and comes back.');
    await second.jam?.();
    await t.eventually('the PN GW misses it', async () => (await peerOf(laptop, second))?.link === undefined, RADIO_MS);
    await post({ from: first, to: second, text: 'for when you are back' });
    await second.unjam?.();
    await established(t, server, expected, RADIO_MS);
    await arrives(t, second, 'for when you are back', RADIO_MS);
    await samePn(t, pn.pnId, [laptop, ...pnes]);
  },
});
