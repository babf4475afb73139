import { create } from './acts/household.js';
import { elected, established, linked, peerOf, probed, status } from './acts/look.js';
import { pairByCode } from './acts/pair.js';
import { everybodyTalks } from './acts/talk.js';
import { LAPTOP, PHONE } from './profiles.js';
import { defineScenario } from './scenario.js';

/** Advertisements, connections and link sessions take their time. */
const RADIO_MS = 45_000;

export const bleOnlyPair = defineScenario({
  name: 'ble-only-pair',
  title: 'Two devices that have nothing but Bluetooth in common find each other, pair, choose the PN GW and carry a PN over it.',
  needs: ['ble'],
  run: async (t) => {
    const { server } = t.stage;
    const [phone, laptop] = await Promise.all([
      t.stage.device('phone', { profile: PHONE, pan: ['ble'] }),
      t.stage.device('laptop', { profile: LAPTOP, pan: ['ble'] }),
    ]);
    await probed(t, [phone, laptop]);
    t.step('They pair.');
    const { first, second } = await pairByCode(phone, laptop);
    t.same('each paired with the other', [first.peer, second.peer], [laptop.id, phone.id]);
    await linked(t, phone, laptop, RADIO_MS);
    t.same('over Bluetooth', (await peerOf(phone, laptop))?.link?.technology, 'ble');
    const { pan } = await status(phone);
    const running = pan.filter(({ state }) => state === 'running').map(({ technology }) => technology);
    t.same('there is no other way', running, ['ble']);

    t.step('The laptop becomes PN GW, and the phone makes a PN with it.');
    await elected(t, laptop, [phone], RADIO_MS);
    const { pn } = await create(phone, { setup: '1-1' });
    const expected = { pnId: pn.pnId, gateway: laptop, pnes: [phone] };
    await established(t, server, expected, RADIO_MS);
    await everybodyTalks(t, server, [phone], 'over Bluetooth');

    t.step('The phone is switched off and on.');
    await phone.stop();
    await t.eventually('the laptop notices', async () => (await peerOf(laptop, phone))?.link === undefined, RADIO_MS);
    await phone.start();
    await linked(t, phone, laptop, RADIO_MS);
    await established(t, server, expected, RADIO_MS);
    await everybodyTalks(t, server, [phone], 'over Bluetooth again');
  },
});
