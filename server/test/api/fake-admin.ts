import { CpnsError, type EntityId, type PnId, type SgId, serverId, type UserId } from '@cpns/shared';
import type {
  Admin,
  ChargingEventView,
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
} from '../../src/api/admin-port.js';
import type { InvitationView, Policies, PolicyView } from '../../src/api/policy-port.js';
import type { PolicyChange, SubscriptionChange } from '../../src/inventory/users.js';

const POLICY = { guests: 'ask', chargeElsewhere: 'ask' } as const;

/** Policies of whatever users a test names. */
class FakePolicies implements Policies {
  readonly #kept = new Map<UserId, PolicyView>();

  async show(userId: UserId): Promise<PolicyView> {
    return this.#kept.get(userId) ?? { userId, ...POLICY, invitations: [] };
  }
  async set(userId: UserId, { guests, chargeElsewhere }: PolicyChange): Promise<PolicyView> {
    const before = await this.show(userId);
    return this.#keep({ ...before, guests: guests ?? before.guests, chargeElsewhere: chargeElsewhere ?? before.chargeElsewhere });
  }
  async allow(userId: UserId, invitation: InvitationView): Promise<PolicyView> {
    const before = await this.show(userId);
    return this.#keep({ ...before, invitations: [...before.invitations, invitation] });
  }
  async forbid(userId: UserId, { device, user, pnId }: InvitationView): Promise<PolicyView> {
    const before = await this.show(userId);
    const same = (other: InvitationView) => other.device === device && other.user === user && other.pnId === pnId;
    if (!before.invitations.some(same)) throw new CpnsError('State', 'UnknownInvitation', `"${userId}" has no such open invitation.`);
    return this.#keep({ ...before, invitations: before.invitations.filter((other) => !same(other)) });
  }
  #keep(policy: PolicyView): PolicyView {
    this.#kept.set(policy.userId, policy);
    return policy;
  }
}

/** An enabler of a test: users and devices in memory, and whatever the test says about PNs. */
export class FakeAdmin implements Admin {
  readonly users = new Map<UserId, UserView>();
  readonly devices = new Map<EntityId, DeviceView>();
  pns: PnView[] = [];
  groups: GroupView[] = [];
  charges: ChargingEventView[] = [];
  readonly policies = new FakePolicies();
  readonly sent: { readonly data: OutgoingData; readonly waitMs: number }[] = [];
  sendResult: SendResult = { messageId: '00112233445566778899aabbccddeeff', state: 'delivered' };
  past: WatchItem[] = [];
  readonly watchers = new Map<(item: WatchItem) => void, WatchFilter>();
  #watcherChange: (() => void)[] = [];
  failure: Error | undefined;

  async addUser({ userId, services, chargeable }: NewUser): Promise<UserView> {
    if (this.users.has(userId)) throw new CpnsError('State', 'DuplicateUser', `There is a user "${userId}" already.`);
    const user = { userId, subscription: { subscriptionId: 'sub-1', userId, services, chargeable }, policy: POLICY, devices: 0, owns: [] };
    this.users.set(userId, user);
    return user;
  }
  async changeUser(userId: UserId, { addServices = [], removeServices = [], chargeable }: SubscriptionChange): Promise<UserView> {
    const user = this.users.get(userId);
    if (user === undefined) throw new CpnsError('State', 'UnknownUser', `There is no user "${userId}".`);
    const { subscription } = user;
    const services = [...subscription.services, ...addServices].filter((name) => !removeServices.includes(name));
    const changed = { ...user, subscription: { ...subscription, services, chargeable: chargeable ?? subscription.chargeable } };
    this.users.set(userId, changed);
    return changed;
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
  async moveDevice(entityId: EntityId, userId: UserId): Promise<DeviceView> {
    const device = { ...(await this.showDevice(entityId)), userId };
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
  async removePn(pnId: PnId): Promise<void> {
    await this.showPn(pnId);
    this.pns = this.pns.filter((pn) => pn.pnId !== pnId);
  }
  async listGroups(): Promise<readonly GroupView[]> {
    return this.groups;
  }
  async showGroup(sgId: SgId): Promise<GroupView> {
    const group = this.groups.find((candidate) => candidate.sgId === sgId);
    if (group === undefined) throw new CpnsError('State', 'UnknownSg', `There is no service group ${sgId}.`);
    return group;
  }
  async removeGroup(sgId: SgId): Promise<void> {
    await this.showGroup(sgId);
    this.groups = this.groups.filter((group) => group.sgId !== sgId);
  }
  async charging({ since = '', after = 0 }: ChargingFilter): Promise<ChargingPage> {
    const [first, ...rest] = this.charges.filter(({ id, at }) => id > after && at >= since);
    return { events: first ? [first] : [], ...(first && rest.length > 0 && { next: first.id }) };
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
