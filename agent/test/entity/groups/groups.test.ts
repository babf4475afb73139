import { entityId } from '@cpns/shared';
import {
  groupKeyResyncRequest,
  ResyncReason,
  SgAction,
  Status,
  sgActionRequest,
  sgExpelledNotice,
  sgMemberChangeNotification,
  sgOwnerChangeNotification,
  sgOwnerTransferRequest,
  sgReleaseNotification,
} from '@cpns/shared/messages';
import { describe, expect, it } from 'vitest';
import type { Changes } from '../../../src/entity/device-state.js';
import { board, forged, heartbeatOf, member, message, pair, phone } from '../../support/group-members.js';
import { GroupAtServer, MemberRig, PN_ID, SG, SG_ID } from '../../support/member-rig.js';

describe('coming into a group', () => {
  it('asks for the keys as soon as the server says that it is in, and says so once it has them', async () => {
    const rig = await member();
    expect(rig.groups.list()).toMatchObject([
      { record: { name: 'kitchen', owner: 'phone', members: ['board'] }, epoch: 1n, isBehind: false },
    ]);
    expect(rig.acknowledged).toEqual([1]);
    expect(rig.happenings.filter(({ type }) => type === 'group')).toMatchObject([{ sgId: SG_ID, state: 'Member' }]);
  });

  it('keeps the membership and asks when there is a way, where there was none', async () => {
    const group = new GroupAtServer();
    group.change(['board']);
    const rig = await MemberRig.make('board', group);
    rig.connected = false;
    await rig.serve(sgMemberChangeNotification, { sgId: SG, owner: phone, add: [board], remove: [] });
    expect(rig.groups.find(SG_ID)).toMatchObject({ epoch: undefined, isBehind: true });
    const later = rig.restart();
    expect(later.logger.find('the keys of a service group cannot be read')).toEqual([]);
    later.groups.reachable(PN_ID);
    await later.clock.advance(0);
    expect(later.groups.find(SG_ID)).toMatchObject({ epoch: 1n, record: { name: 'kitchen' } });
  });

  it('has its keys after a restart without asking', async () => {
    const rig = (await member()).restart();
    rig.groups.reachable(PN_ID);
    await rig.clock.advance(0);
    expect(rig.groups.find(SG_ID).epoch).toBe(1n);
    expect(rig.count(groupKeyResyncRequest)).toBe(0);
  });
});

describe('a rekey', () => {
  it('is durable before it is acknowledged, and used from then on', async () => {
    const rig = await member();
    const committed = rig.store.commits.length;
    await rig.rekey(rig.group.change(['laptop']));
    expect(rig.acknowledged).toEqual([1, 2]);
    expect(rig.store.commits.length).toBe(committed + 1);
    expect(rig.state.groupKeys(SG_ID)?.epoch).toBe(2n);
  });

  it('of somebody else than the server changes nothing', async () => {
    const rig = await member();
    const [part] = rig.group.rotate();
    await rig.rekey([{ part: part?.part as Uint8Array, signature: new Uint8Array(64).fill(1) }]);
    expect(rig.groups.find(SG_ID).epoch).toBe(1n);
    expect(rig.logger.find('a rekey was refused')).toHaveLength(1);
  });

  it('in the session of another network is not taken', async () => {
    const rig = await member();
    await rig.rekey(rig.group.rotate(), 'own');
    expect(rig.groups.find(SG_ID).epoch).toBe(1n);
  });

  it('that was missed is made good by asking, after a while in which it may still come', async () => {
    const rig = await member();
    rig.group.change(['laptop']);
    await rig.rekey(rig.group.rotate());
    expect(rig.count(groupKeyResyncRequest)).toBe(1);
    await rig.clock.advance(1_000);
    expect(rig.groups.find(SG_ID).epoch).toBe(3n);
    expect(rig.count(groupKeyResyncRequest)).toBe(2);
  });
});

describe('heartbeats', () => {
  it('tell who is behind, and at the first one since the start that its state may be old', async () => {
    const before = await member();
    before.group.rotate();
    const rig = before.restart();
    rig.groups.heartbeat(PN_ID, heartbeatOf(2n));
    await rig.clock.advance(0);
    expect(rig.asked.find(({ type }) => type === groupKeyResyncRequest)?.body).toMatchObject({ reason: ResyncReason.Restored, epoch: 1 });
    expect(rig.groups.find(SG_ID).epoch).toBe(2n);
    rig.group.rotate();
    rig.groups.heartbeat(PN_ID, heartbeatOf(3n));
    await rig.clock.advance(0);
    expect(rig.asked.findLast(({ type }) => type === groupKeyResyncRequest)?.body).toMatchObject({ reason: ResyncReason.Gap, epoch: 2 });
  });

  it('make good a lost notice: of a group that this device is in, and of one that it is not in any more', async () => {
    const group = new GroupAtServer();
    group.change(['board', 'phone']);
    const rig = await MemberRig.make('board', group);
    rig.groups.heartbeat(PN_ID, heartbeatOf(1n));
    await rig.clock.advance(0);
    expect(rig.groups.find(SG_ID)).toMatchObject({ epoch: 1n, record: { name: 'kitchen' } });
    group.change([], ['board']);
    rig.groups.heartbeat(PN_ID, heartbeatOf(undefined));
    await rig.clock.advance(0);
    expect(rig.groups.list()).toEqual([]);
    expect(rig.state.groupKeys(SG_ID)).toBeUndefined();
  });

  it('are answered with what was sent under the present key', async () => {
    const rig = await member();
    rig.groups.send(SG_ID, message('board', 'one'));
    rig.groups.send(SG_ID, message('board', 'two', 2));
    expect(rig.groups.heartbeat(PN_ID, heartbeatOf(1n))).toEqual([{ sgId: SG, epoch: 1, sent: 2 }]);
  });

  it('that stay out silence this device towards its groups (T27)', async () => {
    const rig = await member();
    await rig.clock.advance(179_999);
    expect(rig.groups.find(SG_ID).silence).toBeUndefined();
    await rig.clock.advance(1);
    expect(rig.groups.find(SG_ID).silence).toMatchObject({ lasting: true, why: expect.stringContaining('three heartbeats') });
    expect(rig.groups.send(SG_ID, message('board', 'secret'))).toBe(false);
    expect(rig.carried).toEqual([]);
    const before = rig.releases;
    rig.groups.heartbeat(PN_ID, heartbeatOf(1n));
    expect(rig.groups.send(SG_ID, message('board', 'secret'))).toBe(true);
    expect(rig.releases).toBe(before + 1);
  });

  it('are waited for after a restart: the stored key may be one that somebody was expelled with', async () => {
    const rig = (await member()).restart();
    expect(rig.groups.find(SG_ID).silence).toMatchObject({ lasting: false });
    expect(rig.groups.send(SG_ID, message('board', 'secret'))).toBe(false);
    rig.groups.heartbeat(PN_ID, heartbeatOf(1n));
    expect(rig.groups.send(SG_ID, message('board', 'secret'))).toBe(true);
  });

  it('that name a newer key stop this device until it has it', async () => {
    const rig = await member();
    rig.group.rotate();
    rig.connected = false;
    rig.groups.heartbeat(PN_ID, heartbeatOf(2n));
    rig.connected = true;
    expect(rig.groups.send(SG_ID, message('board', 'secret'))).toBe(false);
    rig.groups.reachable(PN_ID);
    await rig.clock.advance(0);
    expect(rig.groups.send(SG_ID, message('board', 'secret'))).toBe(true);
  });
});

describe('messages', () => {
  it('of one member are opened by another, once', async () => {
    const { phone: one, board: other } = await pair();
    one.groups.send(SG_ID, message('phone', 'dinner'));
    const [sent] = one.carried;
    for (let i = 0; i < 2; i++) other.groups.data(PN_ID, sent as (typeof one.carried)[number]);
    await other.clock.advance(0);
    expect(other.received).toEqual([message('phone', 'dinner')]);
    expect(other.logger.find('a message of a service group was dropped')).toHaveLength(1);
  });

  it('that came before a restart do not come again after it', async () => {
    const { phone: one, board: other } = await pair();
    one.groups.send(SG_ID, message('phone', 'dinner'));
    const [sent] = one.carried as [(typeof one.carried)[number]];
    other.groups.data(PN_ID, sent);
    await other.clock.advance(1_000);
    const later = other.restart();
    later.groups.data(PN_ID, sent);
    await later.clock.advance(0);
    expect(later.received).toEqual([]);
  });

  it('under a key that is under way wait for it', async () => {
    const { group, phone: one, board: other } = await pair();
    const parts = group.change(['laptop']);
    await one.rekey(parts);
    one.groups.send(SG_ID, message('phone', 'welcome'));
    other.groups.data(PN_ID, one.carried[0] as (typeof one.carried)[number]);
    await other.clock.advance(0);
    expect(other.received).toEqual([]);
    await other.rekey(parts);
    expect(other.received).toEqual([message('phone', 'welcome')]);
  });

  it('under a key that does not come make this device ask for it, once', async () => {
    const { group, phone: one, board: other } = await pair();
    await one.rekey(group.rotate());
    one.groups.send(SG_ID, message('phone', 'welcome'));
    other.groups.data(PN_ID, one.carried[0] as (typeof one.carried)[number]);
    await other.clock.advance(2_000);
    expect(other.received).toEqual([message('phone', 'welcome')]);
    expect(other.count(groupKeyResyncRequest)).toBe(2);
  });

  it('in the name of another member, outside or inside, are dropped', async () => {
    const { phone: one, board: other } = await pair();
    one.groups.send(SG_ID, message('phone', 'mine'));
    const [sent] = one.carried as [(typeof one.carried)[number]];
    other.groups.data(PN_ID, { ...sent, from: entityId('laptop') });
    other.groups.data(PN_ID, { sgId: SG, from: phone, message: forged(one, message('laptop', 'not mine')) });
    await other.clock.advance(0);
    expect(other.received).toEqual([]);
    expect(other.logger.find('a message of a service group was dropped')).toHaveLength(2);
  });

  it('under the key before are not taken after an expulsion, and for a while after a periodic change', async () => {
    const { group, phone: one, board: other } = await pair();
    one.groups.send(SG_ID, message('phone', 'late'));
    one.groups.send(SG_ID, message('phone', 'later', 2));
    const [late, later] = one.carried as [(typeof one.carried)[number], (typeof one.carried)[number]];
    await other.rekey(group.rotate());
    other.groups.data(PN_ID, late);
    await other.clock.advance(0);
    expect(other.received).toHaveLength(1);
    await other.rekey(group.change(['laptop'], [], 0));
    other.groups.data(PN_ID, later);
    await other.clock.advance(0);
    expect(other.received).toHaveLength(1);
  });
});

describe('the end of a membership', () => {
  it.each([
    ['an expulsion', sgExpelledNotice],
    ['a release', sgReleaseNotification],
  ])('by %s erases the keys here', async (_what, notice) => {
    const rig = await member();
    expect(await rig.serve(notice, { sgId: SG })).toMatchObject({ status: Status.Success });
    expect(rig.groups.list()).toEqual([]);
    expect(rig.state.keys('sg')).toEqual([]);
    expect(rig.groups.send(SG_ID, message('board', 'still here'))).toBe(false);
    expect(rig.happenings.at(-1)).toMatchObject({ type: 'group', state: 'Absent' });
  });

  it('is not believed in the session of another network', async () => {
    const rig = await member();
    await expect(rig.serve(sgExpelledNotice, { sgId: SG }, 'own')).rejects.toMatchObject({ code: 'WrongPn' });
    expect(rig.groups.list()).toHaveLength(1);
  });

  it('comes with that of the PN through which this device was in', async () => {
    const rig = await member();
    const changes: Changes = new Map();
    rig.state.forgetPn(changes, PN_ID);
    await rig.state.commit(changes);
    rig.groups.pnChanged();
    expect(rig.groups.list()).toEqual([]);
    expect(rig.state.keys('sg')).toEqual([]);
  });
});

describe('what others do', () => {
  it('changes the copy of the SG Inventory', async () => {
    const rig = await member();
    await rig.serve(sgMemberChangeNotification, { sgId: SG, owner: phone, add: [entityId('laptop')], remove: [] });
    await rig.serve(sgOwnerChangeNotification, { sgId: SG, owner: entityId('laptop') });
    expect(rig.groups.find(SG_ID).record).toMatchObject({ members: ['board', 'laptop'], owner: 'laptop' });
    await rig.serve(sgMemberChangeNotification, { sgId: SG, add: [], remove: [entityId('laptop')] });
    const { record } = rig.groups.find(SG_ID);
    expect(record.members).toEqual(['board']);
    expect(record.owner).toBeUndefined();
  });

  it('counts members as they come and go, whether they are named or not, and each notice once', async () => {
    const rig = await member();
    rig.group.info = { ...rig.group.info, members: [board, phone], memberCount: 5 };
    rig.groups.reachable(PN_ID);
    await rig.serve(sgMemberChangeNotification, { sgId: SG, owner: phone, add: [board], remove: [] });
    await rig.clock.advance(0);
    const count = () => rig.groups.find(SG_ID).record.memberCount;
    expect(count()).toBe(5);
    const come = { sgId: SG, owner: phone, add: [entityId('laptop')], remove: [] };
    for (let i = 0; i < 2; i++) await rig.serve(sgMemberChangeNotification, come);
    expect(count()).toBe(6);
    await rig.serve(sgMemberChangeNotification, { sgId: SG, owner: phone, add: [], remove: [entityId('laptop'), phone] });
    expect(count()).toBe(4);
  });

  it('does not put this device into a group that it was not told to be in', async () => {
    const rig = await MemberRig.make('board', new GroupAtServer());
    await rig.serve(sgMemberChangeNotification, { sgId: SG, owner: phone, add: [entityId('laptop')], remove: [] });
    expect(rig.groups.list()).toEqual([]);
  });

  it.each([
    [true, Status.Success],
    [false, Status.Rejected],
  ])('is a question to this device: same user %s', async (sameUser, status) => {
    const rig = await member();
    const request = { sgId: SG, action: SgAction.Invite, origin: phone, targets: [board], name: 'kitchen', sameUser };
    expect(await rig.serve(sgActionRequest, request)).toMatchObject({ status });
    const offer = { pne: phone, sgId: SG, candidate: board, sameUser };
    expect(await rig.serve(sgOwnerTransferRequest, offer)).toMatchObject({ accept: sameUser });
  });

  it('does not hand this device a group that it is not in', async () => {
    const rig = await MemberRig.make('board', new GroupAtServer());
    const offer = { pne: phone, sgId: SG, candidate: board, sameUser: true };
    await expect(rig.serve(sgOwnerTransferRequest, offer)).rejects.toMatchObject({ code: 'NotInGroup' });
  });
});
