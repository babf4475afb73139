import { entityId, type PnId } from '@cpns/shared';
import {
  Addressee,
  type ApplicationData,
  type BodyOf,
  groupKeyResyncRequest,
  heartbeat,
  SgAction,
  Status,
  sgActionRequest,
  type sgData,
  sgMemberChangeNotification,
  sgOwnerChangeNotification,
  sgOwnerTransferRequest,
  sgReleaseNotification,
} from '@cpns/shared/messages';
import { describe, expect, it } from 'vitest';
import { board, forged, heartbeatOf, member, message, pair, phone } from '../../support/group-members.js';
import { GroupAtServer, MemberRig, PN_ID, SG, SG_ID } from '../../support/member-rig.js';

const laptop = entityId('laptop');
type Sent = BodyOf<typeof sgData>;

describe('a message under a Group Key', () => {
  it('is for this group, or it is for nobody', async () => {
    const { phone: one, board: other } = await pair();
    const take = async (data: ApplicationData) => {
      other.groups.data(PN_ID, { sgId: SG, from: phone, message: forged(one, data) });
      await other.clock.advance(0);
      return other.received.length;
    };
    expect(await take({ ...message('phone', 'for the server'), to: Addressee.Server })).toBe(0);
    expect(await take({ ...message('phone', 'for another group'), group: new Uint8Array(16).fill(1) })).toBe(0);
    expect(await take(message('phone', 'for this one'))).toBe(1);
  });

  it('is taken in the PN through which this device is a member alone', async () => {
    const { group, phone: one, board: other } = await pair();
    one.groups.send(SG_ID, message('phone', 'dinner'));
    other.groups.data(undefined, one.carried[0] as Sent);
    await one.rekey(group.rotate());
    one.groups.send(SG_ID, message('phone', 'breakfast', 2));
    other.groups.data(undefined, one.carried[1] as Sent);
    await other.clock.advance(2_000);
    expect(other.received).toEqual([]);
    expect(other.count(groupKeyResyncRequest)).toBe(1);
  });

  it('that is forged makes this device ask for nothing', async () => {
    const { phone: one, board: other } = await pair();
    other.groups.data(PN_ID, { sgId: SG, from: phone, message: forged(one, message('phone', 'x'), new Uint8Array(32).fill(3)) });
    await other.clock.advance(10_000);
    expect(other.count(groupKeyResyncRequest)).toBe(1);
  });

  it('that came before the first key waits for it', async () => {
    const group = new GroupAtServer();
    group.change(['phone', 'board']);
    const one = await member('phone', group);
    const other = await MemberRig.make('board', group, one.clock);
    other.connected = false;
    await other.serve(sgMemberChangeNotification, { sgId: SG, owner: phone, add: [board], remove: [], name: 'kitchen', epoch: 1 });
    one.groups.send(SG_ID, message('phone', 'welcome'));
    other.groups.data(PN_ID, one.carried[0] as Sent);
    await other.clock.advance(0);
    other.connected = true;
    other.groups.reachable(PN_ID);
    await other.clock.advance(0);
    expect(other.received).toEqual([message('phone', 'welcome')]);
  });

  it('waits for a key that is under way with 15 others at most, and nothing is asked for when that comes in time', async () => {
    const { group, phone: one, board: other } = await pair();
    const parts = group.rotate(0);
    await one.rekey(parts);
    for (let i = 0; i < 20; i++) one.groups.send(SG_ID, message('phone', `${i}`, i));
    for (const sent of one.carried) other.groups.data(PN_ID, sent);
    await other.clock.advance(1_900);
    await other.rekey(parts);
    expect(other.received).toHaveLength(16);
    await other.clock.advance(5_000);
    expect(other.count(groupKeyResyncRequest)).toBe(1);
  });

  it('of one that has left, under the key of before, is not taken as one of the group', async () => {
    const { group, phone: one, board: other } = await pair();
    const departed = (text: string, id: number): Sent => ({ sgId: SG, from: phone, message: forged(one, message('phone', text, id)) });
    await other.rekey(group.change([], ['phone'], 0));
    other.groups.data(PN_ID, departed('I am still here', 1));
    await other.clock.advance(0);
    expect(other.received).toEqual([]);
    expect(other.count(groupKeyResyncRequest)).toBe(1);
  });
});

describe('what the server says of a group', () => {
  const own: PnId | 'own' = 'own';

  it('is served here only where it is about groups', async () => {
    const rig = await member();
    await expect(rig.serve(heartbeat, heartbeatOf(1n))).rejects.toMatchObject({ code: 'NotServed' });
    const leave = { sgId: SG, action: SgAction.Leave, origin: phone, targets: [board] };
    await expect(rig.serve(sgActionRequest, leave)).rejects.toMatchObject({ code: 'BadAction' });
  });

  it('of another candidate is no question to this device', async () => {
    const rig = await member();
    const offer = { pne: phone, sgId: SG, candidate: laptop, sameUser: true };
    await expect(rig.serve(sgOwnerTransferRequest, offer)).rejects.toMatchObject({ code: 'NotInGroup' });
  });

  it('moves a membership to the session in which it came in anew', async () => {
    const rig = await member();
    await rig.serve(sgMemberChangeNotification, { sgId: SG, owner: phone, add: [board], remove: [], epoch: 2 }, own);
    expect(rig.groups.find(SG_ID).record.pnId).toBeUndefined();
    const others = { sgId: SG, owner: phone, add: [laptop], remove: [] };
    await expect(rig.serve(sgMemberChangeNotification, others)).rejects.toMatchObject({ code: 'WrongPn' });
    await expect(rig.serve(sgOwnerChangeNotification, { sgId: SG, owner: laptop })).rejects.toMatchObject({ code: 'WrongPn' });
    expect(rig.groups.find(SG_ID).record.owner).toBe('phone');
  });

  it('is told to people once, and only what is new to them', async () => {
    const rig = await member();
    const told = () => rig.happenings.filter(({ type }) => type === 'group-members').length;
    expect(told()).toBe(0);
    for (let i = 0; i < 2; i++) await rig.serve(sgOwnerChangeNotification, { sgId: SG, owner: laptop });
    expect(told()).toBe(1);
  });

  it('of a group that this device is not in changes nothing, and is acknowledged', async () => {
    const rig = await MemberRig.make('board', new GroupAtServer());
    expect(await rig.serve(sgOwnerChangeNotification, { sgId: SG, owner: phone })).toMatchObject({ status: Status.Success });
    expect(await rig.serve(sgReleaseNotification, { sgId: SG })).toMatchObject({ status: Status.Success });
    expect(rig.groups.list()).toEqual([]);
    expect(rig.state.keys('sg')).toEqual([]);
  });
});
