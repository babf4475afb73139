import type { CpnsId, EntityId, PnId, ServerId, SgId, UserId } from '@cpns/shared';
import type { Subscription } from '@cpns/shared/messages';
import type { SubscriptionChange, UserPolicy } from '../inventory/users.js';
import type { Policies } from './policy-port.js';

/*
 * What the operator can ask of a running server. Implemented by the enabler's side, called by the admin HTTP API. Views are plain JSON
 * values: they go out as they are. Errors: CpnsError State/Unknown... (no such thing), State/Duplicate... (is there already),
 * any other State/... (not in this state), Config/... (bad value).
 */

export interface UserView {
  readonly userId: UserId;
  readonly subscription: Subscription;
  readonly policy: UserPolicy;
  /** Number of devices that are not revoked. */
  readonly devices: number;
  /** Those devices, by entity id. */
  readonly owns: readonly EntityId[];
}

export interface DeviceView {
  readonly entityId: EntityId;
  readonly userId: UserId;
  readonly kid: string;
  /** `enrolled`: the code was given out, the device has not been here yet. */
  readonly state: 'enrolled' | 'active' | 'revoked';
  readonly connected: boolean;
  readonly cpnsId?: string;
  /** unassigned, PNE, PN GW or BOTH, as last reported. */
  readonly mode?: string;
  /** Last sign of life, ISO 8601 by the server's clock. */
  readonly lastSeenAt?: string;
  readonly pns: readonly PnId[];
}

export interface GatewayView {
  readonly entityId: EntityId;
  readonly userId: UserId;
  readonly connected: boolean;
  /** Connection setup succeeded at, ISO 8601. */
  readonly authenticatedAt?: string;
  readonly pns: readonly PnId[];
}

export interface PnMemberView {
  readonly entityId: EntityId;
  readonly cpnsId: CpnsId;
  readonly userId: UserId;
  /** Unconfirmed or Member (protocol b.2). */
  readonly state: string;
  /** Last proved that it knows its EUKey at, ISO 8601. */
  readonly authenticatedAt: string;
}

export interface PnView {
  readonly pnId: PnId;
  readonly gateway: EntityId;
  /** The PNE that asked for it. */
  readonly initiator: EntityId;
  /** ISO 8601. */
  readonly createdAt: string;
  /** Established or Suspended (protocol b.2). */
  readonly state: string;
  readonly inventoryVersion: number;
  readonly keyEpoch: number;
  readonly members: readonly PnMemberView[];
}

export interface GroupMemberView {
  readonly entityId: EntityId;
  readonly userId: UserId;
  /** PN through which it is a member; absent: it is a PN GW in its own session. */
  readonly pnId?: PnId;
  /** The PN GW that relays for it. */
  readonly gateway: EntityId;
  /** ISO 8601. */
  readonly since: string;
}

export interface GroupObjectView {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly holder: EntityId;
  /** Who may have it; absent: every member. */
  readonly members?: readonly EntityId[];
  /** ISO 8601; absent: until it is withdrawn. */
  readonly until?: string;
}

export interface GroupView {
  readonly sgId: SgId;
  readonly name: string;
  /** Absent while a new owner is looked for. */
  readonly owner?: EntityId;
  readonly serviceId?: string;
  /** Everybody may find it. */
  readonly open: boolean;
  /** Active, or Rekeying while members come or go (protocol b.2). */
  readonly state: 'Active' | 'Rekeying';
  readonly epoch: number;
  /** The present Group Key was made at, ISO 8601. */
  readonly keyedAt: string;
  readonly createdAt: string;
  readonly members: readonly GroupMemberView[];
  /** Messages that are kept for members that are away, and for how many of them. */
  readonly kept: { readonly messages: number; readonly members: number };
  /** That members share in it now. */
  readonly objects: readonly GroupObjectView[];
}

export interface NewUser {
  readonly userId: UserId;
  /** With `pn-gw` among them the user's devices may be PN GW. */
  readonly services: readonly string[];
  readonly chargeable: boolean;
}

export interface NewDevice {
  readonly entityId: EntityId;
  readonly userId: UserId;
}

/** The enrolment of a new device. `code` holds the EUKey: it is shown once and kept nowhere. */
export interface Enrolment {
  readonly entityId: EntityId;
  readonly userId: UserId;
  readonly kid: string;
  readonly serverId: ServerId;
  /** Where the device will look for the server, `host:port`. */
  readonly address: string;
  /** `CPNS1-...` (protocol 0.27). */
  readonly code: string;
}

/** Something that happened, for `watch`. */
export type WatchItem =
  | {
      readonly kind: 'data';
      readonly at: string;
      readonly messageId: string;
      readonly from: EntityId;
      /** `server` or an entity id. */
      readonly to: string;
      readonly channel: string;
      readonly contentType: string;
      /** Base64. */
      readonly payload: string;
    }
  | {
      readonly kind: 'event';
      readonly at: string;
      /** Stable name: device-connected, pn-established, member-removed, ... */
      readonly event: string;
      /** The same as one sentence. */
      readonly text: string;
      readonly entityId?: EntityId;
      readonly pnId?: PnId;
    };

export interface WatchFilter {
  readonly entityId?: EntityId;
  readonly channel?: string;
  readonly kinds?: readonly WatchItem['kind'][];
  /** So many of what is kept come first, at most 100. */
  readonly past?: number;
}

/** Application data from the operator to one device. */
export interface OutgoingData {
  readonly to: EntityId;
  readonly channel: string;
  readonly contentType: string;
  /** At most 16,000 octets. */
  readonly payload: Uint8Array;
}

export interface SendResult {
  readonly messageId: string;
  /** `delivered`: the device answered that it stored the message. `queued`: it lies in the outbox and goes when the device is there. */
  readonly state: 'delivered' | 'queued';
}

/** One charging event (requirement CHG-3). */
export interface ChargingEventView {
  readonly id: number;
  /** ISO 8601. */
  readonly at: string;
  readonly pne: EntityId;
  /** The user of that PNE, whose subscription pays. */
  readonly userId: UserId;
  readonly subscriptionId: string;
  readonly pnId: PnId;
  readonly gateway: EntityId;
  readonly gatewayUser: UserId;
  readonly service: string;
  /** Name of a status: `Success`, or why it did not come to it. */
  readonly result: string;
}

export interface ChargingFilter {
  /** Not before this time, ISO 8601. */
  readonly since?: string;
  /** What comes behind this event. */
  readonly after?: number;
}

export interface ChargingPage {
  readonly events: readonly ChargingEventView[];
  /** `after` for the next page; absent: there is none. */
  readonly next?: number;
}

export interface Admin {
  addUser(user: NewUser): Promise<UserView>;
  /** Changes the subscription; connected devices of the user connect anew. @throws CpnsError State/UnknownUser, State/TooManyServices */
  changeUser(userId: UserId, change: SubscriptionChange): Promise<UserView>;
  listUsers(): Promise<readonly UserView[]>;
  /** Removes a user without devices. @throws CpnsError State/UnknownUser, State/UserHasDevices */
  removeUser(userId: UserId): Promise<void>;
  addDevice(device: NewDevice): Promise<Enrolment>;
  listDevices(userId?: UserId): Promise<readonly DeviceView[]>;
  showDevice(entityId: EntityId): Promise<DeviceView>;
  /** Revocation is final and immediate (protocol 0.17). */
  revokeDevice(entityId: EntityId): Promise<DeviceView>;
  /**
   * Gives a device to another user.
   * @throws CpnsError State/UnknownDevice, State/UnknownUser, State/DeviceRevoked, State/DeviceInPn when it is PN GW or PNE of a PN
   */
  moveDevice(entityId: EntityId, userId: UserId): Promise<DeviceView>;
  readonly policies: Policies;
  listGateways(): Promise<readonly GatewayView[]>;
  listPns(): Promise<readonly PnView[]>;
  showPn(pnId: PnId): Promise<PnView>;
  /** Ends a PN for everybody in it. @throws CpnsError State/UnknownPn */
  removePn(pnId: PnId): Promise<void>;
  listGroups(): Promise<readonly GroupView[]>;
  showGroup(sgId: SgId): Promise<GroupView>;
  /** Ends a service group for everybody in it. @throws CpnsError State/UnknownSg */
  removeGroup(sgId: SgId): Promise<void>;
  /** Charging events, oldest first, some at a time. */
  charging(filter: ChargingFilter): Promise<ChargingPage>;
  /** Waits for the device's answer at most `waitMs`; after that the message stays queued. */
  sendData(data: OutgoingData, waitMs: number): Promise<SendResult>;
  /** Calls `listener` for what is asked of the past, at once, and for everything from now on, until the returned function is called. */
  watch(filter: WatchFilter, listener: (item: WatchItem) => void): () => void;
  /** Names and values for `/metrics` that only the enabler knows: PNs by state, sessions, open challenges, outbox messages. */
  gauges(): Readonly<Record<string, number>>;
}
