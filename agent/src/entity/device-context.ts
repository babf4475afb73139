import type { Clock, CryptoProvider, EntityId, Entropy, LinkType, Logger, PnId, Serial, ServerId, SgId } from '@cpns/shared';
import type { Mode, Subscription } from '@cpns/shared/messages';
import type { EuKeyRoot } from '@cpns/shared/security';
import type { ConsentDesk } from './consent-desk.js';
import type { ContentSource } from './content-source.js';
import type { DeviceState } from './device-state.js';
import type { InventoryCopies } from './inventory-copy.js';
import type { LocalEuKeys } from './local-eu-keys.js';
import type { PeerLink } from './peer-link.js';

/** Who this device is; from its enrolment. */
export interface DeviceIdentity {
  readonly id: EntityId;
  readonly root: EuKeyRoot;
  readonly idServer: ServerId;
  readonly subscription: Subscription;
}

/** What others may make a device do and keep (security 2.1). */
export interface DeviceLimits {
  /** Links at once, proven or not. */
  readonly links: number;
  /** Handshake messages in clear on one link: in the long run, and at once beyond a whole pairing. */
  readonly handshakesPerSecondPerLink: number;
  readonly handshakeBurstPerLink: number;
  /** Requests of a proven peer; content is not counted. */
  readonly requestsPerSecondPerLink: number;
  readonly requestBurstPerLink: number;
  /** PAN handshakes that a member may have under way as PNE: each holds an X25519 key. */
  readonly panHandshakesAtOncePerLink: number;
  readonly pairings: number;
  readonly pairingWindowMs: number;
  readonly pairingAttempts: number;
  readonly openPrompts: number;
  readonly promptsPer10MinPerInitiator: number;
  readonly consentTimeoutMs: number;
  readonly pns: number;
  readonly membersPerPn: number;
  /** Devices near that are remembered; paired ones always are. */
  readonly mdnsNames: number;
  /** Pause before a registration that a restarted server makes necessary, at most, in milliseconds (security 1.5). */
  readonly recoverySpreadMs: number;
  readonly outboxMessages: number;
  readonly outboxOctets: number;
  readonly outboxKeptMs: number;
  /** While the server cannot be reached, a LocalEUKey serves so long beyond its 24 h. */
  readonly expiredLocalKeyMs: number;
}

/** What a person or the configuration decides about personal networks. */
export interface DeviceSettings {
  /** Refuse handshakes without X25519. */
  readonly requireForwardSecrecy: boolean;
  /** A hop without a LocalEUKey is allowed (protocol 0.7); off by default. */
  readonly allowUnprotectedPan: boolean;
  /** As PN GW: members see one another (protocol 0.16). */
  readonly shareMembers: boolean;
  /** As PN GW: a PNE hears of its expulsion only once the server has agreed to it (protocol e.9). */
  readonly expelAfterUpdate: boolean;
  readonly limits: DeviceLimits;
}

/** Something that happened; `watch` shows it. */
export type Happening =
  | {
      readonly type: 'peer-sighted' | 'peer-lost' | 'peer-paired' | 'peer-unpaired' | 'peer-zone';
      readonly peer: EntityId;
      readonly text: string;
    }
  | { readonly type: 'link-up' | 'link-down'; readonly peer: EntityId; readonly technology: LinkType; readonly text: string }
  | { readonly type: 'mode'; readonly mode: Mode; readonly gateway: EntityId | undefined; readonly text: string }
  | { readonly type: 'server'; readonly connected: boolean; readonly text: string }
  | {
      readonly type: 'pn';
      readonly pnId: PnId;
      readonly state: 'Established' | 'Suspended' | 'Releasing' | 'Absent';
      readonly text: string;
    }
  /** This device came into a service group, with its keys, or is in it no longer. */
  | { readonly type: 'group'; readonly sgId: SgId; readonly state: 'Member' | 'Absent'; readonly text: string }
  /** Others came or went, or the owner is another one. */
  | { readonly type: 'group-members' | 'group-objects' | 'group-lost'; readonly sgId: SgId; readonly text: string }
  | { readonly type: 'consent-asked' | 'consent-over'; readonly consentId: string; readonly text: string }
  | { readonly type: 'message-delivered' | 'message-sent' | 'message-expired'; readonly messageId: string; readonly text: string }
  | { readonly type: 'problem'; readonly text: string };

/** What both roles of a device work with. */
export interface DeviceContext {
  readonly identity: DeviceIdentity;
  readonly provider: CryptoProvider;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly logger: Logger;
  readonly state: DeviceState;
  readonly settings: DeviceSettings;
  /** Where a person is asked. */
  readonly desk: ConsentDesk;
  readonly keys: LocalEuKeys;
  readonly copies: InventoryCopies;
  /** What is stored for one PN happens in the order of arrival. */
  readonly settling: Serial<PnId>;
  /** What this device offers to others. */
  readonly contents: ContentSource;
  /** Own Device Capabilities octets as they stand now. */
  capabilities(): Uint8Array;
  linkTo(id: EntityId): PeerLink | undefined;
  /** Ends the PAN session of a PN on every link with that device. */
  endPans(id: EntityId, pnId: PnId): void;
  /** Paired devices with a proven link. */
  linkedPeers(): readonly EntityId[];
  /** Mode of a linked peer, as it last said. */
  modeOf(id: EntityId): Mode | undefined;
  happened(what: Happening): void;
}
