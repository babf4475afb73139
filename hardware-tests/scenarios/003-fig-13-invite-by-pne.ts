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
import { established } from './acts/look.js';
import { watchSteps } from './acts/steps.js';
import { everybodyTalks } from './acts/talk.js';
import { defineScenario } from './scenario.js';

export const inviteByPne = defineScenario({
  name: '003-fig-13-invite-by-pne',
  title: 'A member invites another PNE through the PN GW, in the order of seed 003 figure 13; who is no member cannot.',
  needs: [],
  run: async (t) => {
    const { server } = t.stage;
    const { phone, laptop, board, pnId } = await householdWithPn(t);
    await t.fails('the board cannot invite into a PN of others', invite(board, phone, pnId), 'UnknownPn');

    t.step('The phone invites the board.');
    const crossed = watchSteps(t, [phone, laptop, board]);
    const { pn } = await invite(phone, board, pnId);
    t.same('it stays where it was', pn.pnId, pnId);
    await crossed([
      ['1', phone, laptop, pneInviteRequest],
      ['2', laptop, board, pneInviteRequest],
      ['3', board, laptop, pneInviteResponse],
      ['4', laptop, server, pnUpdateRequest],
      ['4a', server, laptop, authenticationRequest],
      ['4b', laptop, board, authenticationRequestToPne],
      ['4c', board, laptop, authenticationResponse],
      ['4d', laptop, server, authenticationResponses],
      ['5', server, laptop, pnUpdateResponse],
      [
        ['6', laptop, phone, pneInviteResponse],
        ['7', server, phone, inventoryNotice],
        ['8', laptop, board, pnEstablishmentNotify],
      ],
    ]);
    await established(t, server, { pnId, gateway: laptop, pnes: [phone, board] });
    await everybodyTalks(t, server, [phone, board], 'with the one that a member invited');
  },
});
