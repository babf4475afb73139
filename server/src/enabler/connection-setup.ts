import type { EntityId } from '@cpns/shared';
import {
  authorizationRequest,
  type authorizationResponse,
  type BodyOf,
  connectionSetupConfirmation,
  type connectionSetupRequest,
  Status,
} from '@cpns/shared/messages';
import { EMPTY, ServerHandshake } from '@cpns/shared/security';
import type { Tx } from '../inventory/database.js';
import type { EnablerContext } from './context.js';
import { checkHello, requireGatewayRight } from './hello-check.js';
import { answer, type Incoming } from './incoming.js';
import { refuse } from './refusals.js';
import { Session } from './session.js';

/** A PN GW contacts the server (seed 002 figure 2). Its first record afterwards is the acknowledgement. */
export async function setUpConnection(context: EnablerContext, incoming: Incoming<BodyOf<typeof connectionSetupRequest>>): Promise<void> {
  const { provider, entropy, identity, settings, challenges, inventory } = context;

  // 8. PN GW to CPNS Server: Connection setup request (Connection Management)
  const hello = { ...incoming.body.hello, request: EMPTY, capabilities: EMPTY, localEuKeyNeeded: 0 };
  const { identities, verified, root } = checkHello(context, incoming, hello);
  requireGatewayRight(inventory.reads, identities.idPne);

  // 9. CPNS Server to PN GW: Authentication and Authorization request (Security Function)
  const handshake = ServerHandshake.challenge({
    provider,
    entropy,
    rootPne: root,
    idServer: identity.serverId,
    ...identities,
    pnId: EMPTY,
    hello: verified,
    randGw: EMPTY,
    requireForwardSecrecy: settings.sessions.requireForwardSecrecy,
  });
  const { randServer, eServer, wrapped } = handshake.challenge;
  challenges.openSetup(identities.idPne, handshake);
  const { version, suite } = verified;
  const challenge = { version, suite, idServer: identity.serverId, pnId: EMPTY, randServer, eServer, wrapped };
  try {
    await incoming.conclude(() => answer(authorizationRequest, { challenge }), [hello.randPne]);
  } catch (error) {
    challenges.abortSetup(identities.idPne);
    throw error;
  }
}

export async function authorize(context: EnablerContext, incoming: Incoming<BodyOf<typeof authorizationResponse>>): Promise<void> {
  const { challenges, sessions, serverKeys } = context;
  const entityId = incoming.sender;

  // 10. PN GW to CPNS Server: Authentication and Authorization response (Security Function)
  const handshake = challenges.takeSetup(entityId);
  if (handshake === undefined) throw refuse(Status.WrongState, 'NoChallenge', `${entityId} answers a challenge that is not open.`);
  const { hashServer, material } = handshake.verify(incoming.body.hashPne);
  const session = new Session({ ...context, entityId, pnId: '', gateway: '', material });

  // 11. CPNS Server to PN GW: Connection setup confirmation (Connection Management)
  try {
    await incoming.conclude((tx) => {
      const { user } = requireGatewayRight(tx, entityId);
      tx.events.add({ event: 'gateway-authenticated', text: `${entityId} authenticated itself as PN GW.`, entityId });
      resumePns(tx, entityId);
      const cpnsId = tx.devices.authenticated(entityId);
      const confirm = { status: Status.Success, cpnsId, serverKeys, subscription: user.subscription };
      const record = session.firstRecord(incoming.envelope.transaction, confirm);
      tx.afterCommit(() => sessions.file(session));
      return answer(connectionSetupConfirmation, { hashServer, record });
    });
  } catch (error) {
    session.erase();
    throw error;
  }
}

/** PNs that were suspended when this device was revoked: it was taken in again since, or it could not have authenticated itself. */
function resumePns(tx: Tx, gateway: EntityId): void {
  for (const { pnId, state } of tx.pns.ofGateway(gateway)) {
    if (state !== 'Suspended') continue;
    tx.pns.resume(pnId);
    const text = `The personal network ${pnId} goes on with its PN GW ${gateway}.`;
    tx.events.add({ event: 'pn-resumed', text, entityId: gateway, pnId });
  }
}
