import { pneRequest, pneResponse } from '@cpns/shared/messages';
import { established, networks, nothingKept } from './acts/look.js';
import { networkOfAll, rekeyed } from './acts/network-of-all.js';
import { watchSteps } from './acts/steps.js';
import { everybodyTalks, send } from './acts/talk.js';
import { defineScenario } from './scenario.js';

export const leave = defineScenario({
  name: '003-fig-15-leave',
  title: 'A PNE leaves a PN, in the order of seed 003 figure 15; the others go on with a new key, and the last to leave ends it.',
  needs: [],
  run: async (t) => {
    const { server } = t.stage;
    const { phone, laptop, board, pnId } = await networkOfAll(t);
    t.step('The person at the board leaves the PN.');
    const crossed = watchSteps(t, [phone, laptop, board]);
    t.same('the board has left it', (await board.request('pn.leave', {})).pnId, pnId);
    await crossed([
      ['1', board, laptop, pneRequest],
      ['2', laptop, server, pneRequest],
      ['4', server, laptop, pneResponse],
      ['6', laptop, board, pneResponse],
    ]);
    t.same('the board is in no PN', (await networks(board)).length, 0);
    await established(t, server, { pnId, gateway: laptop, pnes: [phone] });
    await rekeyed(t, pnId, [laptop, phone]);
    await everybodyTalks(t, server, [phone], 'without the board');
    await t.fails('the board cannot send any more', send({ from: board, to: server, text: 'no' }), 'NotInPn');
    await t.fails('nor leave it twice', board.request('pn.leave', {}), 'UnknownPn');

    t.step('The phone leaves, too.');
    await phone.request('pn.leave', { pnId });
    await nothingKept(t, server, [phone, laptop, board]);
  },
});
