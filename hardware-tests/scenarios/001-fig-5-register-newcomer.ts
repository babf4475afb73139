import {
  authenticationRequest,
  authenticationRequestToPne,
  authenticationResponse,
  authenticationResponses,
  pneRegistrationForward,
  pneRegistrationRequest,
  pneRegistrationResponse,
  pnUpdateRequest,
  pnUpdateResponse,
} from '@cpns/shared/messages';
import { householdWithPn, register } from './acts/enter.js';
import { established, network } from './acts/look.js';
import { watchSteps } from './acts/steps.js';
import { everybodyTalks } from './acts/talk.js';
import { defineScenario } from './scenario.js';

export const registerNewcomer = defineScenario({
  name: '001-fig-5-register-newcomer',
  title: 'A PNE that is no member registers: the PN GW adds it, the server authenticates it, in the order of seed 001 figure 5.',
  needs: [],
  run: async (t) => {
    const { server } = t.stage;
    const { phone, laptop, board, pnId } = await householdWithPn(t);

    t.step('1. The board is paired with the laptop. It registers, without saying where.');
    const crossed = watchSteps(t, [phone, laptop, board]);
    const { pn } = await register(board);
    t.same('it is in the PN of the laptop', pn.pnId, pnId);
    await crossed([
      ['2', board, laptop, pneRegistrationRequest],
      ['4', laptop, server, pnUpdateRequest],
      ['4a', server, laptop, pnUpdateResponse],
      ['5', laptop, server, pneRegistrationForward],
      ['5a', server, laptop, authenticationRequest],
      ['5b', laptop, board, authenticationRequestToPne],
      ['5c', board, laptop, authenticationResponse],
      ['5d', laptop, server, authenticationResponses],
      ['5e', server, laptop, pneRegistrationResponse],
      ['6', laptop, board, pneRegistrationResponse],
    ]);
    await established(t, server, { pnId, gateway: laptop, pnes: [phone, board] });
    const own = (await network(board, pnId))?.inventory.find(({ id }) => id === board.id);
    t.check('it has a CPNS ID', own?.cpnsId !== undefined);
    await everybodyTalks(t, server, [phone, board], 'with the newcomer');
  },
});
