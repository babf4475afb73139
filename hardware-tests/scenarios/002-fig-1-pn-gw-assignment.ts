import { capabilitiesExchange, entityDiscoveryRequest } from '@cpns/shared/messages';
import { peerOf } from './acts/look.js';
import { watchSteps } from './acts/steps.js';
import { meet, twoStrangers } from './acts/two-strangers.js';
import { defineScenario } from './scenario.js';

export const pnGwAssignment = defineScenario({
  name: '002-fig-1-pn-gw-assignment',
  title: 'Of two paired devices the one that is best suited becomes PN GW, in the order of seed 002 figure 1.',
  needs: [],
  run: async (t) => {
    const pair = await twoStrangers(t);
    const { phone, laptop } = pair;
    const crossed = watchSteps(t, [phone, laptop]);
    const told = () => phone.received.filter(({ from, message }) => from === laptop.id && message === capabilitiesExchange.name).length;
    await meet(t, pair);
    await crossed([
      ['1', phone, laptop, entityDiscoveryRequest],
      ['3', phone, laptop, capabilitiesExchange],
    ]);
    await crossed([
      ['2', laptop, phone, entityDiscoveryRequest],
      ['4', laptop, phone, capabilitiesExchange],
    ]);
    t.step('  5. each compares its own capabilities with those of the other; 6. the laptop takes the role as PN GW');
    await t.eventually('step 7: the laptop tells its new capabilities, with its mode', async () => told() >= 2);
    t.step(`  7. ${laptop.id} -> ${phone.id}: ${capabilitiesExchange.name}`);
    await t.eventually('the phone knows its new mode', async () => (await peerOf(phone, laptop))?.mode === 'PN GW');
  },
});
