import type { ControlResult } from '@cpns/agent';
import { userId } from '@cpns/shared';
import {
  authenticationRequest,
  authenticationRequestToPne,
  authenticationResponse,
  authenticationResponses,
  PN_GW_SERVICE,
  pnEstablishmentNotify,
  pneConfirmRequest,
  pneConfirmResponse,
  pnRegistrationRequest,
  pnRegistrationResponse,
  pnSetupConsent,
  pnSetupInvitation,
} from '@cpns/shared/messages';
import type { DeviceHandle } from '../rigs/rig.js';
import { create } from './acts/household.js';
import { elected, established, nothingKept, probed, settled } from './acts/look.js';
import { pairByCode } from './acts/pair.js';
import { watchSteps } from './acts/steps.js';
import { says } from './acts/talk.js';
import { BOARD, LAPTOP, PHONE } from './profiles.js';
import { defineScenario, type Telling } from './scenario.js';

type Question = ControlResult<'consent.list'>['consents'][number];

interface TwoUsers {
  readonly den: DeviceHandle;
  readonly home: DeviceHandle;
  readonly phone: DeviceHandle;
  /** Waits until Bob is asked at home. */
  readonly question: () => Promise<Question>;
}

/** Bob's phone is near Ann's den; at home he has a PN GW of his own. */
export async function twoUsers(t: Telling, chargeable = true): Promise<TwoUsers> {
  const bob = 'bob';
  await t.stage.server.admin.addUser({ userId: userId(bob), services: [PN_GW_SERVICE], chargeable });
  t.step('Ann has a den; Bob has a home with a board, and a phone.');
  const [den, home, board, phone] = await Promise.all([
    t.stage.device('den', { profile: LAPTOP }),
    t.stage.device('home', { profile: LAPTOP, user: bob }),
    t.stage.device('board', { profile: BOARD, user: bob }),
    t.stage.device('phone', { profile: PHONE, user: bob }),
  ]);
  await probed(t, [den, home, board, phone]);
  t.step('The home pairs with the board, the den with the phone: two gateways, of two people.');
  await pairByCode(home, board);
  await pairByCode(den, phone);
  await elected(t, home, [board]);
  await elected(t, den, [phone]);
  await settled(t, den, [phone]);
  const question = () =>
    t.eventually('Bob is asked at home', async () =>
      (await home.request('consent.list', {})).consents.find(({ kind }) => kind === 'confirm'),
    );
  return { den, home, phone, question };
}

export const multipleUsers = defineScenario({
  name: '004-multiple-users',
  title: "A device of another user comes into the PN when that user's own PN GW confirms it, in the order of seed 004.",
  needs: [],
  run: async (t) => {
    const { server } = t.stage;
    const { den, home, phone, question } = await twoUsers(t);
    t.step("Ann asks for a PN with Bob's phone.");
    const crossed = watchSteps(t, [den, home, phone]);
    const creating = create(den, { setup: 'named', pnes: [phone.id] });
    creating.catch(() => {});
    const asked = await question();
    t.check('the question says what it is about', /phone.*ann.*den.*charged/.test(asked.question), asked.question);
    t.same('nothing is registered before he has answered', (await server.admin.listPns()).length, 0);
    t.step('Bob says yes.');
    await home.request('consent.accept', { consentId: asked.consentId });
    const { pn } = await creating;
    await crossed([
      ['1', den, phone, pnSetupInvitation],
      ['2', phone, den, pnSetupConsent],
      ['3', den, server, pnRegistrationRequest],
      ['4', server, den, authenticationRequest],
      ['5', den, phone, authenticationRequestToPne],
      ['6', phone, den, authenticationResponse],
      ['7', den, server, authenticationResponses],
      ['8', server, home, pneConfirmRequest],
      ['9', home, server, pneConfirmResponse],
      ['11', server, den, pnRegistrationResponse],
      ['13', den, phone, pnEstablishmentNotify],
    ]);
    await established(t, server, { pnId: pn.pnId, gateway: den, pnes: [phone] });
    await says(t, { from: phone, to: server, text: "through Ann's gateway" });
  },
});

export const multipleUsersRefused = defineScenario({
  name: '004-multiple-users/refused',
  title: "Without the word of that user's PN GW nobody comes in: he says no, or it is off; nothing is kept anywhere.",
  needs: [],
  run: async (t) => {
    const { den, home, phone, question } = await twoUsers(t);
    const all = [den, phone];
    const wish = { setup: 'named' as const, pnes: [phone.id] };
    t.step('Bob says no.');
    const first = create(den, wish);
    first.catch(() => {});
    await home.request('consent.refuse', { consentId: (await question()).consentId });
    const refusal = await t.fails('the PN is not set up', first, 'NobodyLeft');
    t.check('Ann is told why', /did not confirm/.test(refusal.message), refusal.message);
    await nothingKept(t, t.stage.server, all);

    t.step("Bob's gateway is off.");
    await home.stop();
    const unreachable = await t.fails('the PN is not set up', create(den, wish), 'NobodyLeft');
    t.check('Ann is told why', /cannot be reached/.test(unreachable.message), unreachable.message);
    await nothingKept(t, t.stage.server, all);
  },
});

export const multipleUsersNotChargeable = defineScenario({
  name: '004-multiple-users/not-chargeable',
  title: 'A device whose user cannot be charged does not come in, and he is not even asked.',
  needs: [],
  run: async (t) => {
    const { den, home, phone } = await twoUsers(t, false);
    const refusal = await t.fails('the PN is not set up', create(den, { setup: 'named', pnes: [phone.id] }), 'NobodyLeft');
    t.check('Ann is told why', /cannot be charged/.test(refusal.message), refusal.message);
    t.same('Bob was asked nothing', (await home.request('consent.list', {})).consents.length, 0);
    await nothingKept(t, t.stage.server, [den, phone]);
  },
});
