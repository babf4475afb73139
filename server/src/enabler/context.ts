import type { Clock, CryptoProvider, EntityId, Entropy, Logger, PnId } from '@cpns/shared';
import type { ServerKey } from '@cpns/shared/messages';
import type { Broker } from '../broker/broker.js';
import type { Settings } from '../config/settings.js';
import type { Database } from '../inventory/database.js';
import type { EuKeyStore } from '../keys/eukey-store.js';
import type { Sealer } from '../keys/sealer.js';
import type { ServerIdentity } from '../keys/server-identity.js';
import type { CapabilitiesQueries } from './capabilities-query.js';
import type { Challenges } from './challenges.js';
import type { Downlink } from './downlink.js';
import type { GroupBatches } from './groups/batches.js';
import type { Deliveries } from './groups/deliveries.js';
import type { FormerKeys } from './groups/former-keys.js';
import type { KeptDelivery } from './groups/kept-delivery.js';
import type { RekeyDelivery } from './groups/rekey-delivery.js';
import type { Successions } from './groups/succession.js';
import type { GroupUsage } from './groups/usage.js';
import type { Heartbeats } from './heartbeat.js';
import type { Limits } from './limits.js';
import type { OutboxDelivery } from './outbox-delivery.js';
import type { Questions } from './questions.js';
import type { SessionKeys } from './session-keys.js';

/** What an enabler works with. */
export interface EnablerOptions {
  readonly inventory: Database;
  /** The EUKeys of the devices. */
  readonly keys: Pick<EuKeyStore, 'byKid' | 'activeRoot'>;
  /** Seals PN keys for the inventory (purpose `pn-key`). */
  readonly pnKeys: Sealer;
  /** Seals the keys of groups for the inventory (purpose `group-key`). */
  readonly groupKeys: Sealer;
  readonly broker: Pick<Broker, 'publish' | 'disconnect'>;
  readonly identity: Pick<ServerIdentity, 'serverId' | 'signingKeyId' | 'signingPublicKey' | 'sign'>;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly provider: CryptoProvider;
  readonly logger: Logger;
  readonly settings: Pick<Settings, 'sessions' | 'limits' | 'groups'>;
}

/** What every flow is given: the ports, and the state that lives as long as the process. */
export interface EnablerContext extends EnablerOptions {
  /** As devices get them in the first record of a session. */
  readonly serverKeys: readonly ServerKey[];
  /** Devices that the broker reaches. */
  readonly present: ReadonlySet<EntityId>;
  readonly sessions: SessionKeys;
  readonly challenges: Challenges;
  readonly limits: Limits;
  readonly downlink: Downlink;
  readonly questions: Questions;
  readonly outbox: OutboxDelivery;
  readonly heartbeats: Heartbeats;
  readonly capabilitiesQueries: CapabilitiesQueries;
  readonly groupBatches: GroupBatches;
  readonly rekeys: RekeyDelivery;
  readonly formerKeys: FormerKeys;
  readonly deliveries: Deliveries;
  readonly keptDelivery: KeptDelivery;
  readonly groupUsage: GroupUsage;
  readonly successions: Successions;
  /** How long the PN key before is still received, in milliseconds, by what the last removal was for; unknown after a restart: 0. */
  readonly graces: Map<PnId, number>;
}
