import { decodeEnrolment, encodeEnrolment } from '@cpns/shared';
import { nativeProvider } from '@cpns/shared/node';
import { Secret } from '@cpns/shared/security';
import { create, household } from './acts/household.js';
import { established, networks, nothingKept, status } from './acts/look.js';
import { pairByCode } from './acts/pair.js';
import { says } from './acts/talk.js';
import { LAPTOP, PHONE } from './profiles.js';
import { defineScenario } from './scenario.js';

/** The code with another EUKey in it. */
function withAnotherKey(code: string): string {
  const enrolment = decodeEnrolment(nativeProvider, code);
  const key = enrolment.euKey.reveal().slice();
  key[0] = (key[0] as number) ^ 1;
  return encodeEnrolment(nativeProvider, { ...enrolment, euKey: new Secret('another EUKey', key) });
}

export const wrongEuKey = defineScenario({
  name: 'wrong-eukey',
  title: 'A device with a wrong EUKey gets into no PN and keeps nothing, and the others get on without it.',
  needs: [],
  run: async (t) => {
    const { server } = t.stage;
    const { phone, laptop, board } = await household(t, { phone: { spoilCode: withAnotherKey } });
    t.step('The phone with the wrong key asks for a PN.');
    const refusal = await create(phone, { setup: '1-1' }).then(
      () => undefined,
      (error: Error) => error,
    );
    t.check('it is refused', refusal !== undefined);
    t.step(`It is told: ${refusal?.message}`);
    t.check('it is told in a sentence', /\w+ \w+.*\.$/.test(refusal?.message ?? ''), refusal?.message);
    await nothingKept(t, server, [phone, laptop, board]);

    t.step('The board asks for All.');
    const { pn, outcomes } = await create(board, { setup: 'all' });
    t.same('the phone is left out', outcomes.find(({ id }) => id === phone.id)?.joined, false);
    await established(t, server, { pnId: pn.pnId, gateway: laptop, pnes: [board] });
    t.same('the phone has no PN', (await networks(phone)).length, 0);
    await says(t, { from: board, to: server, text: 'board to server' });
  },
});

export const wrongEuKeyAtGateway = defineScenario({
  name: 'wrong-eukey/at-the-gateway',
  title: 'The best device does not become PN GW when the server does not know its key, and its status says so.',
  needs: [],
  run: async (t) => {
    const [laptop, phone] = await Promise.all([
      t.stage.device('laptop', { profile: LAPTOP, spoilCode: withAnotherKey }),
      t.stage.device('phone', { profile: PHONE }),
    ]);
    await pairByCode(laptop, phone);
    await t.eventually('the phone is PN GW', async () => (await status(phone)).mode === 'PN GW');
    await t.eventually('the laptop uses it', async () => (await status(laptop)).gateway === phone.id);
    const { server } = await status(laptop);
    t.check('the laptop says why', /key|enrol/i.test(server.probe?.reason ?? server.reason ?? ''), JSON.stringify(server));
    t.check(
      'the laptop cannot get into a PN',
      await create(laptop, { setup: '1-1' }).then(
        () => false,
        () => true,
      ),
    );
    await nothingKept(t, t.stage.server, [phone, laptop]);
  },
});
