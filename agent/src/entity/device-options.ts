import type { Clock, CryptoProvider, Entropy, Logger } from '@cpns/shared';
import type { ConsentPolicies } from './consent-desk.js';
import type { ContentSource } from './content-source.js';
import type { DeviceIdentity, DeviceSettings, Happening } from './device-context.js';
import type { DeviceState } from './device-state.js';
import type { ReceivedMessage } from './messenger.js';
import type { PanTechnology } from './pan-technology.js';
import type { DeviceFacts } from './role-keeper.js';
import type { Uplink } from './uplink-port.js';

/** The world of a device: ports, state, settings, and who wants to hear of it. */
export interface DeviceOptions {
  readonly identity: DeviceIdentity;
  readonly provider: CryptoProvider;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly logger: Logger;
  readonly state: DeviceState;
  readonly settings: DeviceSettings & ConsentPolicies;
  readonly facts: DeviceFacts;
  readonly technologies: readonly PanTechnology[];
  readonly uplink: Uplink;
  /** What it offers to others. Default: nothing. */
  readonly contents?: ContentSource;
  /** From {@link DeviceState.nextBootCounter}. */
  readonly bootCounter: number;
  happened(what: Happening): void;
  received(message: ReceivedMessage): void;
}
