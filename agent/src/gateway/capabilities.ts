import { type Reply, reply } from '@cpns/shared';
import {
  type BodyOf,
  capabilitiesConfirmation,
  capabilitiesQueryRequest,
  capabilitiesQueryResponse,
  capabilitiesUpdate,
  Status,
  statusManagementResponse,
} from '@cpns/shared/messages';
import { toHex } from '@cpns/shared/security';
import type { DeviceContext } from '../entity/device-context.js';
import { LINK } from '../entity/peer-link.js';
import type { ServerChannel } from '../entity/server-channel.js';
import { type GatewayContext, HOP_TIMEOUT_MS } from './gateway-context.js';

/** The own Device Capabilities as the server knows them. */
export class ReportedCapabilities {
  readonly #device: Pick<DeviceContext, 'capabilities'>;
  #octets: Uint8Array | undefined;

  constructor(device: Pick<DeviceContext, 'capabilities'>) {
    this.#device = device;
  }

  /** 12. Device Capabilities Update; 13. Device Capabilities confirmation (seed 002 figure 2). @throws CpnsError Timeout, Transport */
  async report(channel: ServerChannel, signal?: AbortSignal): Promise<void> {
    const capabilities = this.#device.capabilities();
    this.#octets = undefined;
    // What the server asks right behind its confirmation already finds them reported.
    await channel.request(capabilitiesUpdate, { capabilities }, [capabilitiesConfirmation], { signal }, () => {
      this.#octets = capabilities;
    });
  }

  /** 15. Status management lookup; 16. Status Management response: what has changed since it was reported goes along. */
  lookUp(): Reply<never> {
    const capabilities = this.#device.capabilities();
    const changed = this.#octets === undefined || toHex(capabilities) !== toHex(this.#octets);
    this.#octets = capabilities;
    return reply(statusManagementResponse, { changed, ...(changed && { capabilities }) });
  }
}

/** About itself the PN GW answers, about a PNE it asks that (protocol a.1). */
export async function queryCapabilities(
  context: GatewayContext,
  { target }: BodyOf<typeof capabilitiesQueryRequest>,
): Promise<Reply<never>> {
  if (target === context.identity.id)
    return reply(capabilitiesQueryResponse, { status: Status.Success, capabilities: context.capabilities() });
  const link = context.linkTo(target);
  if (link === undefined) return reply(capabilitiesQueryResponse, { status: Status.PeerUnreachable });
  const options = { timeoutMs: HOP_TIMEOUT_MS, signal: link.signal };
  const { body } = await link.exchange.request(capabilitiesQueryRequest, { target }, [capabilitiesQueryResponse], LINK, options);
  return reply(capabilitiesQueryResponse, body);
}
