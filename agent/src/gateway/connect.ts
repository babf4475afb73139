import { type AnswerOf, CpnsError, Exchange, type Logger } from '@cpns/shared';
import {
  type AnyMessage,
  authorizationRequest,
  authorizationResponse,
  type BodyOf,
  bodyOf,
  clearFrame,
  connectionSetupConfirmation,
  connectionSetupRequest,
  decodeEnvelope,
  MAX_UPLINK_ENVELOPE,
  Status,
  sessionAcknowledgement,
  sessionConfirm,
} from '@cpns/shared/messages';
import { EMPTY, PneHandshake, SkChannel } from '@cpns/shared/security';
import type { DeviceContext, DeviceIdentity, DeviceSettings } from '../entity/device-context.js';
import { SERVER_TIMEOUT_MS, type ServerChannel } from '../entity/server-channel.js';
import type { GatewayContext } from './gateway-context.js';
import { type Comparison, compareWithServer } from './reconcile.js';

/** What Connection setup takes of a device. */
export interface ConnectingDevice extends Pick<DeviceContext, 'provider' | 'clock' | 'entropy' | 'logger'> {
  readonly identity: Omit<DeviceIdentity, 'subscription'>;
  readonly settings: Pick<DeviceSettings, 'requireForwardSecrecy'>;
}

/** Requests in clear to the server: Connection setup and nothing else. */
export class ClearUplink {
  readonly #exchange: Exchange<'clear'>;
  readonly #logger: Logger;

  constructor(context: ConnectingDevice, publish: (payload: Uint8Array) => void) {
    this.#logger = context.logger;
    this.#exchange = new Exchange<'clear'>({
      clock: context.clock,
      entropy: context.entropy,
      self: context.identity.id,
      transmit: (envelope) => publish(clearFrame(envelope)),
    });
  }

  request<M extends AnyMessage, A extends AnyMessage>(
    type: M,
    body: BodyOf<M>,
    accepts: readonly A[],
    signal: AbortSignal,
  ): Promise<AnswerOf<A, 'clear'>> {
    return this.#exchange.request(type, body, accepts, 'clear', { timeoutMs: SERVER_TIMEOUT_MS, signal, repeat: true });
  }

  /** A clear frame from the server. @throws CpnsError Codec/BadMessage */
  receive(envelope: Uint8Array): ReturnType<typeof decodeEnvelope> | undefined {
    const decoded = decodeEnvelope(envelope, MAX_UPLINK_ENVELOPE);
    if (decoded.type !== undefined) this.#logger.debug('received', { from: 'server', name: decoded.type.name });
    return this.#exchange.settle(decoded, 'clear') ? undefined : decoded;
  }

  close(reason: CpnsError): void {
    this.#exchange.close(reason);
  }
}

/** What Connection setup yields: the SK channel, opened, and the server's first words in it. */
export interface Connection {
  readonly channel: SkChannel;
  readonly confirm: BodyOf<typeof sessionConfirm>;
}

/**
 * Connection setup of a PN GW with authentication and authorization (seed 002 figure 2, steps 8 to 11).
 * @throws CpnsError State/Refused (NotAuthorized: the subscription does not allow a PN GW), Auth, Timeout
 */
export async function setUpConnection(context: ConnectingDevice, clear: ClearUplink, signal: AbortSignal): Promise<Connection> {
  const { identity, provider, entropy, clock, settings } = context;
  const handshake = PneHandshake.begin({
    provider,
    entropy,
    root: identity.root,
    idServer: identity.idServer,
    idPne: identity.id,
    idGw: '',
    capabilities: EMPTY,
    request: EMPTY,
    localEuKeyNeeded: false,
    requireForwardSecrecy: settings.requireForwardSecrecy,
  });
  let channel: SkChannel | undefined;
  try {
    // 8. Connection setup request; 9. Authentication and Authorization request
    const { version, suite, idPne, kid, randPne, ePne, reqMac } = handshake.hello;
    const asked = await clear.request(
      connectionSetupRequest,
      { hello: { version, suite, idPne, kid, randPne, ePne, reqMac } },
      [authorizationRequest],
      signal,
    );

    // 10. Authentication and Authorization response; 11. Connection setup confirmation
    const { hashPne } = handshake.answer(asked.body.challenge, { pnId: EMPTY, idGw: '' });
    const { body } = await clear.request(authorizationResponse, { hashPne }, [connectionSetupConfirmation], signal);
    const material = handshake.confirm(body.hashServer);
    channel = new SkChannel({ provider, entropy, clock, material, side: 'device' });
    const first = channel.open(body.record);
    if (first === undefined) throw new CpnsError('Auth', 'NoFirstRecord', 'The server did not open its session properly: try again.');
    const confirm = bodyOf(decodeEnvelope(first.content, MAX_UPLINK_ENVELOPE), sessionConfirm);
    if (confirm.status !== Status.Success)
      throw new CpnsError('Auth', 'Refused', 'The server refused this device as PN GW.', { status: confirm.status });
    return { channel, confirm };
  } catch (error) {
    handshake.abort();
    channel?.erase();
    throw error;
  }
}

/**
 * What follows in the new channel: capabilities (seed 002 steps 12, 13) and the comparison of the PN Inventories (step 17, protocol
 * 0.13), whose outcome is returned. Steps 14 to 16 are the server's requests.
 */
export async function introduce(context: GatewayContext, channel: ServerChannel, signal: AbortSignal): Promise<Comparison> {
  channel.notify(sessionAcknowledgement, { inventoryVersion: 0 });

  // 12. Device Capabilities Update; 13. Device Capabilities confirmation
  await context.reported.report(channel, signal);

  // 17. CPNS Server: create and update PN Inventory
  return compareWithServer(context, channel, signal);
}
