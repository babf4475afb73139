import { CpnsError, type EntityId, type PnId, serverId, type UserId } from '@cpns/shared';
import type {
  Admin,
  DeviceView,
  Enrolment,
  GatewayView,
  NewDevice,
  NewUser,
  OutgoingData,
  PnView,
  SendResult,
  UserView,
  WatchFilter,
  WatchItem,
} from '../../src/api/admin-port.js';

/** An enabler of a test: users and devices in memory, and whatever the test says about PNs. */
export class FakeAdmin implements Admin {
  readonly users = new Map<UserId, UserView>();
  readonly devices = new Map<EntityId, DeviceView>();
  pns: PnView[] = [];
  readonly sent: { readonly data: OutgoingData; readonly waitMs: number }[] = [];
  sendResult: SendResult = { messageId: '00112233445566778899aabbccddeeff', state: 'delivered' };
  past: WatchItem[] = [];
  readonly watchers = new Map<(item: WatchItem) => void, WatchFilter>();
  #watcherChange: (() => void)[] = [];
  failure: Error | undefined;

  async addUser({ userId, services, chargeable }: NewUser): Promise<UserView> {
    if (this.users.has(userId)) throw new CpnsError('State', 'DuplicateUser', `There is a user "${userId}" already.`);
    const user = { userId, subscription: { subscriptionId: 'sub-1', userId, services, chargeable }, devices: 0 };
    this.users.set(userId, user);
    return user;
  }
  async listUsers(): Promise<readonly UserView[]> {
    if (this.failure !== undefined) throw this.failure;
    return [...this.users.values()];
  }
  async removeUser(userId: UserId): Promise<void> {
    if (!this.users.delete(userId)) throw new CpnsError('State', 'UnknownUser', `There is no user "${userId}".`);
  }
  async addDevice({ entityId, userId }: NewDevice): Promise<Enrolment> {
    if (!this.users.has(userId)) throw new CpnsError('State', 'UnknownUser', `There is no user "${userId}".`);
    if (this.devices.has(entityId)) throw new CpnsError('State', 'DuplicateDevice', `There is a device "${entityId}" already.`);
    const kid = '0011223344556677';
    this.devices.set(entityId, { entityId, userId, kid, state: 'enrolled', connected: false, pns: [] });
    return {
      entityId,
      userId,
      kid,
      serverId: serverId('cpns-home'),
      address: '192.0.2.1:8883',
      code: `CPNS1-CODE0F${entityId.toUpperCase()}`,
    };
  }
  async listDevices(userId?: UserId): Promise<readonly DeviceView[]> {
    return [...this.devices.values()].filter((device) => userId === undefined || device.userId === userId);
  }
  async showDevice(entityId: EntityId): Promise<DeviceView> {
    const device = this.devices.get(entityId);
    if (device === undefined) throw new CpnsError('State', 'UnknownDevice', `There is no device "${entityId}".`);
    return device;
  }
  async revokeDevice(entityId: EntityId): Promise<DeviceView> {
    const device = { ...(await this.showDevice(entityId)), state: 'revoked' as const };
    this.devices.set(entityId, device);
    return device;
  }
  async listGateways(): Promise<readonly GatewayView[]> {
    return this.pns.map(({ gateway, pnId }) => ({ entityId: gateway, userId: 'ann' as UserId, connected: true, pns: [pnId] }));
  }
  async listPns(): Promise<readonly PnView[]> {
    return this.pns;
  }
  async showPn(pnId: PnId): Promise<PnView> {
    const pn = this.pns.find((candidate) => candidate.pnId === pnId);
    if (pn === undefined) throw new CpnsError('State', 'UnknownPn', `There is no PN ${pnId}.`);
    return pn;
  }
  async sendData(data: OutgoingData, waitMs: number): Promise<SendResult> {
    this.sent.push({ data, waitMs });
    await this.showDevice(data.to);
    return this.sendResult;
  }
  watch(filter: WatchFilter, listener: (item: WatchItem) => void): () => void {
    if (filter.past !== undefined) for (const item of this.past) listener(item);
    this.watchers.set(listener, filter);
    this.#changed();
    return () => {
      this.watchers.delete(listener);
      this.#changed();
    };
  }
  gauges(): Readonly<Record<string, number>> {
    return { pns_established: this.pns.length };
  }

  emit(item: WatchItem): void {
    for (const listener of this.watchers.keys()) listener(item);
  }
  async untilWatchers(count: number): Promise<void> {
    while (this.watchers.size !== count) await new Promise<void>((resolve) => this.#watcherChange.push(resolve));
  }
  #changed(): void {
    for (const listener of this.#watcherChange.splice(0)) listener();
  }
}
