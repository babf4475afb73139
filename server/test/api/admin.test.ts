import { decodeEnrolment, type EntityId, entityId, pnId, serverId, userId } from '@cpns/shared';
import { encodeCapabilities, Mode, PneState } from '@cpns/shared/messages';
import { euKeyPrk, nobleProvider, rootFromPrk, Secret } from '@cpns/shared/security';
import { InsecureSeededEntropy } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import { InventoryAdmin } from '../../src/api/admin.js';
import type { OutgoingData } from '../../src/api/admin-port.js';
import type { EnablerControl } from '../../src/api/enabler-control.js';
import { EuKeyStore } from '../../src/keys/eukey-store.js';
import { sealerFor } from '../../src/keys/sealer.js';
import { addAlice, addHome, alice, board, home, laptop, octets, phone, testDatabase } from '../inventory/fixture.js';

function setUp() {
  const { db, clock } = testDatabase();
  const entropy = new InsecureSeededEntropy('admin');
  const sealer = sealerFor(nobleProvider, new Secret('master key', entropy.bytes(32)), 'eukey');
  const keys = new EuKeyStore({ rows: db.keys, sealer, provider: nobleProvider, entropy, cachedRoots: 10 });
  const sent: OutgoingData[] = [];
  const renewed: string[] = [];
  const enabler: EnablerControl = {
    revokeDevice: (id) => db.transact((tx) => tx.devices.revoke(id)),
    moveDevice: (id, owner) => db.transact((tx) => void tx.devices.move(id, owner)),
    renewConnections: async (id) => void renewed.push(id),
    removeUser: (id) => db.transact((tx) => tx.users.remove(id)),
    removePn: (id) => db.transact((tx) => tx.pns.remove(id)),
    removeGroup: (id) => db.transact((tx) => tx.groups.remove(id)),
    isRekeying: () => false,
    sendData: async (data) => {
      sent.push(data);
      return { messageId: '00'.repeat(16), state: 'queued' };
    },
    gauges: () => ({ sessions: 3 }),
  };
  const connected: EntityId[] = [];
  const admin = new InventoryAdmin({
    inventory: db,
    keys,
    enabler,
    broker: { connected: () => connected },
    provider: nobleProvider,
    clock,
    serverId: serverId('cpns.example.org'),
    publicAddress: () => '192.0.2.1:8883',
  });
  return { db, clock, admin, keys, sent, connected, renewed };
}

const capabilities = encodeCapabilities({
  mode: Mode.PnGw,
  mains: true,
  batteryPercent: 100,
  cores: 4,
  memoryMiB: 4096,
  networks: [],
  reachesServer: true,
  reachesServerAgeS: 1,
  panTechnologies: [],
  ui: true,
  zone: false,
  subscribed: true,
  canRoute: true,
  preference: 0,
  pairedPnes: 2,
});

describe('users', () => {
  it('are added, listed with their number of devices, and removed', async () => {
    const { admin, db } = setUp();
    const user = await admin.addUser({ userId: alice, services: ['pn-gw'], chargeable: true });
    expect(user).toEqual({
      userId: alice,
      subscription: { subscriptionId: 'alice/1', userId: alice, services: ['pn-gw'], chargeable: true },
      policy: { guests: 'ask', chargeElsewhere: 'ask' },
      devices: 0,
      owns: [],
    });
    await admin.addDevice({ entityId: phone, userId: alice });
    await expect(admin.removeUser(alice)).rejects.toMatchObject({ code: 'UserHasDevices' });
    await admin.addUser({ userId: userId('bob'), services: [], chargeable: false });
    await admin.removeUser(userId('bob'));
    expect((await admin.listUsers()).map((view) => [view.userId, view.devices])).toEqual([[alice, 1]]);
    expect(db.reads.events.latest(10).map((event) => event.event)).toEqual(['user-added', 'device-added', 'user-added']);
  });
});

describe('subscriptions', () => {
  it('are changed, with an event, and connected devices are to learn it', async () => {
    const { admin, db, renewed } = setUp();
    await admin.addUser({ userId: alice, services: ['pn-gw'], chargeable: true });
    const changed = await admin.changeUser(alice, { removeServices: ['pn-gw'], chargeable: false });
    expect(changed.subscription).toMatchObject({ services: [], chargeable: false });
    expect(db.reads.events.latest(1)).toMatchObject([
      { event: 'subscription-changed', text: expect.stringContaining('services none, not') },
    ]);
    await admin.changeUser(alice, { chargeable: false });
    expect(renewed).toEqual([alice]);
    expect(db.reads.events.latest(10)).toHaveLength(2);
    await expect(admin.changeUser(userId('bob'), {})).rejects.toMatchObject({ code: 'UnknownUser' });
  });
});

describe('enrolment', () => {
  it('gives a code that holds what the device needs, and a key that the server knows', async () => {
    const { admin, keys } = setUp();
    await admin.addUser({ userId: alice, services: ['pn-gw'], chargeable: true });
    const enrolment = await admin.addDevice({ entityId: phone, userId: alice });
    const atDevice = decodeEnrolment(nobleProvider, enrolment.code);
    expect(atDevice).toMatchObject({
      entityId: phone,
      server: '192.0.2.1:8883',
      serverId: 'cpns.example.org',
      subscription: { userId: alice, services: ['pn-gw'] },
    });
    const root = rootFromPrk(nobleProvider, euKeyPrk(nobleProvider, atDevice.euKey));
    expect(root.kid).toBe(enrolment.kid);
    expect(keys.tlsKey(phone)).toEqual(root.kTls.reveal());
    expect(await admin.showDevice(phone)).toEqual({
      entityId: phone,
      userId: alice,
      kid: enrolment.kid,
      state: 'enrolled',
      connected: false,
      pns: [],
    });
  });

  it('keeps no key of a device that could not be added', async () => {
    const { admin, keys } = setUp();
    await expect(admin.addDevice({ entityId: phone, userId: alice })).rejects.toMatchObject({ code: 'UnknownUser' });
    expect(keys.tlsKey(phone)).toBeUndefined();
    await admin.addUser({ userId: alice, services: [], chargeable: true });
    const first = await admin.addDevice({ entityId: phone, userId: alice });
    await expect(admin.addDevice({ entityId: phone, userId: alice })).rejects.toMatchObject({ code: 'DuplicateDevice' });
    expect((await admin.showDevice(phone)).kid).toBe(first.kid);
  });

  it('refuses a device called "server", which stands for the server itself', async () => {
    const { admin } = setUp();
    await admin.addUser({ userId: alice, services: [], chargeable: true });
    await expect(admin.addDevice({ entityId: entityId('server'), userId: alice })).rejects.toMatchObject({ family: 'Config' });
  });

  it('gives a revoked device that comes back a new key', async () => {
    const { admin, keys } = setUp();
    await admin.addUser({ userId: alice, services: [], chargeable: true });
    const first = await admin.addDevice({ entityId: phone, userId: alice });
    await admin.revokeDevice(phone);
    const second = await admin.addDevice({ entityId: phone, userId: alice });
    expect(second.kid).not.toBe(first.kid);
    expect(keys.byKid(first.kid as never)).toBeUndefined();
    expect((await admin.showDevice(phone)).state).toBe('enrolled');
  });
});

describe('devices, gateways and PNs', () => {
  async function network() {
    const test = setUp();
    await test.db.transact((tx) => {
      addAlice(tx);
      tx.devices.authenticated(phone);
      for (const device of [phone, laptop]) tx.devices.registered(device, capabilities);
      addHome(tx, [laptop]);
    });
    test.connected.push(phone);
    return test;
  }

  it('are shown as they are', async () => {
    const { admin, clock, db } = await network();
    const now = new Date(clock.wallMs()).toISOString();
    expect(await admin.listDevices()).toEqual([
      expect.objectContaining({ entityId: board, state: 'enrolled', connected: false, pns: [] }),
      expect.objectContaining({ entityId: laptop, state: 'active', pns: [home] }),
      expect.objectContaining({ entityId: phone, state: 'active', connected: true, mode: 'PN GW', lastSeenAt: now, pns: [home] }),
    ]);
    expect(await admin.listDevices(alice)).toHaveLength(3);
    expect(await admin.listGateways()).toEqual([{ entityId: phone, userId: alice, connected: true, authenticatedAt: now, pns: [home] }]);
    const cpnsId = db.reads.devices.find(laptop)?.cpnsId;
    const view = {
      pnId: home,
      gateway: phone,
      initiator: laptop,
      createdAt: now,
      state: 'Established',
      inventoryVersion: 1,
      keyEpoch: 1,
      members: [{ entityId: laptop, cpnsId, userId: alice, state: 'Unconfirmed', authenticatedAt: now }],
    };
    expect(await admin.listPns()).toEqual([view]);
    await db.transact((tx) => tx.pns.setMemberState(home, laptop, PneState.Member));
    expect((await admin.showPn(home)).members[0]?.state).toBe('Member');
  });

  it('are refused in one sentence when they do not exist', async () => {
    const { admin } = await network();
    await expect(admin.showDevice(entityId('nobody'))).rejects.toMatchObject({ code: 'UnknownDevice' });
    await expect(admin.listDevices(userId('nobody'))).rejects.toMatchObject({ code: 'UnknownUser' });
    await expect(admin.showPn(pnId('f'.repeat(32)))).rejects.toMatchObject({ code: 'UnknownPn' });
  });

  it('show capabilities that cannot be read as unknown', async () => {
    const { admin, db } = await network();
    await db.transact((tx) => tx.devices.report(phone, octets(20)));
    expect((await admin.showDevice(phone)).mode).toBeUndefined();
  });

  it('are counted for the metrics', async () => {
    const { admin } = await network();
    expect(admin.gauges()).toEqual({
      pns_established: 1,
      pns_suspended: 0,
      groups: 0,
      outbox_messages: 0,
      outbox_octets: 0,
      sessions: 3,
      database_transactions: expect.any(Number),
      database_commits: expect.any(Number),
    });
  });

  it('let others have their turn while a long list is made', async () => {
    const { admin, db } = await network();
    await db.transact((tx) => {
      for (let i = 0; i < 1_000; i++) tx.devices.add(entityId(`device-${i}`), alice);
    });
    let turns = 0;
    let listing = true;
    const count = () => {
      turns++;
      if (listing) setImmediate(count);
    };
    setImmediate(count);
    expect(await admin.listDevices()).toHaveLength(1_003);
    listing = false;
    expect(turns).toBeGreaterThanOrEqual(4);
  });
});

describe('sending', () => {
  const data = { channel: 'note', contentType: 'text/plain', payload: octets(3) };

  it('goes through the enabler, not to revoked or unknown devices', async () => {
    const { admin, db, sent } = setUp();
    await db.transact((tx) => {
      addAlice(tx);
      tx.devices.revoke(board);
    });
    await expect(admin.sendData({ to: laptop, ...data }, 100)).resolves.toMatchObject({ state: 'queued' });
    await expect(admin.sendData({ to: board, ...data }, 100)).rejects.toMatchObject({ code: 'DeviceRevoked' });
    await expect(admin.sendData({ to: entityId('nobody'), ...data }, 100)).rejects.toMatchObject({ code: 'UnknownDevice' });
    expect(sent.map((message) => message.to)).toEqual([laptop]);
  });
});
