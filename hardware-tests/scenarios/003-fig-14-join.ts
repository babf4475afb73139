import {
  authenticationRequest,
  authenticationRequestToPne,
  authenticationResponse,
  authenticationResponses,
  inventoryNotice,
  pneRequest,
  pneResponse,
} from '@cpns/shared/messages';
import { householdWithPn, join } from './acts/enter.js';
import { established } from './acts/look.js';
import { watchSteps } from './acts/steps.js';
import { everybodyTalks } from './acts/talk.js';
import { defineScenario } from './scenario.js';

export const joinPn = defineScenario({
  name: '003-fig-14-join',
  title: 'A PNE joins a PN that its PN GW offers, and is authenticated on the way, in the order of seed 003 figure 14.',
  needs: [],
  run: async (t) => {
    const { server } = t.stage;
    const { phone, laptop, board, pnId } = await householdWithPn(t);

    t.step('0. The board lists the PNs that are offered near it.');
    const { pns } = await board.request('pn.list', {});
    t.same('it is offered the one of the laptop', pns, [{ pnId, gateway: laptop.id, isMember: false }]);

    t.step('The board joins it.');
    const crossed = watchSteps(t, [phone, laptop, board]);
    const { pn } = await join(board, pnId);
    t.same('it is in that PN', [pn.pnId, pn.gateway], [pnId, laptop.id]);
    await crossed([
      ['1', board, laptop, pneRequest],
      ['2', laptop, server, pneRequest],
      ['2a', server, laptop, authenticationRequest],
      ['2b', laptop, board, authenticationRequestToPne],
      ['2c', board, laptop, authenticationResponse],
      ['2d', laptop, server, authenticationResponses],
      ['4', server, laptop, pneResponse],
      [
        ['6', laptop, board, pneResponse],
        ['4a', server, phone, inventoryNotice],
      ],
    ]);
    await established(t, server, { pnId, gateway: laptop, pnes: [phone, board] });
    await everybodyTalks(t, server, [phone, board], 'with the one that joined');

    t.same('its list says that it is a member', (await board.request('pn.list', {})).pns[0]?.isMember, true);
    await t.fails('nobody joins twice', join(board, pnId), 'AlreadyMember');
  },
});
