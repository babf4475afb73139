import { describeError, type EntityId, type Logger, type Reply, reply } from '@cpns/shared';
import { entityDiscoveryRequest, entityDiscoveryResponse, isGateway, Mode } from '@cpns/shared/messages';
import { type DeviceState, PnRole } from './device-state.js';
import { type Hop, LINK, type PeerLink } from './peer-link.js';
import type { RoleKeeper } from './role-keeper.js';

const HOP_TIMEOUT_MS = 5_000;

export interface EntityDiscoveryOptions {
  readonly self: EntityId;
  readonly zone: boolean;
  readonly state: DeviceState;
  readonly logger: Logger;
  readonly roles: Pick<RoleKeeper, 'mode' | 'greet'>;
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
      await roles.greet(link);
    } catch (error) {
      if (link.signal.aborted) return;
      logger.info('entity discovery failed', { peer: link.peer, why: describeError(error) });
      link.close('entity discovery failed');
    }
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

  /** PNs of this PN GW. */
  #offered(): { pnId: Uint8Array }[] {
    return this.#options.state.pns().flatMap((record) => (record.role === PnRole.PnGw ? [{ pnId: record.pnId }] : []));
  }
}
