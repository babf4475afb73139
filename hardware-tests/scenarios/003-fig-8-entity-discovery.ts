import { entityDiscoveryRequest, entityDiscoveryResponse } from '@cpns/shared/messages';
import { peerOf } from './acts/look.js';
import { watchSteps } from './acts/steps.js';
import { meet, twoStrangers } from './acts/two-strangers.js';
import { defineScenario } from './scenario.js';

export const entityDiscovery = defineScenario({
  name: '003-fig-8-entity-discovery',
  title: 'Paired devices learn what is in the other one, both ways, as seed 003 figure 8 says.',
  needs: [],
  run: async (t) => {
    const pair = await twoStrangers(t);
    const { phone, laptop } = pair;
    const crossed = watchSteps(t, [phone, laptop]);
    await meet(t, pair);
    await crossed([
      ['1', phone, laptop, entityDiscoveryRequest],
      ['2', laptop, phone, entityDiscoveryResponse],
    ]);
    await crossed([
      ['1', laptop, phone, entityDiscoveryRequest],
      ['2', phone, laptop, entityDiscoveryResponse],
    ]);
    await t.eventually('the phone knows that the laptop is PN GW', async () => (await peerOf(phone, laptop))?.mode === 'PN GW');
    await t.eventually('the laptop knows that the phone is a PNE', async () => (await peerOf(laptop, phone))?.mode === 'PNE');
  },
});
