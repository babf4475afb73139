import type { PnId } from '@cpns/shared';
import type { Subscription } from '@cpns/shared/messages';
import type { DeviceContext } from '../entity/device-context.js';
import type { ServerChannel } from '../entity/server-channel.js';
import type { ReportedCapabilities } from './capabilities.js';
import type { GroupDeliveries } from './group-deliveries.js';
import type { GroupRoutes } from './group-routes.js';
import type { Removals } from './removals.js';
import type { UnderWay } from './under-way.js';

/** What the flows of a PN GW work with. */
export interface GatewayContext extends DeviceContext {
  /** The authenticated channel to the server. @throws CpnsError Transport/ServerUnreachable */
  server(): ServerChannel;
  /** PNs that are being established, so that nobody disturbs them. */
  readonly forming: Set<PnId>;
  /** The subscription of this device's user, as the server said last. */
  subscription(): Subscription;
  readonly reported: ReportedCapabilities;
  readonly removals: Removals;
  readonly groupRoutes: GroupRoutes;
  readonly groupDeliveries: GroupDeliveries;
  /** Runs for PNs that stand. */
  readonly underWay: UnderWay;
  /** PNs whose release is under way, so that nobody else settles it. */
  readonly releasing: Set<PnId>;
  /** The stored PN key is another one now: the one before is received for `graceMs` more, and sent with for `switchAfterMs` at most. */
  pnKeyChanged(pnId: PnId, graceMs: number, switchAfterMs: number): void;
  /** Every member that is here has confirmed the PN key. */
  pnKeyShared(pnId: PnId): void;
  /** Compares all PN Inventories with the server's; what is missing here follows. */
  compare(): void;
  /** Work that nobody waits for; a failure is logged. */
  background(what: string, work: () => Promise<unknown>): void;
}

/** Milliseconds a PNE has for an answer that needs no person. */
export const HOP_TIMEOUT_MS = 5_000;
