import {
  pneConnectionSetupConfirmation,
  pneConnectionSetupRequest,
  pnKeyRequest,
  pnKeyResponse,
  pnMembershipRequest,
  pnMembershipResponse,
  pnMembershipWithKey,
  pnMembershipWithKeyConfirmation,
} from '@cpns/shared/messages';
import { couple, create } from './acts/household.js';
import { established } from './acts/look.js';
import { watchSteps } from './acts/steps.js';
import { everybodyTalks } from './acts/talk.js';
import { defineScenario } from './scenario.js';

export const membershipAndKey = defineScenario({
  name: '002-fig-3-membership',
  title: 'A PNE connects, its membership is looked up, and it gets the key of its PN, in the order of seed 002 figure 3.',
  needs: [],
  run: async (t) => {
    const { server } = t.stage;
    const { phone, laptop } = await couple(t);
    const crossed = watchSteps(t, [phone, laptop]);
    const { pn } = await create(phone, { setup: '1-1' });
    await crossed([
      ['18', phone, laptop, pneConnectionSetupRequest],
      ['19', laptop, server, pnMembershipRequest],
      ['21', server, laptop, pnMembershipResponse],
      ['22', laptop, server, pnKeyRequest],
      ['23', server, laptop, pnKeyResponse],
      ['24', laptop, phone, pnMembershipWithKey],
      ['25', phone, laptop, pnMembershipWithKeyConfirmation],
      ['26', laptop, phone, pneConnectionSetupConfirmation],
    ]);
    await established(t, server, { pnId: pn.pnId, gateway: laptop, pnes: [phone] });
    await everybodyTalks(t, server, [phone], 'with the key of the network');
  },
});
