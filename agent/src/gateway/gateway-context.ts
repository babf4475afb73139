import type { PnId } from '@cpns/shared';
import type { DeviceContext } from '../entity/device-context.js';
import type { LocalEuKeys } from '../entity/local-eu-keys.js';
import type { ServerChannel } from '../entity/server-channel.js';

/** What the flows of a PN GW work with. */
export interface GatewayContext extends DeviceContext {
  readonly keys: LocalEuKeys;
  /** The authenticated channel to the server. @throws CpnsError Transport/ServerUnreachable */
  server(): ServerChannel;
  /** PNs that are being established, so that nobody disturbs them. */
  readonly forming: Set<PnId>;
  /** The stored PN key is another one now; the one before is received for `graceMs` more. */
  pnKeyChanged(pnId: PnId, graceMs: number): void;
}

/** Milliseconds a PNE has for an answer that needs no person. */
export const HOP_TIMEOUT_MS = 5_000;
