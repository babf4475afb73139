import type { Attacker, DeviceHandle } from '../rigs/rig.js';
import { create } from './acts/household.js';
import { elected, established, linked, networks, probed, tellsItsName } from './acts/look.js';
import { pairByCode, tryToPair } from './acts/pair.js';
import { arrives, everybodyTalks, post, says, timesAtServer, timesShown } from './acts/talk.js';
import { LAPTOP, PHONE } from './profiles.js';
import { defineScenario, type Telling } from './scenario.js';

const RECOVERY_MS = 45_000;
/** On a busy machine one may pass before the devices meet. */
const WINDOWS = 4;

const linkUps = (device: DeviceHandle) => device.heard.filter(({ type }) => type === 'link-up').length;

/** Phone and laptop, with somebody on the only path between them. */
async function attackedCouple(t: Telling): Promise<{ phone: DeviceHandle; laptop: DeviceHandle; mallory: Attacker }> {
  const mallory = await t.stage.attacker();
  const [laptop, phone] = await Promise.all([
    t.stage.device('laptop', { profile: LAPTOP }),
    t.stage.device('phone', { profile: PHONE, behind: mallory }),
  ]);
  await mallory.aim(laptop);
  await probed(t, [laptop]);
  return { phone, laptop, mallory };
}

export const replayedAndAltered = defineScenario({
  name: 'replayed-and-altered-messages',
  title: 'Whoever sits on the link can repeat and alter as he likes: nothing of it is taken, and what was sent arrives once.',
  needs: ['attacker'],
  run: async (t) => {
    const { server } = t.stage;
    const { phone, laptop, mallory } = await attackedCouple(t);
    t.step('Phone and laptop pair and make a PN through the attacker, who only listens.');
    await pairByCode(phone, laptop, { address: mallory.address });
    await elected(t, laptop, [phone], RECOVERY_MS);
    const { pn } = await create(phone, { setup: '1-1' });
    const expected = { pnId: pn.pnId, gateway: laptop, pnes: [phone] };
    await established(t, server, expected);
    await everybodyTalks(t, server, [phone], 'overheard');
    const seen = await mallory.seen();
    t.check('the attacker has seen all of it', seen.out > 10 && seen.in > 10 && seen.links >= 1, JSON.stringify(seen));

    t.step('Every frame is sent again, both ways.');
    for (const direction of ['out', 'in'] as const) {
      await t.eventually(`frames are repeated, ${direction}`, async () => (await mallory.replay(direction)) > 0);
      await linked(t, phone, laptop, RECOVERY_MS);
    }
    await says(t, { from: phone, to: server, text: 'after the repetition' });
    t.same('nothing was taken twice at the server', timesAtServer(server, 'phone to server, overheard'), 1);
    t.same('nothing was taken twice at the phone', timesShown(phone, 'server to phone, overheard'), 1);

    t.step('On a link of his own the attacker says what the phone has said.');
    const before = linkUps(laptop);
    const { sent } = await mallory.impersonate();
    t.check('it was said', sent > 0);
    t.same('the laptop does not take him for the phone', linkUps(laptop), before);
    t.same('nothing was taken twice', timesAtServer(server, 'phone to server, overheard'), 1);
    await linked(t, phone, laptop, RECOVERY_MS);

    t.step('One bit is flipped in frames, both ways, while the phone sends.');
    await mallory.alter('out', 2);
    await post({ from: phone, to: server, text: 'through altered frames' });
    await arrives(t, server, 'through altered frames', RECOVERY_MS);
    await mallory.alter('in', 1);
    await says(t, { from: phone, to: server, text: 'through altered answers', waitMs: RECOVERY_MS });

    t.step('The link is cut while the phone sends.');
    await post({ from: phone, to: server, text: 'into the cut' });
    await mallory.cut();
    await arrives(t, server, 'into the cut', RECOVERY_MS);
    await established(t, server, expected, RECOVERY_MS);
    for (const text of ['through altered frames', 'through altered answers', 'into the cut']) {
      t.same(`"${text}" arrived once`, timesAtServer(server, text), 1);
    }
    t.same(
      'it is the same PN',
      (await networks(phone)).map(({ pnId }) => pnId),
      [pn.pnId],
    );
  },
});

export const alteredPairing = defineScenario({
  name: 'replayed-and-altered-messages/pairing',
  title: 'Altered pairing messages pair nothing; the next attempt without them does.',
  needs: ['attacker'],
  run: async (t) => {
    const { phone, laptop, mallory } = await attackedCouple(t);
    // Over Bluetooth they have to find each other first.
    const timeoutMs = (await tellsItsName(phone)) ? 5_000 : 15_000;
    for (const direction of ['out', 'in'] as const) {
      t.step(`Pairing messages are altered, ${direction === 'out' ? 'from' : 'to'} the phone.`);
      await mallory.alter(direction, 1_000);
      const before = await mallory.seen();
      const isAltered = async () => (await mallory.seen())[direction] > before[direction];
      for (let window = 0; window < WINDOWS && !(await isAltered()); window++) {
        const { first, second } = await tryToPair(phone, laptop, { address: mallory.address, timeoutMs });
        t.check('neither device paired', first.status === 'rejected' && second.status === 'rejected');
      }
      t.check('something was altered', await isAltered());
      await mallory.alter(direction, 0);
    }
    t.step('The attacker gives up.');
    await pairByCode(phone, laptop, { address: mallory.address });
    await linked(t, phone, laptop);
  },
});
