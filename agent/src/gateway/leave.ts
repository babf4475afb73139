import { type EntityId, type Reply, reply } from '@cpns/shared';
import { PneAction, pneRequest, pneResponse, Status } from '@cpns/shared/messages';
import { pnIdText } from '../entity/device-state.js';
import type { Hop } from '../entity/peer-link.js';
import { askServer } from './ask-server.js';
import type { GatewayContext } from './gateway-context.js';
import { forget, takeInventory } from './membership.js';
import { requireEstablished, requireHop } from './routing-table.js';

/** A PNE leaves a PN (seed 003 figure 15): the server first, then the local PN Inventory, then the answer. */
export async function leave(context: GatewayContext, pne: EntityId, octets: Uint8Array, hop: Hop): Promise<Reply<Hop>> {
  // 1. The PNE sends PNE request (Leave) to PN GW
  const pnId = pnIdText(octets);
  requireHop(context, hop, pnId);
  requireEstablished(context, pnId, pne);

  // 2. The PN GW sends PNE request (Leave) to the CPNS Server; 3, 4. its PN Inventory and PNE response (Leave)
  const request = { action: PneAction.Leave, pnId: octets, pne };
  const { body } = await askServer(context, pneRequest, request, pneResponse);

  // 5. The PN GW updates PN Inventory locally
  if (body.inventory !== undefined) await takeInventory(context, body.inventory);
  // Without a member left the PN is gone.
  else if (body.status === Status.Success) await forget(context, pnId);
  else context.compare();

  // 6. The PN GW sends PNE response (Leave) to the PNE
  return reply(pneResponse, { status: body.status, pnId: octets }, hop);
}
