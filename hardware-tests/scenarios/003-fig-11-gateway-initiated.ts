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
} from '@cpns/shared/messages';
import { create, household } from './acts/household.js';
import { established, networks } from './acts/look.js';
import { watchSteps } from './acts/steps.js';
import { everybodyTalks } from './acts/talk.js';
import { defineScenario } from './scenario.js';

export const gatewayInitiated = defineScenario({
  name: '003-fig-11-gateway-initiated',
  title: 'The PN GW establishes a PN with the PNEs that agree, in the order of seed 003 figure 11.',
  needs: [],
  run: async (t) => {
    const { server } = t.stage;
    const { phone, laptop, board } = await household(t);
    await t.fails('the PN GW has to say with whom', laptop.request('pn.create', { setup: '1-1' }), 'WithWhom');

    t.step('The person at the laptop asks for a PN with all devices.');
    const crossed = watchSteps(t, [phone, laptop, board]);
    const { pn, outcomes } = await create(laptop, { setup: 'all' });
    t.same('both PNEs joined', outcomes.map(({ id, joined }) => [id, joined]).sort(), [
      [board.id, true],
      [phone.id, true],
    ]);
    await crossed([
      [
        ['1', laptop, phone, pnSetupInvitation],
        ['2', laptop, board, pnSetupInvitation],
      ],
      [
        ['3', phone, laptop, pnSetupConsent],
        ['4', board, laptop, pnSetupConsent],
      ],
      ['5', laptop, server, pnRegistrationRequest],
      ['6', server, laptop, authenticationRequest],
      [
        ['7', laptop, phone, authenticationRequestToPne],
        ['8', laptop, board, authenticationRequestToPne],
      ],
      [
        ['9', phone, laptop, authenticationResponse],
        ['10', board, laptop, authenticationResponse],
      ],
      ['11', laptop, server, authenticationResponses],
      ['13', server, laptop, pnRegistrationResponse],
      [
        ['15', laptop, phone, pnEstablishmentNotify],
        ['16', laptop, board, pnEstablishmentNotify],
      ],
    ]);
    await established(t, server, { pnId: pn.pnId, gateway: laptop, pnes: [phone, board] });
    await everybodyTalks(t, server, [phone, board], 'as the PN GW wished');

    t.step('And one with the board alone.');
    const second = await create(laptop, { setup: 'named', pnes: [board.id] });
    await established(t, server, { pnId: second.pn.pnId, gateway: laptop, pnes: [board] });
    t.same('the phone has one PN, the board two', [(await networks(phone)).length, (await networks(board)).length], [1, 2]);
  },
});
