import type { Clock, CryptoProvider, EntityId, Entropy, Logger } from '@cpns/shared';
import type { DeviceLimits } from '../device-context.js';
import type { LinkSessionContext } from '../link-session.js';

/** What pairing works with. */
export interface PairingContext extends LinkSessionContext {
  readonly self: EntityId;
  readonly provider: CryptoProvider;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly logger: Logger;
  readonly limits: Pick<DeviceLimits, 'pairingWindowMs' | 'pairingAttempts'>;
}
