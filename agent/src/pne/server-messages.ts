import { acknowledged, CpnsError, type PnId, type Reply, reply } from '@cpns/shared';
import {
  type BodyOf,
  bodyOf,
  data,
  type Envelope,
  heartbeat,
  heartbeatAnswer,
  inventoryNotice,
  pneNotificationExpel,
  pnReleaseNotification,
  Status,
  unknownPn,
} from '@cpns/shared/messages';
import { type Changes, DeviceState, pnIdText } from '../entity/device-state.js';
import type { GroupsOfRole } from '../entity/groups/groups.js';
import type { ServerChannel } from '../entity/server-channel.js';
import { forgetPn } from './accept.js';
import type { PneContext } from './pne-context.js';
import { askServer } from './recover.js';

/** What the messages of the server are for beside the PN they are about. */
export interface ServerMessagesHandler {
  serverData(pnId: PnId, channel: ServerChannel, envelope: Envelope): void;
  serverTime(serverTimeMs: number): void;
  readonly groups: GroupsOfRole;
  /** The PN key is a newer one than this device holds: the gateway has it. */
  keyMissed(pnId: PnId): void;
}

/** One request of the server in the session for a PN. The session says which PN; a body that names another one is refused. */
export function serveServer(
  context: PneContext,
  handler: ServerMessagesHandler,
  pnId: PnId,
  channel: ServerChannel,
  envelope: Envelope,
): void {
  switch (envelope.number) {
    case inventoryNotice.number:
      return void channel.serve(envelope, () => takeInventory(context, pnId, bodyOf(envelope, inventoryNotice)));
    case heartbeat.number:
      return void channel.serve(envelope, async () => takeHeartbeat(context, handler, pnId, bodyOf(envelope, heartbeat)));
    case data.number:
      return handler.serverData(pnId, channel, envelope);
    case unknownPn.number:
      return void channel.serve(envelope, () => leave(context, pnId, bodyOf(envelope, unknownPn)));
    case pneNotificationExpel.number:
      return void channel.serve(envelope, () => leave(context, pnId, bodyOf(envelope, pneNotificationExpel)));
    case pnReleaseNotification.number:
      return void channel.serve(envelope, () => leave(context, pnId, bodyOf(envelope, pnReleaseNotification)));
    default:
      if (handler.groups.serve(pnId, channel, envelope)) return;
      if (envelope.type?.kind === 'notify') return;
      return void channel.serve(envelope, async () => {
        throw new CpnsError('State', 'WrongState', 'This PNE does not serve that request.', { status: Status.BadMessage });
      });
  }
}

function takeInventory(context: PneContext, pnId: PnId, { inventory }: BodyOf<typeof inventoryNotice>): Promise<Reply<never>> {
  requirePn(pnId, inventory.pnId);
  return context.settling.run(pnId, async () => {
    const record = context.state.pn(pnId);
    if (record === undefined)
      throw new CpnsError('State', 'UnknownPn', 'An inventory came for a network that is not known here.', { status: Status.UnknownPn });
    const news = context.copies.take(record, inventory);
    if (news.kind === 'changed') {
      const changes: Changes = new Map();
      DeviceState.setPn(changes, news.record);
      await context.state.commit(changes);
    }
    if (news.kind === 'gap') void askServer(context, pnId);
    return acknowledged;
  });
}

/** Who missed a change notices it here (security 1.8). */
function takeHeartbeat(context: PneContext, handler: ServerMessagesHandler, pnId: PnId, body: BodyOf<typeof heartbeat>): Reply<never> {
  const { serverTimeMs, pns } = body;
  handler.serverTime(serverTimeMs);
  const record = context.state.pn(pnId);
  const current = pns.find((entry) => pnIdText(entry.pnId) === pnId);
  if (record !== undefined && current !== undefined) {
    if (current.inventoryVersion > record.inventoryVersion) void askServer(context, pnId);
    if (current.pnKeyEpoch > record.pnKeyEpoch) handler.keyMissed(pnId);
  }
  return reply(heartbeatAnswer, { counts: handler.groups.heartbeat(pnId, body) });
}

async function leave(context: PneContext, pnId: PnId, notice: { readonly pnId: Uint8Array }): Promise<Reply<never>> {
  requirePn(pnId, notice.pnId);
  await context.settling.run(pnId, () => forgetPn(context, pnId));
  return acknowledged;
}

function requirePn(pnId: PnId, named: Uint8Array): void {
  if (pnIdText(named) !== pnId)
    throw new CpnsError('Auth', 'WrongPn', 'A message came in the session of another network.', { status: Status.BadMessage });
}
