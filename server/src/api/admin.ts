import { setImmediate as turn } from 'node:timers/promises';
import {
  type Clock,
  CpnsError,
  type CryptoProvider,
  type EntityId,
  encodeEnrolment,
  type PnId,
  type ServerId,
  type SgId,
  type UserId,
} from '@cpns/shared';
import type { Broker } from '../broker/broker.js';
import type { Database } from '../inventory/database.js';
import type { DeviceRecord } from '../inventory/devices.js';
import { type SubscriptionChange, unknownUser } from '../inventory/users.js';
import { pastItems } from '../inventory/watch-feed.js';
import type { EuKeyStore } from '../keys/eukey-store.js';
import type {
  Admin,
  ChargingFilter,
  ChargingPage,
  DeviceView,
  Enrolment,
  GatewayView,
  GroupView,
  NewDevice,
  NewUser,
  OutgoingData,
  PnView,
  SendResult,
  UserView,
  WatchFilter,
  WatchItem,
} from './admin-port.js';
import { chargingView, deviceView, gatewayView, groupView, noDevice, noGroup, noPn, pnsOf, pnView, userView } from './admin-views.js';
import type { EnablerControl } from './enabler-control.js';
import { InventoryPolicies } from './policies.js';

/** What `to` of a watched message is when the server itself is meant; no device may be called that. */
const RESERVED_ID = 'server';
/** Views made before others get a turn. */
const VIEWS_AT_ONCE = 200;
/** Charging events in one answer. */
const CHARGING_PAGE = 1_000;

export interface AdminOptions {
  readonly inventory: Database;
  readonly keys: Pick<EuKeyStore, 'create'>;
  readonly enabler: EnablerControl;
  readonly broker: Pick<Broker, 'connected'>;
  readonly provider: CryptoProvider;
  readonly clock: Pick<Clock, 'wallMs'>;
  readonly serverId: ServerId;
  /** Where devices will look for this server, `HOST:PORT`. */
  readonly publicAddress: () => string;
}

/** The operator's side of the server, over the inventory and the enabler. */
export class InventoryAdmin implements Admin {
  readonly #options: AdminOptions;
  readonly policies: InventoryPolicies;

  constructor(options: AdminOptions) {
    this.#options = options;
    this.policies = new InventoryPolicies(options);
  }

  async addUser({ userId, services, chargeable }: NewUser): Promise<UserView> {
    const { inventory } = this.#options;
    const user = await inventory.transact((tx) => {
      tx.events.add({ event: 'user-added', text: `User "${userId}" was added.` });
      return tx.users.add(userId, { services, chargeable });
    });
    return userView(inventory.reads, user);
  }

  async changeUser(userId: UserId, change: SubscriptionChange): Promise<UserView> {
    const { inventory, enabler } = this.#options;
    const changed = await inventory.transact((tx) => {
      const before = JSON.stringify(tx.users.find(userId)?.subscription);
      const { subscription } = tx.users.changeSubscription(userId, change);
      if (before === JSON.stringify(subscription)) return false;
      const services = subscription.services.join(', ') || 'none';
      const text = `The subscription of user "${userId}" is: services ${services}, ${subscription.chargeable ? '' : 'not '}chargeable.`;
      tx.events.add({ event: 'subscription-changed', text });
      return true;
    });
    if (changed) await enabler.renewConnections(userId);
    const user = inventory.reads.users.find(userId);
    if (user === undefined) throw unknownUser(userId);
    return userView(inventory.reads, user);
  }

  async listUsers(): Promise<readonly UserView[]> {
    const { reads } = this.#options.inventory;
    return inTurns(reads.users.list(), (user) => userView(reads, user));
  }

  async removeUser(userId: UserId): Promise<void> {
    await this.#options.enabler.removeUser(userId);
  }

  async addDevice({ entityId, userId }: NewDevice): Promise<Enrolment> {
    const { inventory, keys, provider, serverId } = this.#options;
    if (entityId === RESERVED_ID) throw new CpnsError('Config', 'BadId', `"${RESERVED_ID}" is not a device: choose another name.`);
    const { euKey, row } = keys.create(entityId);
    try {
      const subscription = await inventory.transact((tx) => {
        tx.devices.add(entityId, userId);
        tx.keys.addEuKey(row);
        tx.events.add({ event: 'device-added', text: `Device "${entityId}" of "${userId}" was added.`, entityId });
        return tx.users.find(userId)?.subscription;
      });
      if (subscription === undefined) throw new CpnsError('Internal', 'NoSubscription', `User "${userId}" has no subscription.`);
      const address = this.#options.publicAddress();
      const code = encodeEnrolment(provider, { entityId, euKey, server: address, serverId, subscription });
      return { entityId, userId, kid: row.kid, serverId, address, code };
    } finally {
      euKey.erase();
    }
  }

  async listDevices(userId?: UserId): Promise<readonly DeviceView[]> {
    const { reads } = this.#options.inventory;
    if (userId !== undefined && reads.users.find(userId) === undefined) {
      throw unknownUser(userId);
    }
    const connected = this.#connected();
    const pns = reads.pns.participations();
    return inTurns(reads.devices.list(userId), (device) =>
      deviceView(reads, device, connected.has(device.entityId), pns.get(device.entityId) ?? []),
    );
  }

  async showDevice(entityId: EntityId): Promise<DeviceView> {
    const { reads } = this.#options.inventory;
    const device = this.#known(entityId);
    return deviceView(reads, device, this.#connected().has(entityId), pnsOf(reads, entityId));
  }

  async revokeDevice(entityId: EntityId): Promise<DeviceView> {
    await this.#options.enabler.revokeDevice(entityId);
    return this.showDevice(entityId);
  }

  async moveDevice(entityId: EntityId, userId: UserId): Promise<DeviceView> {
    await this.#options.enabler.moveDevice(entityId, userId);
    return this.showDevice(entityId);
  }

  async listGateways(): Promise<readonly GatewayView[]> {
    const { reads } = this.#options.inventory;
    const connected = this.#connected();
    return inTurns(reads.devices.gateways(), (device) => gatewayView(reads, device, connected.has(device.entityId)));
  }

  async listPns(): Promise<readonly PnView[]> {
    const { reads } = this.#options.inventory;
    return inTurns(reads.pns.list(), (pn) => pnView(reads, pn));
  }

  async showPn(pnId: PnId): Promise<PnView> {
    const { reads } = this.#options.inventory;
    const pn = reads.pns.find(pnId);
    if (pn === undefined) throw noPn(pnId);
    return pnView(reads, pn);
  }

  async removePn(pnId: PnId): Promise<void> {
    await this.showPn(pnId);
    await this.#options.enabler.removePn(pnId);
  }

  async listGroups(): Promise<readonly GroupView[]> {
    const { inventory, enabler } = this.#options;
    return inTurns(inventory.reads.groups.list(), (group) => groupView(inventory.reads, group, enabler.isRekeying(group.sgId)));
  }

  async showGroup(sgId: SgId): Promise<GroupView> {
    const { inventory, enabler } = this.#options;
    const group = inventory.reads.groups.find(sgId);
    if (group === undefined) throw noGroup(sgId);
    return groupView(inventory.reads, group, enabler.isRekeying(sgId));
  }

  async removeGroup(sgId: SgId): Promise<void> {
    await this.showGroup(sgId);
    await this.#options.enabler.removeGroup(sgId);
  }

  async charging({ since, after = 0 }: ChargingFilter): Promise<ChargingPage> {
    const { reads } = this.#options.inventory;
    const events = reads.charging.page(since === undefined ? 0 : Date.parse(since), after, CHARGING_PAGE);
    const last = events.length === CHARGING_PAGE ? events.at(-1) : undefined;
    return { events: events.map(chargingView), ...(last && { next: last.id }) };
  }

  async sendData(data: OutgoingData, waitMs: number): Promise<SendResult> {
    if (this.#known(data.to).state === 'revoked') {
      throw new CpnsError('State', 'DeviceRevoked', `Device "${data.to}" is revoked: nothing can be sent to it.`);
    }
    return this.#options.enabler.sendData(data, waitMs);
  }

  watch(filter: WatchFilter, listener: (item: WatchItem) => void): () => void {
    const { reads, feed } = this.#options.inventory;
    for (const item of pastItems(reads, filter)) listener(item);
    return feed.watch(filter, listener);
  }

  gauges(): Readonly<Record<string, number>> {
    const { inventory, enabler } = this.#options;
    const pns = inventory.reads.pns.countByState();
    const outbox = inventory.reads.outbox.total();
    return {
      pns_established: pns.Established,
      pns_suspended: pns.Suspended,
      groups: inventory.reads.groups.count(),
      outbox_messages: outbox.messages,
      outbox_octets: outbox.octets,
      ...enabler.gauges(),
      database_transactions: inventory.counts.transactions,
      database_commits: inventory.counts.commits,
    };
  }

  #known(entityId: EntityId): DeviceRecord {
    const device = this.#options.inventory.reads.devices.find(entityId);
    if (device === undefined) throw noDevice(entityId);
    return device;
  }

  #connected(): ReadonlySet<EntityId> {
    return new Set(this.#options.broker.connected());
  }
}

/** Maps without holding everybody else up when there is much to map. */
async function inTurns<T, R>(items: readonly T[], map: (item: T) => R): Promise<readonly R[]> {
  const mapped: R[] = [];
  for (const item of items) {
    mapped.push(map(item));
    if (mapped.length % VIEWS_AT_ONCE === 0) await turn();
  }
  return mapped;
}
