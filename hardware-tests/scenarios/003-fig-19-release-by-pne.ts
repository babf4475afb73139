import { pnReleaseNotification, pnReleaseRequest, pnReleaseResponse } from '@cpns/shared/messages';
import { nothingKept } from './acts/look.js';
import { networkOfAll } from './acts/network-of-all.js';
import { watchSteps } from './acts/steps.js';
import { defineScenario } from './scenario.js';

export const releaseByPne = defineScenario({
  name: '003-fig-19-release-by-pne',
  title: 'A PNE releases a PN, in the order of seed 003 figure 19; nobody keeps anything.',
  needs: [],
  run: async (t) => {
    const { server } = t.stage;
    const { phone, laptop, board, pnId } = await networkOfAll(t);
    t.step('The person at the phone releases the PN.');
    const crossed = watchSteps(t, [phone, laptop, board]);
    t.same('it is released', (await phone.request('pn.release', { pnId })).pnId, pnId);
    await crossed([
      ['1', phone, laptop, pnReleaseRequest],
      ['2', laptop, server, pnReleaseRequest],
      ['4', server, laptop, pnReleaseResponse],
      [
        ['5', laptop, phone, pnReleaseResponse],
        ['6', laptop, board, pnReleaseNotification],
      ],
    ]);
    await nothingKept(t, server, [phone, laptop, board]);
  },
});
