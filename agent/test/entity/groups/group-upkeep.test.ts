import { CpnsError, entityId, refused } from '@cpns/shared';
import {
  groupKeyResyncRequest,
  ResyncReason,
  Status,
  sgDiscoveryRequest,
  sgMemberChangeNotification,
  sgReleaseNotification,
} from '@cpns/shared/messages';
import { MemoryStore } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import { DeviceState } from '../../../src/entity/device-state.js';
import { GroupBook } from '../../../src/entity/groups/group-book.js';
import { bareGroup } from '../../../src/entity/groups/group-requests.js';
import { board, heartbeatOf, member, message, phone } from '../../support/group-members.js';
import { PN, PN_ID, SG, SG_ID } from '../../support/member-rig.js';

describe('a device that heard of newer keys', () => {
  it('waits for the newest that it heard of, not for the one it heard of last', async () => {
    const rig = await member();
    const [second, third] = [rig.group.rotate(), rig.group.rotate()];
    rig.connected = false;
    for (const epoch of [2n, 3n, 2n]) rig.groups.heartbeat(PN_ID, heartbeatOf(epoch));
    await rig.rekey(second);
    expect(rig.groups.find(SG_ID)).toMatchObject({ epoch: 2n, isBehind: true });
    await rig.rekey(third);
    expect(rig.groups.find(SG_ID)).toMatchObject({ epoch: 3n, isBehind: false });
  });

  it('says once that its state may be old, however often it hears of that epoch', async () => {
    const before = await member();
    before.group.rotate();
    const rig = before.restart();
    rig.connected = false;
    for (let i = 0; i < 2; i++) rig.groups.heartbeat(PN_ID, heartbeatOf(2n));
    rig.connected = true;
    rig.groups.reachable(PN_ID);
    await rig.clock.advance(0);
    const asked = rig.asked.filter(({ type }) => type.number === groupKeyResyncRequest.number);
    expect(asked.map(({ body }) => body)).toMatchObject([{ reason: ResyncReason.Restored }]);
  });

  it('asks for nothing once it has them', async () => {
    const rig = await member();
    const parts = rig.group.rotate();
    rig.connected = false;
    rig.groups.heartbeat(PN_ID, heartbeatOf(2n));
    await rig.rekey(parts);
    rig.connected = true;
    rig.groups.reachable(PN_ID);
    await rig.clock.advance(60_000);
    expect(rig.count(groupKeyResyncRequest)).toBe(1);
  });

  it('is not behind while it does not know of a newer one', async () => {
    const rig = await member();
    rig.connected = false;
    rig.groups.heartbeat(PN_ID, heartbeatOf(undefined));
    expect(rig.groups.find(SG_ID)).toMatchObject({ isBehind: false });
  });

  it('goes on sending under the key that it has when only its path is new', async () => {
    const rig = await member();
    rig.groups.send(SG_ID, message('board', 'one'));
    const { releases } = rig;
    rig.groups.heartbeat(PN_ID, heartbeatOf(undefined));
    await rig.clock.advance(0);
    expect(rig.count(groupKeyResyncRequest)).toBe(2);
    expect(rig.releases).toBe(releases);
    expect(rig.groups.heartbeat(PN_ID, heartbeatOf(1n))).toMatchObject([{ epoch: 1, sent: 1 }]);
  });
});

describe('a resync that does not succeed', () => {
  /** How often it is asked for within that time after the first refusal. */
  async function askedWithin(ms: number, error: CpnsError): Promise<number> {
    const rig = await member();
    rig.group.resync = () => {
      throw error;
    };
    rig.group.rotate();
    rig.groups.heartbeat(PN_ID, heartbeatOf(2n));
    await rig.clock.advance(ms);
    return rig.count(groupKeyResyncRequest) - 2;
  }

  it('is tried again soon, after 10 s where the server has too much to do, and when the server says so', async () => {
    expect(await askedWithin(9_900, refused(Status.ServerError, 'That'))).toBeGreaterThan(0);
    expect(await askedWithin(9_900, refused(Status.Busy, 'That'))).toBe(0);
    expect(await askedWithin(20_000, refused(Status.Busy, 'That'))).toBeGreaterThan(0);
    const later = () => new CpnsError('State', 'Refused', 'Later.', { status: Status.Busy, retryAfterMs: 60_000 });
    expect(await askedWithin(59_900, later())).toBe(0);
    expect(await askedWithin(70_000, later())).toBeGreaterThan(0);
  });

  it('leaves no keys of a group that ended meanwhile', async () => {
    const rig = await member();
    rig.group.rotate();
    const { resync } = rig.group;
    rig.group.resync = (name) => {
      void rig.serve(sgReleaseNotification, { sgId: SG }).catch(() => {});
      return resync.call(rig.group, name);
    };
    rig.groups.heartbeat(PN_ID, heartbeatOf(2n));
    await rig.clock.advance(0);
    expect(rig.groups.list()).toEqual([]);
    expect(rig.state.keys('sg')).toEqual([]);
  });
});

it('a copy of the SG Inventory that does not come is not asked for over and over', async () => {
  const rig = await member();
  rig.found = { status: Status.Success, groups: [] };
  const before = rig.count(sgDiscoveryRequest);
  rig.groups.reachable(PN_ID);
  await rig.clock.advance(60_000);
  expect(rig.count(sgDiscoveryRequest) - before).toBe(1);
  expect(rig.groups.list()).toHaveLength(1);
});

it('a copy of the SG Inventory is looked at once after each start', async () => {
  const rig = await member();
  rig.group.info = { ...rig.group.info, memberCount: 1 };
  await rig.serve(sgMemberChangeNotification, { sgId: SG, owner: phone, add: [board], remove: [] });
  await rig.clock.advance(0);
  const again = rig.restart();
  for (let times = 0; times < 2; times++) {
    again.groups.reachable(PN_ID);
    await again.clock.advance(0);
    expect(again.count(sgDiscoveryRequest)).toBe(1);
  }
});

it('a copy of the SG Inventory that comes when the group has ended is not kept', async () => {
  const rig = await member();
  const found = { status: Status.Success, groups: [rig.group.info] };
  Object.defineProperty(rig, 'found', {
    get: () => {
      void rig.serve(sgReleaseNotification, { sgId: SG }).catch(() => {});
      return found;
    },
  });
  await rig.serve(sgMemberChangeNotification, { sgId: SG, owner: phone, add: [board], remove: [] });
  await rig.clock.advance(0);
  expect(rig.groups.list()).toEqual([]);
  expect(rig.logger.lines.filter(({ message }) => message.includes('brought up to date'))).toEqual([]);
});

it('people hear of what others share and withdraw, from the first copy on, and once', async () => {
  const rig = await member();
  const laptop = entityId('laptop');
  const object = (id: string, holder = phone) => ({ id: id.repeat(64), name: id, type: 'x', holder });
  const list = async (...objects: ReturnType<typeof object>[]) => {
    rig.group.info = { ...rig.group.info, memberCount: 3, objects };
    await rig.serve(sgMemberChangeNotification, { sgId: SG, owner: phone, add: [board], remove: [] });
    await rig.clock.advance(0);
    return rig.happenings.flatMap(({ type, text }) => (type === 'group-objects' ? [text] : []));
  };
  expect(await list(object('a'))).toEqual([]);
  const told = await list(object('a', laptop), object('b'));
  expect(told).toEqual(['Service group kitchen: laptop shares "a", phone shares "b", "a" of phone is not shared any more.']);
  expect(await list(object('a', laptop), object('b'))).toEqual(told);
});

it('a group is of a wish of which the answer was lost when its name, its PN and what is shared in it fit', async () => {
  const book = new GroupBook(new DeviceState(new MemoryStore()));
  await book.wish('a', { name: 'kitchen', pnId: PN, shared: ['one', 'two'], askedWallMs: 0 });
  const record = { ...bareGroup(SG_ID, PN_ID), name: 'kitchen' };
  expect(book.wishFor(record, ['one'])).toMatchObject({ key: 'a' });
  expect(book.wishFor(record, [])).toBeUndefined();
  expect(book.wishFor(record, ['one', 'three'])).toBeUndefined();
  expect(book.wishFor({ ...record, name: 'garden' }, ['one'])).toBeUndefined();
  expect(book.wishFor({ ...bareGroup(SG_ID, undefined), name: 'kitchen' }, ['one'])).toBeUndefined();
});

it('a device is in 64 groups at most, and what it knows of those may change', async () => {
  const book = new GroupBook(new DeviceState(new MemoryStore()));
  const nth = (i: number) => bareGroup(i.toString(16).padStart(32, '0') as typeof SG_ID, PN_ID);
  for (let i = 0; i < 64; i++) await book.put(nth(i));
  await expect(book.put(nth(64))).rejects.toMatchObject({ code: 'TooManyGroups' });
  await book.put({ ...nth(63), owner: entityId('phone') });
  expect(book.all()).toHaveLength(64);
});
