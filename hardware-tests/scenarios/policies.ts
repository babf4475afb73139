import { userId } from '@cpns/shared';
import { PN_GW_SERVICE } from '@cpns/shared/messages';
import { twoUsers } from './004-multiple-users.js';
import { couple, create } from './acts/household.js';
import { established, nothingKept, status } from './acts/look.js';
import { defineScenario } from './scenario.js';

const ANN = userId('ann');

export const guestPolicy = defineScenario({
  name: 'policies/guests',
  title: 'The policy of a user keeps guests out without anybody being asked; an open invitation lets one in, when its owner agrees.',
  needs: [],
  run: async (t) => {
    const { server } = t.stage;
    const { den, phone, home, question } = await twoUsers(t);
    const askedAtDen = async () => (await den.request('consent.list', {})).consents.length;
    for (const guests of ['never', 'invited'] as const) {
      await server.admin.setPolicy(ANN, { guests });
      t.step(`Ann's policy on guests is "${guests}"; Bob's phone asks her den for a PN.`);
      const refusal = await t.fails('there is none', create(phone, { setup: '1-1' }), 'Refused');
      t.check('it is told that it may not', /authorised/.test(refusal.message), refusal.message);
      t.same('Ann was not asked', await askedAtDen(), 0);
      await nothingKept(t, server, [den, phone]);
    }

    t.step("Ann invites Bob's phone for an hour.");
    const until = new Date(t.stage.clock.wallMs() + 3_600_000).toISOString();
    await server.admin.allowGuest(ANN, { device: phone.id, until });
    const creating = create(phone, { setup: '1-1' });
    creating.catch(() => {});
    const { consentId } = await question();
    t.same('Ann was not asked', await askedAtDen(), 0);
    await home.request('consent.accept', { consentId });
    const { pn } = await creating;
    await established(t, server, { pnId: pn.pnId, gateway: den, pnes: [phone] });

    t.step('She withdraws the invitation: who is in a PN stays in it.');
    await server.admin.forbidGuest(ANN, { device: phone.id });
    await established(t, server, { pnId: pn.pnId, gateway: den, pnes: [phone] });
  },
});

export const subscriptionTaken = defineScenario({
  name: 'policies/subscription',
  title: 'A PN GW whose subscription no longer allows it gives the role up at once; so does the next one, and both say why.',
  needs: [],
  run: async (t) => {
    const both = Object.values(await couple(t));
    t.step("The operator takes PN GWs out of Ann's subscription.");
    await t.stage.server.admin.changeUser(ANN, { removeServices: [PN_GW_SERVICE] });
    for (const device of both) {
      await t.eventually(`${device.id} is not PN GW and says that its subscription is the reason`, async () => {
        const { mode, modeReason } = await status(device);
        return mode === 'unassigned' && /subscription/i.test(modeReason);
      });
    }
  },
});
