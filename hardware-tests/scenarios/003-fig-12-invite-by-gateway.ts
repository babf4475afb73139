import {
  authenticationRequest,
  authenticationRequestToPne,
  authenticationResponse,
  authenticationResponses,
  inventoryNotice,
  pnEstablishmentNotify,
  pneInviteRequest,
  pneInviteResponse,
  pnUpdateRequest,
  pnUpdateResponse,
} from '@cpns/shared/messages';
import { householdWithPn, invite } from './acts/enter.js';
import { established, networks } from './acts/look.js';
import { watchSteps } from './acts/steps.js';
import { everybodyTalks } from './acts/talk.js';
import { defineScenario } from './scenario.js';

export const inviteByGateway = defineScenario({
  name: '003-fig-12-invite-by-gateway',
  title: 'The PN GW invites a PNE into its PN: refused it stays out, accepted it is in, in the order of seed 003 figure 12.',
  needs: [],
  run: async (t) => {
    const { server } = t.stage;
    const { phone, laptop, board, pnId } = await householdWithPn(t, { board: { consent: 'ask' } });
    const asked = () => t.eventually('the person at the board is asked', async () => (await board.request('consent.list', {})).consents[0]);

    t.step('The laptop invites the board; the person there says no.');
    const first = invite(laptop, board, pnId);
    first.catch(() => {});
    await board.request('consent.refuse', { consentId: (await asked()).consentId });
    await t.fails('the laptop is told so', first, 'Refused');
    t.same('the board is in no PN', (await networks(board)).length, 0);
    await established(t, server, { pnId, gateway: laptop, pnes: [phone] });

    t.step('The laptop invites the board again; the person there says yes.');
    const crossed = watchSteps(t, [phone, laptop, board]);
    const second = invite(laptop, board, pnId);
    second.catch(() => {});
    await board.request('consent.accept', { consentId: (await asked()).consentId });
    await second;
    await crossed([
      ['1', laptop, board, pneInviteRequest],
      ['2', board, laptop, pneInviteResponse],
      ['3', laptop, server, pnUpdateRequest],
      ['3a', server, laptop, authenticationRequest],
      ['3b', laptop, board, authenticationRequestToPne],
      ['3c', board, laptop, authenticationResponse],
      ['3d', laptop, server, authenticationResponses],
      ['4', server, laptop, pnUpdateResponse],
      [
        ['4a', laptop, board, pnEstablishmentNotify],
        ['5', server, phone, inventoryNotice],
      ],
    ]);
    await established(t, server, { pnId, gateway: laptop, pnes: [phone, board] });
    await everybodyTalks(t, server, [phone, board], 'with the one that was invited');
    await t.fails('nobody is invited twice', invite(laptop, board, pnId), 'Refused');
  },
});
