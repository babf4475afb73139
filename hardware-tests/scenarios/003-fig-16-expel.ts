import { pneNotificationExpel, pnUpdateRequest, pnUpdateResponse } from '@cpns/shared/messages';
import { established, networks } from './acts/look.js';
import { networkOfAll, rekeyed } from './acts/network-of-all.js';
import { watchSteps } from './acts/steps.js';
import { everybodyTalks, send } from './acts/talk.js';
import { defineScenario } from './scenario.js';

export const expel = defineScenario({
  name: '003-fig-16-expel',
  title: 'The PN GW expels a PNE, in the order of seed 003 figure 16; the others go on with a new key.',
  needs: [],
  run: async (t) => {
    const { server } = t.stage;
    const { phone, laptop, board, pnId } = await networkOfAll(t);
    await t.fails('a PNE expels nobody', phone.request('pn.expel', { pne: board.id }), 'UnknownPn');
    t.step('The person at the laptop expels the board.');
    const crossed = watchSteps(t, [phone, laptop, board]);
    const expelled = await laptop.request('pn.expel', { pne: board.id });
    t.same('the server has answered', [expelled.pnId, expelled.answered], [pnId, true]);
    await crossed([
      ['1', laptop, board, pneNotificationExpel],
      ['2', laptop, server, pnUpdateRequest],
      ['4', server, laptop, pnUpdateResponse],
    ]);
    await t.eventually('the board knows that it is out', async () => (await networks(board)).length === 0);
    await established(t, server, { pnId, gateway: laptop, pnes: [phone] });
    await rekeyed(t, pnId, [laptop, phone]);
    await everybodyTalks(t, server, [phone], 'after an expulsion');
    await t.fails('the board cannot send any more', send({ from: board, to: server, text: 'no' }), 'NotInPn');
  },
});
