import type { CpnsId, EntityId, KeyId, ServerId, UserId } from '@cpns/shared';
import type { PneState } from '@cpns/shared/messages';
import type { Generated } from 'kysely';
import type { MemberState, PnState } from './pn-inventory.js';
import type { ChargePolicy, GuestPolicy } from './users.js';

/*
 * The tables as kysely sees them; their definition is in migrations.ts. `..._ms` are milliseconds since 1970, for display;
 * `..._running` are milliseconds of running time (running-time.ts), for ages. Truth values are 0 and 1. PN IDs are raw octets.
 */

interface UserRow {
  user_id: UserId;
  added_ms: number;
  guests: Generated<GuestPolicy>;
  charge_elsewhere: Generated<ChargePolicy>;
}

interface SubscriptionRow {
  subscription_id: string;
  user_id: UserId;
  /** JSON list of text. */
  services: string;
  chargeable: number;
}

export interface DeviceRow {
  id: Generated<number>;
  entity_id: EntityId;
  user_id: UserId;
  revoked: number;
  cpns_id: CpnsId | null;
  capabilities: Uint8Array | null;
  last_seen_ms: number | null;
  authenticated_ms: number | null;
  added_ms: number;
}

export interface EuKeyTableRow {
  kid: KeyId;
  entity_id: EntityId;
  sealed: Uint8Array;
  active: number;
}

export interface ServerIdentityTableRow {
  id: number;
  server_id: ServerId;
  signing_key_id: number;
  sealed_seed: Uint8Array;
}

export interface PnRow {
  pn_id: Uint8Array;
  gateway: EntityId;
  initiator: EntityId;
  state: PnState;
  share_members: number;
  version: number;
  key_epoch: number;
  sealed_key: Uint8Array;
  created_ms: number;
}

export interface PnMemberRow {
  pn_id: Uint8Array;
  entity_id: EntityId;
  state: MemberState | typeof PneState.Challenged;
  contents: Uint8Array | null;
  authenticated_ms: number;
  authenticated_running: number;
}

export interface InboxRow {
  id: Generated<number>;
  sender: EntityId;
  acted_for: EntityId | '';
  txn: Uint8Array;
  digest: Uint8Array;
  answer: Uint8Array;
  filed_running: number;
}

export interface OutboxRow {
  id: Generated<number>;
  entity_id: EntityId;
  pn_id: Uint8Array | null;
  number: number;
  topic: Uint8Array | null;
  txn: Uint8Array;
  octets: Uint8Array;
  size: number;
  created_running: number;
}

export interface ReceivedDataRow {
  id: Generated<number>;
  sender: EntityId;
  message_id: Uint8Array;
  channel: string;
  content_type: string;
  payload: Uint8Array;
  received_ms: number;
  received_running: number;
}

export interface EventRow {
  id: Generated<number>;
  event: string;
  text: string;
  entity_id: EntityId | null;
  pn_id: Uint8Array | null;
  at_ms: number;
}

export interface ChargingRow {
  id: Generated<number>;
  at_ms: number;
  pne: EntityId;
  user_id: UserId;
  subscription_id: string;
  pn_id: Uint8Array;
  gateway: EntityId;
  gateway_user: UserId;
  service: string;
  result: string;
}

export interface SgRow {
  id: Generated<number>;
  sg_id: Uint8Array;
  name: string;
  owner: EntityId | null;
  owner_user: UserId;
  service_id: string | null;
  open: number;
  epoch: number;
  version: number;
  height: number;
  member_count: number;
  keyed_ms: number;
  created_ms: number;
}

export interface SgMemberRow {
  sg: number;
  leaf: number;
  entity_id: EntityId;
  pn_id: Uint8Array | null;
  gateway: EntityId;
  joined_ms: number;
  joined_epoch: number;
}

export interface Tables {
  users: UserRow;
  subscriptions: SubscriptionRow;
  devices: DeviceRow;
  eukeys: EuKeyTableRow;
  server_identity: ServerIdentityTableRow;
  pns: PnRow;
  pn_members: PnMemberRow;
  inbox: InboxRow;
  outbox: OutboxRow;
  received_data: ReceivedDataRow;
  events: EventRow;
  charging: ChargingRow;
  sgs: SgRow;
  sg_members: SgMemberRow;
}
