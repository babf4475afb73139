import { linked, peerOf, tellsItsName } from './acts/look.js';
import { pairByCode, tryToPair } from './acts/pair.js';
import { LAPTOP, PHONE } from './profiles.js';
import { defineScenario } from './scenario.js';

/** Longer than a device takes to be seen. */
const UNSEEN_MS = 2_000;

export const pairTwo = defineScenario({
  name: 'pair-two',
  title: 'Two devices find each other, pair by comparing a code, and are linked again after a restart; a wrong code keeps nothing.',
  needs: [],
  run: async (t) => {
    const [phone, laptop] = await Promise.all([t.stage.device('phone', { profile: PHONE }), t.stage.device('laptop', { profile: LAPTOP })]);
    const named = await tellsItsName(phone);
    if (named) {
      t.step('They notice each other.');
      await t.eventually('the phone sees the laptop', async () => (await peerOf(phone, laptop)) !== undefined);
      await t.eventually('the laptop sees the phone', async () => (await peerOf(laptop, phone)) !== undefined);
      t.same('they are not paired', (await peerOf(phone, laptop))?.paired, false);
    } else {
      t.step('They keep their names to themselves as long as nobody pairs them.');
      const seesNobody = async () => (await peerOf(phone, laptop)) === undefined && (await peerOf(laptop, phone)) === undefined;
      await t.steadily('neither sees the other', UNSEEN_MS, seesNobody);
    }

    t.step('One person types a wrong code.');
    const wrong = await tryToPair(phone, laptop, { answer: 'wrong-code', giveUp: (codes) => codes.length >= 2 });
    t.check('the same six digits were shown on both', wrong.codes.length >= 2 && /^\d{6}$/.test(wrong.codes[0] ?? ''));
    t.same('both showed the same code', wrong.codes[0], wrong.codes[1]);
    t.check('neither device paired', wrong.first.status === 'rejected' && wrong.second.status === 'rejected');
    for (const device of [phone, laptop]) {
      const other = device === phone ? laptop : phone;
      t.check(`${device.id} has kept nothing`, (await peerOf(device, other))?.paired !== true);
    }

    t.step('Both type what the other device shows.');
    const { first, second } = await pairByCode(phone, laptop);
    t.same('the phone paired with the laptop', first.peer, laptop.id);
    t.same('the laptop paired with the phone', second.peer, phone.id);
    t.same('both compared the same code', first.code, second.code);
    await linked(t, phone, laptop);

    t.step('The phone is switched off and on.');
    await phone.stop();
    await t.eventually('the laptop notices', async () => (await peerOf(laptop, phone))?.link === undefined);
    await phone.start();
    await linked(t, phone, laptop);

    t.step('The phone forgets the laptop.');
    await phone.request('unpair', { peer: laptop.id });
    await t.eventually('the laptop forgets the phone too', async () => (await peerOf(laptop, phone))?.paired !== true);
    t.check('the phone has forgotten', (await peerOf(phone, laptop))?.paired !== true);
  },
});
