import { type EntityId, entityId, keyId, type PnId, type SgId, userId } from '@cpns/shared';
import { PneState } from '@cpns/shared/messages';
import { toHex } from '@cpns/shared/security';
import BetterSqlite3 from 'better-sqlite3';
import { expect, it, vi } from 'vitest';
import type { Tx } from '../../src/inventory/database.js';
import { alice, octets, testDatabase, testDirectory } from './fixture.js';
import { limits } from './limits.js';

const DEVICES = 10_000;
const MEMBERS_PER_PN = 9;

/** Statements that read a whole table because the question is about all of it. */
const OF_EVERYTHING = [
  /^select .* from "(users|devices|pns|events)" .*order by/,
  /^select "state", count\(\*\)/,
  /sum\(size\).* FROM outbox$/,
  /^SELECT gateway AS entity_id, pn_id FROM pns UNION ALL/,
  /^SELECT DISTINCT entity_id FROM outbox$/,
  /FROM sqlite_schema/,
  /^select .* from "sgs" order by/,
  /^SELECT count\(\*\) AS count FROM sgs$/,
  /^UPDATE (sgs|sg_nodes) SET [a-z, =+?]*$/,
];

const device = (i: number): EntityId => entityId(`device-${i}`);
const pn = (i: number): PnId => toHex(numbered(16, i)) as PnId;

function numbered(length: number, i: number): Uint8Array {
  const id = octets(length, 0);
  new DataView(id.buffer).setUint32(0, i + 1);
  return id;
}

function fill(tx: Tx): void {
  tx.users.add(alice, { services: ['pn-gw'], chargeable: true });
  for (let i = 0; i < DEVICES; i++) {
    tx.devices.add(device(i), alice);
    tx.keys.addEuKey({ kid: keyId(i.toString(16).padStart(16, '0')), entityId: device(i), sealed: octets(48), active: true });
    tx.inbox.file({
      key: { sender: device(i), actedFor: '', transaction: numbered(16, i) },
      digest: octets(32),
      answer: octets(100),
      randPnes: [numbered(32, i)],
    });
    tx.outbox.add({ to: device(i), pnId: undefined, number: 103, transaction: numbered(16, i), octets: octets(50) });
    tx.receivedData.store({
      from: device(i),
      messageId: numbered(16, i),
      channel: 'c',
      contentType: 'x/y',
      payload: octets(20),
    });
  }
  for (let gateway = 0; gateway + MEMBERS_PER_PN < DEVICES; gateway += MEMBERS_PER_PN + 1) {
    tx.pns.create({
      pnId: pn(gateway),
      gateway: device(gateway),
      initiator: device(gateway + 1),
      shareMembers: true,
      sealedKey: octets(48),
      members: Array.from({ length: MEMBERS_PER_PN }, (_, i) => ({
        entityId: device(gateway + 1 + i),
        contents: undefined,
        state: PneState.Member,
      })),
    });
  }
}

const GROUPS = 500;
const MEMBERS_PER_GROUP = 8;
const sg = (i: number): SgId => toHex(numbered(16, 50_000 + i)) as SgId;

function fillGroups(tx: Tx): void {
  for (let i = 0; i < GROUPS; i++) {
    const objects = [{ id: 'o', name: 'Object', type: 't', holder: device(i + 1) }];
    const owner = device(i + 1);
    tx.groups.create({ sgId: sg(i), name: `group ${i}`, owner, ownerUser: alice, serviceId: undefined, open: i % 9 === 0, objects });
    const nodes = tx.groups.nodes(sg(i));
    const add = Array.from({ length: MEMBERS_PER_GROUP }, (_, k) => {
      nodes.put(k, { version: 1, sealed: octets(48) });
      return { entityId: device(i + k + 1), pnId: undefined, gateway: device(i + k + 1), leaf: k };
    });
    tx.groups.change(sg(i), { add, remove: [], epoch: 1 });
  }
}

function useGroups(tx: Tx): void {
  const { groups } = tx;
  groups.list();
  groups.count();
  groups.members(sg(1));
  groups.firstMembers(sg(1), 3);
  groups.member(sg(1), device(2));
  groups.membersBehind(sg(1), device(2));
  groups.ofMember(device(2));
  groups.through(pn(10), device(11));
  groups.through(pn(10));
  groups.gateways(sg(1));
  groups.ofUser(alice);
  groups.openOnes(10);
  groups.ownerless();
  groups.keyedOutside(0, 1);
  groups.objects(sg(1));
  const { kept } = tx;
  for (const epoch of [1, 2]) {
    const message = { place: kept.nextPlace(), sgId: sg(1), epoch, message: octets(50), headerOctets: 10, receivedMs: 0 };
    kept.keep({ ...message, members: [device(2), device(3)] });
    kept.putKeyAside(sg(1), epoch, octets(48));
  }
  kept.next(sg(1), device(2), 10, 1_000);
  kept.formerKey(sg(1), 1);
  kept.count(sg(1));
  kept.delivered(sg(1), device(2), [1], 1);
  const nodes = groups.nodes(sg(1));
  nodes.put(3, { version: 2, sealed: undefined });
  nodes.get(3);
  nodes.lowestFreeLeaf();
  nodes.setHeight(2);
  groups.change(sg(1), { add: [], remove: [device(2)], epoch: 2 });
  groups.rekeyed(sg(1), 3);
  groups.shutOut(sg(1), [device(2)]);
  groups.isShutOut(sg(1), device(2));
  groups.setOwner(sg(1), undefined);
  groups.remove(sg(1));
  groups.raiseAll(1, 1);
}

/** Calls everything that runs a statement. */
function useEverything(tx: Tx): void {
  const key = { sender: device(5), actedFor: '' as const, transaction: numbered(16, 5) };
  useGroups(tx);
  tx.users.find(alice);
  tx.users.list();
  tx.users.add(userId('bob'), { services: [], chargeable: true });
  tx.users.changeSubscription(userId('bob'), { chargeable: false });
  tx.users.setPolicy(userId('bob'), { guests: 'never' });
  const invitation = { device: device(3), user: undefined, pnId: pn(10), untilMs: undefined };
  tx.invitations.open(userId('bob'), invitation);
  tx.invitations.welcomes(userId('bob'), { entityId: device(3), userId: alice }, pn(10));
  tx.invitations.withdraw(userId('bob'), invitation);
  tx.invitations.forget(device(3));
  tx.devices.move(device(9_998), userId('bob'));
  tx.devices.move(device(9_998), alice);
  tx.users.remove(userId('bob'));
  tx.devices.list(alice);
  tx.devices.list();
  tx.devices.gateways();
  tx.pns.participations();
  tx.devices.countActive(alice);
  tx.devices.revoke(device(9_999));
  tx.devices.add(device(9_999), alice);
  tx.devices.registered(device(1), octets(30));
  tx.devices.report(device(1), octets(30));
  tx.devices.seen(device(1));
  tx.devices.authenticated(device(1));
  tx.keys.euKeyByKid(keyId('0000000000000001'));
  tx.keys.activeEuKey(device(1));
  tx.keys.deactivateEuKeys(device(1));
  tx.keys.serverIdentity();
  tx.charging.page(0, 0, 10);
  tx.pns.list();
  tx.pns.countByState();
  tx.pns.members(pn(10));
  tx.pns.member(pn(10), device(11));
  tx.pns.ofGateway(device(10));
  tx.pns.ofMember(device(11));
  tx.pns.unconfirmedLongerThan(0);
  tx.pns.isPending(pn(10), device(22));
  tx.pns.addPending(pn(10), [device(22)]);
  tx.pns.removePending(pn(10), device(23));
  tx.pns.removePendingOf(device(23));
  tx.pns.dropPending(0);
  tx.pns.addMembers(pn(10), [{ entityId: device(24), contents: undefined }], octets(48));
  tx.pns.setContents(pn(10), device(21), octets(8));
  tx.pns.authenticated(pn(10), device(21));
  tx.pns.requireRoom(device(10));
  tx.pns.setMemberState(pn(10), device(11), PneState.Member);
  tx.pns.removeMembers(pn(10), [device(21)], octets(48));
  tx.pns.suspend(pn(10), octets(48));
  tx.pns.resume(pn(10));
  tx.pns.raiseAll(1, () => octets(48));
  tx.pns.remove(pn(10));
  tx.inbox.look(key, octets(32));
  tx.inbox.randSeen(octets(32), key);
  tx.records.admit({ sid: octets(8), inst: octets(8), seq: 1n });
  tx.records.forget(octets(8));
  tx.outbox.waiting(device(1), 10);
  tx.outbox.find(device(1), numbered(16, 1));
  tx.outbox.expired();
  tx.outbox.total();
  const supersedes = {
    to: device(1),
    pnId: pn(20),
    number: 103,
    transaction: octets(16),
    octets: octets(5),
    supersedes: true,
  };
  tx.outbox.add(supersedes);
  tx.outbox.remove(1);
  tx.outbox.removeFor(device(1), pn(20));
  tx.outbox.removeFor(device(1));
  tx.receivedData.latest(10);
  tx.events.add({ event: 'test', text: 'Test.' });
  tx.events.latest(10);
}

it('uses an index for every statement but those about everything', async () => {
  const prepare = vi.spyOn(BetterSqlite3.prototype, 'prepare');
  const path = `${testDirectory()}/plans.db`;
  const few = { groupKeptMessagesPerGroup: 1, groupKeptMessagesPerMember: 1 };
  const { db, clock } = testDatabase({ path, limits: { ...limits, ...few } });
  await db.transact(fill);
  await db.transact(fillGroups);
  await db.transact(useEverything);
  await clock.advance(31_000);
  await db.close();
  const statements = new Set(prepare.mock.calls.map(([sql]) => sql).filter((sql) => /^\s*(select|update|delete|insert)/i.test(sql)));
  prepare.mockRestore();
  expect(statements.size).toBeGreaterThan(60);

  const sqlite = new BetterSqlite3(path);
  const scanning = [...statements].filter((sql) => {
    if (OF_EVERYTHING.some((pattern) => pattern.test(sql))) return false;
    const values = new Array((sql.match(/\?/g) ?? []).length).fill(null);
    const plan = sqlite.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values) as { detail: string }[];
    return plan.some(
      ({ detail }) =>
        /\bSCAN (?!json_each|\(|CONSTANT|devices USING INDEX devices_gateways|sgs USING INDEX sgs_open)/.test(detail) &&
        !/ORDER BY id (DESC )?LIMIT/.test(sql),
    );
  });
  sqlite.close();
  expect(scanning).toEqual([]);
}, 60_000);

it('commits a registration of 32 PNEs in a database of 10,000 devices within a blink', async () => {
  const { db } = testDatabase({ path: `${testDirectory()}/large.db` });
  await db.transact(fill);
  const began = performance.now();
  await db.transact((tx) => {
    tx.pns.create({
      pnId: pn(100_000),
      gateway: device(5_000),
      initiator: device(1),
      shareMembers: true,
      sealedKey: octets(48),
      members: Array.from({ length: 32 }, (_, i) => ({ entityId: device(i), contents: undefined })),
    });
  });
  expect(performance.now() - began).toBeLessThan(250);
}, 60_000);
