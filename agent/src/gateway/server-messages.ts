import { acknowledged, CpnsError, type Reply, reply } from '@cpns/shared';
import {
  type BodyOf,
  bodyOf,
  capabilitiesQueryRequest,
  data,
  type Envelope,
  groupKeyDelivery,
  heartbeat,
  heartbeatAnswer,
  inventoryNotice,
  pneConfirmRequest,
  relay,
  Status,
  sessionUnknown,
  sgData,
  sgInventoryNotice,
  statusManagementRequest,
  unknownPn,
} from '@cpns/shared/messages';
import { PnRole, pnIdText } from '../entity/device-state.js';
import type { GroupsOfRole } from '../entity/groups/groups.js';
import { LINK } from '../entity/peer-link.js';
import type { ServerChannel } from '../entity/server-channel.js';
import { queryCapabilities } from './capabilities.js';
import { confirmPne } from './confirm.js';
import type { GatewayContext } from './gateway-context.js';
import { relayFromServer, relayRekey } from './groups.js';
import { forget, hintAllOut, takeInventory } from './membership.js';
import { relayDown } from './routing-table.js';

/** What the messages of the server are for beside the gateway itself. */
export interface ServerMessagesHandler {
  serverData(channel: ServerChannel, envelope: Envelope): void;
  serverTime(serverTimeMs: number): void;
  readonly groups: GroupsOfRole;
}

/** One request or notify of the server in the PN GW's own session. */
export function serveServer(context: GatewayContext, handler: ServerMessagesHandler, channel: ServerChannel, envelope: Envelope): void {
  switch (envelope.number) {
    case statusManagementRequest.number:
      return void channel.serve(envelope, async () => context.reported.lookUp());
    case heartbeat.number:
      return void channel.serve(envelope, async () => takeHeartbeat(context, handler, bodyOf(envelope, heartbeat)));
    case inventoryNotice.number:
      return void channel.serve(envelope, async () => {
        const { inventory, pnKeyEpoch } = bodyOf(envelope, inventoryNotice);
        const gone = await takeInventory(context, inventory, pnKeyEpoch);
        hintAllOut(context, pnIdText(inventory.pnId), gone);
        return acknowledged;
      });
    case unknownPn.number:
      return void channel.serve(envelope, async () => {
        const pnId = pnIdText(bodyOf(envelope, unknownPn).pnId);
        hintAllOut(context, pnId, await forget(context, pnId));
        return acknowledged;
      });
    case capabilitiesQueryRequest.number:
      return void channel.serve(envelope, () => queryCapabilities(context, bodyOf(envelope, capabilitiesQueryRequest)));
    case pneConfirmRequest.number:
      return void channel.serve(envelope, (signal) => confirmPne(context, bodyOf(envelope, pneConfirmRequest), signal));
    case relay.number:
      return relayDown(context, envelope);
    case sessionUnknown.number: {
      const { sid, pne } = bodyOf(envelope, sessionUnknown);
      if (pne !== undefined) context.linkTo(pne)?.exchange.notify(sessionUnknown, { sid }, LINK);
      return;
    }
    case data.number:
      return handler.serverData(channel, envelope);
    case sgInventoryNotice.number:
      return void channel.serve(envelope, async () => {
        await context.groupRoutes.take(bodyOf(envelope, sgInventoryNotice));
        return acknowledged;
      });
    case groupKeyDelivery.number:
      return relayRekey(context, handler.groups, bodyOf(envelope, groupKeyDelivery));
    case sgData.number:
      return relayFromServer(context, handler.groups, channel, envelope);
    default:
      if (handler.groups.serve(undefined, channel, envelope)) return;
      if (envelope.type?.kind === 'notify') return;
      return void channel.serve(envelope, async () => {
        throw new CpnsError('State', 'WrongState', 'This PN GW does not serve that request.', { status: Status.BadMessage });
      });
  }
}

/** Who missed a change notices it here (security 1.8). */
function takeHeartbeat(context: GatewayContext, handler: ServerMessagesHandler, body: BodyOf<typeof heartbeat>): Reply<never> {
  const { serverTimeMs, pns } = body;
  handler.serverTime(serverTimeMs);
  const own = new Map(context.state.pns().flatMap((record) => (record.role === PnRole.PnGw ? [[pnIdText(record.pnId), record]] : [])));
  const differs = pns.some(({ pnId, inventoryVersion, pnKeyEpoch }) => {
    const record = own.get(pnIdText(pnId));
    return record?.inventoryVersion !== inventoryVersion || record.pnKeyEpoch !== pnKeyEpoch;
  });
  if (differs || pns.length !== own.size) context.compare();
  return reply(heartbeatAnswer, { counts: handler.groups.heartbeat(undefined, body) });
}
