import { pnReleaseNotification, pnReleaseRequest, pnReleaseResponse } from '@cpns/shared/messages';
import { create } from './acts/household.js';
import { established, nothingKept } from './acts/look.js';
import { networkOfAll } from './acts/network-of-all.js';
import { watchSteps } from './acts/steps.js';
import { defineScenario } from './scenario.js';

export const releaseByGateway = defineScenario({
  name: '003-fig-18-release-by-gateway',
  title: 'The PN GW releases a PN, in the order of seed 003 figure 18; nobody keeps anything, and a new one can be made.',
  needs: [],
  run: async (t) => {
    const { server } = t.stage;
    const { phone, laptop, board, pnId } = await networkOfAll(t);
    t.step('The person at the laptop releases the PN.');
    const crossed = watchSteps(t, [phone, laptop, board]);
    t.same('it is released', (await laptop.request('pn.release', {})).pnId, pnId);
    await crossed([
      ['1', laptop, server, pnReleaseRequest],
      ['2', server, laptop, pnReleaseResponse],
      [
        ['3', laptop, board, pnReleaseNotification],
        ['4', laptop, phone, pnReleaseNotification],
      ],
    ]);
    await nothingKept(t, server, [phone, laptop, board]);

    t.step('The phone makes another one.');
    const { pn } = await create(phone, { setup: 'all' });
    await established(t, server, { pnId: pn.pnId, gateway: laptop, pnes: [phone, board] });
  },
});
