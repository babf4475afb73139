import {
  authorizationRequest,
  authorizationResponse,
  capabilitiesConfirmation,
  capabilitiesUpdate,
  connectionSetupConfirmation,
  connectionSetupRequest,
  reconcile,
  statusManagementRequest,
  statusManagementResponse,
} from '@cpns/shared/messages';
import { watchSteps } from './acts/steps.js';
import { meet, twoStrangers } from './acts/two-strangers.js';
import { defineScenario } from './scenario.js';

export const gatewayConnects = defineScenario({
  name: '002-fig-2-gateway-connects',
  title: 'A new PN GW authenticates itself and says what it can do and which PNs it has, in the order of seed 002 figure 2.',
  needs: [],
  run: async (t) => {
    const { server } = t.stage;
    const pair = await twoStrangers(t);
    const { phone, laptop } = pair;
    const crossed = watchSteps(t, [phone, laptop]);
    await meet(t, pair);
    await crossed([
      ['8', laptop, server, connectionSetupRequest],
      ['9', server, laptop, authorizationRequest],
      ['10', laptop, server, authorizationResponse],
      ['11', server, laptop, connectionSetupConfirmation],
      ['12', laptop, server, capabilitiesUpdate],
      ['13', server, laptop, capabilitiesConfirmation],
      ['14', server, laptop, statusManagementRequest],
      ['16', laptop, server, statusManagementResponse],
    ]);
    // The comparison of the PN Inventories does not wait for the look-up of the status.
    await crossed([
      ['12', laptop, server, capabilitiesUpdate],
      ['17', laptop, server, reconcile],
    ]);
    await t.eventually('the server knows its PN GW', async () =>
      (await server.admin.listGateways()).some(({ entityId, connected }) => entityId === laptop.id && connected),
    );
    t.check('the phone is none', !(await server.admin.listGateways()).some(({ entityId }) => entityId === phone.id));
  },
});
