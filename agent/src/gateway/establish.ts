import { CpnsError, deadline, type EntityId, type PnId, type Reply, reply, sleep } from '@cpns/shared';
import {
  bodyOf,
  type Envelope,
  fromOctets,
  type Hello,
  type HelloRequest,
  helloRequest,
  pnSetupAck,
  pnSetupRequest,
  pnSetupResponse,
  RemoveReason,
  RequestFlow,
  type SetupType,
  Status,
} from '@cpns/shared/messages';
import { requireHelloOf } from '@cpns/shared/security';
import { pnIdOctets, pnIdText } from '../entity/device-state.js';
import { type Hop, LINK, type PeerLink } from '../entity/peer-link.js';
import { type Established, SETUP_LIMIT_MS, SETUP_TYPES, type Setup, type SetupProgress } from '../entity/setup.js';
import type { Connections } from './connections.js';
import { form } from './forming.js';
import type { GatewayContext } from './gateway-context.js';
import type { Forming } from './invitation.js';
import { inviteRest } from './invite.js';
import { removeFromPn } from './membership.js';
import { type Member, notify } from './notify.js';
import { handOutPnKey, type PnKey } from './pn-key.js';

type Wish = Pick<Forming, 'asker' | 'setupType' | 'named' | 'progress'>;

/** PN establishment initiated by a PNE, the gateway's side (seed 003 figure 10, with seed 002 steps 18 to 26 around it). */
export async function establish(
  context: GatewayContext,
  connections: Connections,
  initiator: PeerLink,
  envelope: Envelope,
): Promise<Reply<Hop>> {
  // 1. PN Setup Request
  const { hello } = bodyOf(envelope, pnSetupRequest);
  const id = initiator.peer as EntityId;
  const { setupType, named = [] } = readSetup(id, hello);
  const asker = { id, link: initiator, hello };
  return await within(context, initiator.signal, { asker, setupType, named, progress: () => {} }, async (forming) => {
    const { pnId, outcomes } = forming;
    initiator.exchange.notify(pnSetupAck, { pnId: pnIdOctets(pnId) }, LINK, envelope.transaction);
    const { key, members } = await form(context, forming);

    // 15. PN Establishment Notify to the others; then 24 to 26
    const [own, ...others] = members;
    for (const member of others) context.background('telling a member', () => welcome(context, pnId, member, key));
    const { status = Status.AuthFailed, hashServer, record } = own?.registered ?? {};
    void finishConnection(context, connections, pnId, initiator, status, key);
    void inviteRest(context, pnId, id, outcomes);

    // 14. PN Setup Response to the initiator
    const all = [...outcomes].map(([pne, outcome]) => ({ pne, status: outcome }));
    const body = { status, pnId: pnIdOctets(pnId), ...(hashServer && { hashServer }), ...(record && { record }), outcomes: all };
    return reply(pnSetupResponse, body, initiator.hopOf(pnId));
  });
}

/**
 * PN establishment initiated by this PN GW (seed 003 figure 11). Failed or aborted before the PN is stored here, nothing of it stays
 * anywhere. @throws CpnsError State/NobodyLeft, State/Refused, Transport, Timeout
 */
export async function establishOwn(
  context: GatewayContext,
  setup: Setup,
  progress: SetupProgress,
  signal: AbortSignal,
): Promise<Established> {
  const named = setup.type === 'named' ? setup.pnes : [];
  return await within(context, signal, { asker: undefined, setupType: SETUP_TYPES[setup.type], named, progress }, async (forming) => {
    const startedMs = context.clock.monotonicMs();
    const { pnId, outcomes } = forming;
    const { key, members } = await form(context, forming);

    // 15, 16. PN Establishment Notify to each PNE
    progress(4, 'Telling the members');
    const statuses = await Promise.all(members.map((member) => notify(context, pnId, member)));
    for (const [i, { id }] of members.entries()) outcomes.set(id, statuses[i] as Status);
    const establishMs = context.clock.monotonicMs() - startedMs;
    const joined = members.filter((_, i) => statuses[i] === Status.Success);
    await Promise.all(joined.map((member) => handOutPnKey(context, pnId, member.id, key.graceMs)));
    const record = context.state.pn(pnId);
    if (record === undefined)
      throw new CpnsError('State', 'NobodyLeft', 'The personal network has no member any more: nobody could verify the server.');
    void inviteRest(context, pnId, context.identity.id, outcomes);
    // Whoever was lost in the end may have stored it, and then comes back with it; if not, the server removes it.
    if (joined.length === 0) {
      const sentence = 'Nobody has said to be in the personal network: in two minutes, "cpns-agent pn show" tells.';
      throw new CpnsError('Transport', 'OutcomeUnknown', sentence);
    }
    progress(5, 'Done');
    return { record, outcomes: [...outcomes].map(([pne, status]) => ({ pne, status })), establishMs };
  });
}

/** Runs a PN Setup with a PN ID of its own and a limit in time. @throws CpnsError State/TooManyPns, Transport/ServerUnreachable */
async function within<T>(context: GatewayContext, signal: AbortSignal, wish: Wish, run: (forming: Forming) => Promise<T>): Promise<T> {
  context.server();
  requireRoom(context);
  const pnId = pnIdText(context.entropy.bytes(16));
  const limit = deadline(context.clock, SETUP_LIMIT_MS, signal, 'The personal network was not set up in time: try again.');
  try {
    return await run({ pnId, ...wish, outcomes: new Map(), signal: limit.signal, atServer: false });
  } finally {
    limit.done();
  }
}

function readSetup(id: EntityId, hello: Hello): HelloRequest & { readonly setupType: SetupType } {
  requireHelloOf(id, hello);
  const { setupType, ...asked } = fromOctets(helloRequest, hello.request, 'PN Setup Request');
  if (asked.flow === RequestFlow.Setup && setupType !== undefined) return { ...asked, setupType };
  throw new CpnsError('Codec', 'BadMessage', 'A PN Setup Request asks for something else.');
}

function requireRoom(context: GatewayContext): void {
  if (context.state.pns().length + context.forming.size < context.settings.limits.pns) return;
  throw new CpnsError('State', 'TooManyPns', 'This PN GW serves as many personal networks as it may.', { status: Status.Busy });
}

/** Steps 15, 24 and 25 for one PNE. */
async function welcome(context: GatewayContext, pnId: PnId, member: Member, key: PnKey): Promise<void> {
  if ((await notify(context, pnId, member)) === Status.Success) await handOutPnKey(context, pnId, member.id, key.graceMs);
}

/** Steps 24 to 26 for the initiator: they follow the PN Setup Response on the same link, and tell whether it could use that. */
async function finishConnection(
  context: GatewayContext,
  connections: Connections,
  pnId: PnId,
  initiator: PeerLink,
  status: Status,
  key: PnKey,
): Promise<void> {
  const pne = initiator.peer as EntityId;
  await sleep(context.clock, 0);
  const outcome = status === Status.Success ? await handOutPnKey(context, pnId, pne, key.graceMs) : 'refused';
  if (outcome !== 'refused') return connections.confirm(initiator, pnId);
  connections.fail(initiator, new CpnsError('Auth', 'NotInPn', `${pne} is not in the personal network.`, { status: Status.AuthFailed }));
  if (status === Status.Success) await removeFromPn(context, pnId, [pne], RemoveReason.Unreachable);
}
