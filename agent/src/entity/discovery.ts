import { abortable, describeError, type EntityId, type Logger, type PnId, type Reply, reply } from '@cpns/shared';
import {
  bodyOf,
  type Envelope,
  entityDiscoveryRequest,
  entityDiscoveryResponse,
  isGateway,
  Mode,
  zoneAnnouncement,
} from '@cpns/shared/messages';
import type { Happening } from './device-context.js';
import { type DeviceState, PnRole, pnIdText } from './device-state.js';
import { type Hop, LINK, type PeerLink } from './peer-link.js';
import type { RoleKeeper } from './role-keeper.js';

const HOP_TIMEOUT_MS = 5_000;
const MAX_OFFERED = 16;

export interface EntityDiscoveryOptions {
  readonly self: EntityId;
  readonly zone: boolean;
  readonly state: DeviceState;
  readonly logger: Logger;
  readonly roles: Pick<RoleKeeper, 'mode' | 'greet'>;
  happened(what: Happening): void;
}

/** CPNS Entity Discovery (seed 003 6.4) and what follows it on every new link; both sides do it. */
export class EntityDiscovery {
  readonly #options: EntityDiscoveryOptions;

  constructor(options: EntityDiscoveryOptions) {
    this.#options = options;
  }

  /** Discovery, then the capabilities (seed 002 steps 1 to 4). A peer that does not answer loses the link. */
  async greet(link: PeerLink): Promise<void> {
    const { roles, logger } = this.#options;
    const options = { timeoutMs: HOP_TIMEOUT_MS, signal: link.signal };
    try {
      const request = { mode: roles.mode, pns: this.#offered() };
      await link.exchange.request(entityDiscoveryRequest, request, [entityDiscoveryResponse], LINK, options);
      this.announceZone(link);
      await roles.greet(link);
    } catch (error) {
      if (link.signal.aborted) return;
      logger.info('entity discovery failed', { peer: link.peer, why: describeError(error) });
      link.close('entity discovery failed');
    }
  }

  /** A zone based PN GW says so to whoever is new near it, unasked (protocol a.1). */
  announceZone(link: PeerLink): void {
    const { self, zone, roles } = this.#options;
    if (zone && isGateway(roles.mode) && !link.signal.aborted) link.exchange.notify(zoneAnnouncement, { zone, gateway: self }, LINK);
  }

  /** A PN GW near says that it is zone based. */
  zoneAnnounced(link: PeerLink, envelope: Envelope): void {
    const { zone, gateway } = bodyOf(envelope, zoneAnnouncement);
    if (!zone || gateway !== link.peer) return;
    this.#options.happened({ type: 'peer-zone', peer: gateway, text: `${gateway} is a zone based PN GW.` });
  }

  /** Asks a linked device anew: the PNs of that PN GW, which can be joined (seed 003 figure 14, step 0). @throws CpnsError Timeout, Transport */
  async offeredBy(link: PeerLink, signal: AbortSignal): Promise<readonly PnId[]> {
    const request = { mode: this.#options.roles.mode, pns: this.#offered() };
    const options = { timeoutMs: HOP_TIMEOUT_MS, signal: link.signal };
    const asked = link.exchange.request(entityDiscoveryRequest, request, [entityDiscoveryResponse], LINK, options);
    const { body } = await abortable(asked, signal);
    return body.pns.map(({ pnId }) => pnIdText(pnId));
  }

  answer(): Reply<Hop> {
    const { roles, self, zone } = this.#options;
    const { mode } = roles;
    const gateway = isGateway(mode);
    return reply(entityDiscoveryResponse, {
      mode,
      ...((!gateway || mode === Mode.Both) && { pneId: self }),
      ...(gateway && { pnGwId: self }),
      ...(gateway && zone && { zone: true }),
      pns: this.#offered(),
    });
  }

  /** PNs of this PN GW, as many as a message holds. */
  #offered(): { pnId: Uint8Array }[] {
    const own = this.#options.state.pns().filter((record) => record.role === PnRole.PnGw);
    return own.slice(0, MAX_OFFERED).map(({ pnId }) => ({ pnId }));
  }
}
