import {
  authenticationRequest,
  authenticationRequestToPne,
  authenticationResponse,
  authenticationResponses,
  pnEstablishmentNotify,
  pnRegistrationRequest,
  pnRegistrationResponse,
  pnSetupConsent,
  pnSetupInvitation,
  pnSetupRequest,
  pnSetupResponse,
} from '@cpns/shared/messages';
import { create, household } from './acts/household.js';
import { established } from './acts/look.js';
import { watchSteps } from './acts/steps.js';
import { everybodyTalks } from './acts/talk.js';
import { defineScenario } from './scenario.js';

export const pneInitiated = defineScenario({
  name: '003-fig-10-pne-initiated',
  title: 'A PNE establishes a PN with all the others, in the order of seed 003 figure 10.',
  needs: [],
  run: async (t) => {
    const { server } = t.stage;
    const { phone, laptop, board } = await household(t);
    t.step('The phone asks for a PN of type All.');
    const crossed = watchSteps(t, [phone, laptop, board]);
    const { pn } = await create(phone, { setup: 'all' });
    await crossed([
      ['1', phone, laptop, pnSetupRequest],
      ['2', laptop, board, pnSetupInvitation],
      ['3', board, laptop, pnSetupConsent],
      ['4', laptop, server, pnRegistrationRequest],
      ['5', server, laptop, authenticationRequest],
      [
        ['6', laptop, phone, authenticationRequestToPne],
        ['7', laptop, board, authenticationRequestToPne],
      ],
      [
        ['8', phone, laptop, authenticationResponse],
        ['9', board, laptop, authenticationResponse],
      ],
      ['10', laptop, server, authenticationResponses],
      ['12', server, laptop, pnRegistrationResponse],
      [
        ['14', laptop, phone, pnSetupResponse],
        ['15', laptop, board, pnEstablishmentNotify],
      ],
    ]);
    await established(t, server, { pnId: pn.pnId, gateway: laptop, pnes: [phone, board] });
    await everybodyTalks(t, server, [phone, board], 'as the phone wished');
  },
});
