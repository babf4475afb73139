import { acknowledged, CpnsError, type Reply, reply } from '@cpns/shared';
import {
  type BodyOf,
  bodyOf,
  capabilitiesQueryRequest,
  capabilitiesQueryResponse,
  data,
  type Envelope,
  heartbeat,
  heartbeatAnswer,
  inventoryNotice,
  relay,
  Status,
  sessionUnknown,
  statusManagementRequest,
  statusManagementResponse,
  unknownPn,
} from '@cpns/shared/messages';
import { PnRole, pnIdText } from '../entity/device-state.js';
import { LINK } from '../entity/peer-link.js';
import type { ServerChannel } from '../entity/server-channel.js';
import { type GatewayContext, HOP_TIMEOUT_MS } from './gateway-context.js';
import { forget, takeInventory } from './membership.js';
import { relayDown } from './routing-table.js';

/** What the messages of the server are for beside the gateway itself. */
export interface ServerMessagesHandler {
  serverData(channel: ServerChannel, envelope: Envelope): void;
  serverTime(serverTimeMs: number): void;
}

/** One request or notify of the server in the PN GW's own session. */
export function serveServer(context: GatewayContext, handler: ServerMessagesHandler, channel: ServerChannel, envelope: Envelope): void {
  switch (envelope.number) {
    case statusManagementRequest.number:
      // 15. Status management lookup: changes are sent as they happen, so there is none left to report
      return void channel.serve(envelope, async () => reply(statusManagementResponse, { changed: false }));
    case heartbeat.number:
      return void channel.serve(envelope, async () => takeHeartbeat(context, handler, bodyOf(envelope, heartbeat)));
    case inventoryNotice.number:
      return void channel.serve(envelope, async () => {
        const { inventory, pnKeyEpoch } = bodyOf(envelope, inventoryNotice);
        await takeInventory(context, inventory, pnKeyEpoch);
        return acknowledged;
      });
    case unknownPn.number:
      return void channel.serve(envelope, async () => {
        await forget(context, pnIdText(bodyOf(envelope, unknownPn).pnId));
        return acknowledged;
      });
    case capabilitiesQueryRequest.number:
      return void channel.serve(envelope, () => queryCapabilities(context, bodyOf(envelope, capabilitiesQueryRequest)));
    case relay.number:
      return relayDown(context, envelope);
    case sessionUnknown.number: {
      const { sid, pne } = bodyOf(envelope, sessionUnknown);
      if (pne !== undefined) context.linkTo(pne)?.exchange.notify(sessionUnknown, { sid }, LINK);
      return;
    }
    case data.number:
      return handler.serverData(channel, envelope);
    default:
      return void channel.serve(envelope, async () => {
        throw new CpnsError('State', 'WrongState', 'This PN GW does not serve that request.', { status: Status.BadMessage });
      });
  }
}

/** Who missed a change notices it here (security 1.8). */
function takeHeartbeat(
  context: GatewayContext,
  handler: ServerMessagesHandler,
  { serverTimeMs, pns }: BodyOf<typeof heartbeat>,
): Reply<never> {
  handler.serverTime(serverTimeMs);
  const own = new Map(context.state.pns().flatMap((record) => (record.role === PnRole.PnGw ? [[pnIdText(record.pnId), record]] : [])));
  const differs = pns.some(({ pnId, inventoryVersion, pnKeyEpoch }) => {
    const record = own.get(pnIdText(pnId));
    return record?.inventoryVersion !== inventoryVersion || record.pnKeyEpoch !== pnKeyEpoch;
  });
  if (differs || pns.length !== own.size) context.compare();
  return reply(heartbeatAnswer, { counts: [] });
}

/** About itself the PN GW answers, about a PNE it asks that (protocol a.1). */
async function queryCapabilities(context: GatewayContext, { target }: BodyOf<typeof capabilitiesQueryRequest>): Promise<Reply<never>> {
  if (target === context.identity.id)
    return reply(capabilitiesQueryResponse, { status: Status.Success, capabilities: context.capabilities() });
  const link = context.linkTo(target);
  if (link === undefined) return reply(capabilitiesQueryResponse, { status: Status.PeerUnreachable });
  const options = { timeoutMs: HOP_TIMEOUT_MS, signal: link.signal };
  const { body } = await link.exchange.request(capabilitiesQueryRequest, { target }, [capabilitiesQueryResponse], LINK, options);
  return reply(capabilitiesQueryResponse, body);
}
