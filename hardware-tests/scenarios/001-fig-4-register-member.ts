import {
  authenticationRequest,
  authenticationRequestToPne,
  authenticationResponse,
  authenticationResponses,
  pneRegistrationForward,
  pneRegistrationRequest,
  pneRegistrationResponse,
} from '@cpns/shared/messages';
import { householdWithPn, register } from './acts/enter.js';
import { established, network, samePn } from './acts/look.js';
import { watchSteps } from './acts/steps.js';
import { everybodyTalks } from './acts/talk.js';
import { defineScenario } from './scenario.js';

export const registerMember = defineScenario({
  name: '001-fig-4-register-member',
  title: 'A PNE that is a member registers: a new session with the server, the same CPNS ID, in the order of seed 001 figure 4.',
  needs: [],
  run: async (t) => {
    const { server } = t.stage;
    const { phone, laptop, pnId } = await householdWithPn(t);
    const cpnsId = async () => (await network(phone, pnId))?.inventory.find(({ id }) => id === phone.id)?.cpnsId;
    const before = await cpnsId();
    t.check('it has a CPNS ID', before !== undefined);

    t.step('The phone registers.');
    const crossed = watchSteps(t, [phone, laptop]);
    await register(phone, pnId);
    await crossed([
      ['1', phone, laptop, pneRegistrationRequest],
      ['3', laptop, server, pneRegistrationForward],
      ['3a', server, laptop, authenticationRequest],
      ['3b', laptop, phone, authenticationRequestToPne],
      ['3c', phone, laptop, authenticationResponse],
      ['3d', laptop, server, authenticationResponses],
      ['3e', server, laptop, pneRegistrationResponse],
      ['4', laptop, phone, pneRegistrationResponse],
    ]);
    await established(t, server, { pnId, gateway: laptop, pnes: [phone] });
    t.same('its CPNS ID is the one that it had', await cpnsId(), before);
    await samePn(t, pnId, [phone]);
    await everybodyTalks(t, server, [phone], 'in the new session');
  },
});
