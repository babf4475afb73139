import type { PnId } from '@cpns/shared';
import type { Subscription } from '@cpns/shared/messages';
import type { DeviceContext } from '../entity/device-context.js';
import type { PeerLink } from '../entity/peer-link.js';
import type { Runs } from './run.js';
import type { ServerSessions } from './server-sessions.js';
import type { SetupAcks } from './setup-acks.js';

/** What the flows of a PNE work with. */
export interface PneContext extends DeviceContext {
  readonly sessions: ServerSessions;
  readonly runs: Runs;
  readonly acks: SetupAcks;
  /** Registers until the server has spoken or the link is gone; one at a time for each PN. Never rejects. */
  register(link: PeerLink, pnId: PnId): Promise<void>;
  /** What the server says of the subscription of this device's user. */
  subscribed(subscription: Subscription): void;
  /** What waits for that PN may be sent now. */
  reachable(pnId: PnId): void;
}

/** Milliseconds a PN GW has for an answer; while it waits for others it says `pending`. */
export const HOP_TIMEOUT_MS = 5_000;
