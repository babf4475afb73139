import { CpnsError, entityId, refused } from '@cpns/shared';
import { Status, sgActionRequest, sgMemberChangeNotification } from '@cpns/shared/messages';
import { describe, expect, it } from 'vitest';
import { PnRole, pnIdText } from '../../../src/entity/device-state.js';
import { board, inPns, member, phone } from '../../support/group-members.js';
import { GroupAtServer, MemberRig, PN, PN_ID, SG, SG_ID } from '../../support/member-rig.js';

const laptop = entityId('laptop');

describe('requests of a person', () => {
  const never = new AbortController().signal;

  it('make a group with those who agreed, and end with its keys', async () => {
    const rig = await inPns();
    rig.answer = () => {
      rig.group.change(['board', 'phone']);
      rig.group.info = { ...rig.group.info, owner: board };
      const outcomes = [{ pne: phone, status: Status.Success }];
      return { status: Status.Success, group: rig.group.info, outcomes };
    };
    const { group, outcomes } = await rig.groups.create({ name: 'kitchen', members: [phone], pnId: PN_ID }, never);
    expect(group).toMatchObject({ epoch: 1n, isBehind: false, record: { name: 'kitchen', owner: 'board', pnId: PN } });
    expect(outcomes).toEqual([{ pne: phone, status: Status.Success }]);
  });

  it('leave nothing where nobody agreed', async () => {
    const rig = await inPns();
    rig.answer = () => ({ status: Status.Rejected, outcomes: [{ pne: phone, status: Status.Rejected }] });
    await expect(rig.groups.create({ name: 'kitchen', members: [phone], pnId: PN_ID }, never)).rejects.toMatchObject({ code: 'Refused' });
    expect(rig.state.keys('sg')).toEqual([]);
  });

  it('delete the keys when the server has answered that this device has left, not before', async () => {
    const rig = await member();
    await expect(rig.groups.leave(SG_ID)).rejects.toMatchObject({ status: Status.ServerError });
    expect(rig.groups.list()).toHaveLength(1);
    rig.answer = () => ({ status: Status.Success, sgId: SG });
    expect(await rig.groups.leave(undefined)).toBe(SG_ID);
    expect(rig.state.keys('sg')).toEqual([]);
  });

  it.each([
    [Status.NotOwner, 'NotOwner'],
    [Status.UnknownSg, 'UnknownSg'],
    [Status.NotMember, 'NotMember'],
  ])('that are refused with status %i say so by the code %s', async (status, code) => {
    const rig = await member();
    rig.answer = () => ({ status, sgId: SG });
    await expect(rig.groups.expel(SG_ID, [phone])).rejects.toMatchObject({ code });
  });

  it.each([
    ['State', 'Refused', 'Refused', Status.ServerError],
    ['Transport', 'Lost', 'OutcomeUnknown', undefined],
    ['Timeout', 'NoAnswer', 'OutcomeUnknown', undefined],
    ['Codec', 'BadMessage', 'BadMessage', Status.NotOwner],
  ] as const)('that fail with %s/%s are %s to the person', async (family, code, told, status) => {
    const rig = await member();
    rig.answer = () => {
      throw new CpnsError(family, code, 'Something happened.', status === undefined ? {} : { status });
    };
    await expect(rig.groups.release(SG_ID)).rejects.toMatchObject({ code: told });
    expect(rig.groups.list()).toHaveLength(1);
  });

  it('that were given up fail with the reason of that', async () => {
    const rig = await inPns();
    const stop = new AbortController();
    const reason = new CpnsError('Timeout', 'GaveUp', 'It took too long.');
    rig.answer = () => {
      stop.abort(reason);
      throw reason;
    };
    await expect(rig.groups.create({ name: 'kitchen', members: [phone] }, stop.signal)).rejects.toBe(reason);
  });

  it('to join do not put this device into a group whose owner said no, nor twice into one', async () => {
    const rig = await inPns();
    rig.answer = () => ({ status: Status.Rejected, sgId: SG });
    await expect(rig.groups.join(SG_ID, undefined, never)).rejects.toMatchObject({ code: 'Refused' });
    expect(rig.groups.list()).toEqual([]);
    rig.group.change(['board']);
    rig.answer = () => ({ status: Status.Success, sgId: SG });
    expect(await rig.groups.join(SG_ID, undefined, never)).toMatchObject({ epoch: 1n, record: { name: 'kitchen' } });
    const before = rig.count(sgActionRequest);
    await expect(rig.groups.join(SG_ID, undefined, never)).rejects.toMatchObject({ code: 'AlreadyMember' });
    expect(rig.count(sgActionRequest)).toBe(before);
  });

  it('to invite and to expel say so when nobody came in or is out by them, and who is when somebody is', async () => {
    const rig = await member();
    const outcomes = (phoneStatus: Status, laptopStatus: Status) => [
      { pne: phone, status: phoneStatus },
      { pne: laptop, status: laptopStatus },
    ];
    rig.answer = () => ({ status: Status.Rejected, sgId: SG, outcomes: outcomes(Status.Rejected, Status.Timeout) });
    await expect(rig.groups.invite(SG_ID, [phone, laptop], never)).rejects.toMatchObject({ code: 'Refused' });
    await expect(rig.groups.expel(SG_ID, [phone, laptop])).rejects.toMatchObject({ code: 'Refused' });
    rig.answer = () => ({ status: Status.PartialSuccess, sgId: SG, outcomes: outcomes(Status.Success, Status.NotMember) });
    expect(await rig.groups.invite(SG_ID, [phone, laptop], never)).toHaveLength(2);
    expect(await rig.groups.expel(SG_ID, [phone, laptop])).toMatchObject({ members: [phone] });
    await expect(rig.groups.expel(SG_ID, [board])).rejects.toMatchObject({ code: 'BadTargets' });
  });

  it('to leave end the membership also where the server knows nothing of it any more, and else when it says so', async () => {
    for (const status of [Status.NotMember, Status.UnknownSg]) {
      for (const isRefusal of [true, false]) {
        const rig = await member();
        rig.answer = () => {
          if (isRefusal) throw refused(status, 'That');
          return { status, sgId: SG };
        };
        expect(await rig.groups.leave(SG_ID)).toBe(SG_ID);
        expect(rig.groups.list()).toEqual([]);
      }
    }
    const rig = await member();
    rig.answer = () => ({ status: Status.Busy, sgId: SG });
    await expect(rig.groups.leave(SG_ID)).rejects.toMatchObject({ status: Status.Busy });
    rig.answer = () => {
      throw new CpnsError('State', 'Refused', 'Later.', { status: Status.Busy, retryAfterMs: 5_000 });
    };
    await expect(rig.groups.leave(SG_ID)).rejects.toMatchObject({ status: Status.Busy, retryAfterMs: 5_000 });
    expect(rig.groups.list()).toHaveLength(1);
  });

  it('to release end the group when the server says that it is gone, not when it says no', async () => {
    const rig = await member();
    rig.answer = () => ({ status: Status.NotOwner, sgId: SG });
    await expect(rig.groups.release(SG_ID)).rejects.toMatchObject({ code: 'NotOwner' });
    rig.answer = () => {
      throw refused(Status.NotOwner, 'That');
    };
    await expect(rig.groups.release(SG_ID)).rejects.toMatchObject({ code: 'NotOwner' });
    expect(rig.groups.list()).toHaveLength(1);
    rig.answer = () => {
      throw refused(Status.UnknownSg, 'That');
    };
    expect(await rig.groups.release(SG_ID)).toBe(SG_ID);
    expect(rig.groups.list()).toEqual([]);
  });

  it('to hand a group over change nothing when the candidate says no', async () => {
    const rig = await member();
    rig.answer = () => ({ accept: false, pne: laptop, sgId: SG });
    await expect(rig.groups.handOver(SG_ID, laptop, never)).rejects.toMatchObject({ status: Status.Rejected });
    expect(rig.groups.find(SG_ID).record.owner).toBe('phone');
    rig.answer = () => ({ accept: true, pne: laptop, sgId: SG });
    expect((await rig.groups.handOver(SG_ID, laptop, never)).record.owner).toBe('laptop');
  });

  it('to look for groups are refused in words', async () => {
    const rig = await inPns();
    rig.found = { status: Status.Busy, groups: [] };
    await expect(rig.groups.discover({}, never)).rejects.toMatchObject({ status: Status.Busy });
  });

  it('say which group, and which PN, where there are several', async () => {
    const rig = await member();
    await rig.serve(sgMemberChangeNotification, { sgId: new Uint8Array(16).fill(8), add: [board], remove: [] });
    expect(() => rig.groups.find(undefined)).toThrow('say which one');
    const other = pnIdText(new Uint8Array(16).fill(6));
    const between = await inPns([PN_ID, other]);
    between.hasOwnSession = false;
    await expect(between.groups.create({ name: 'kitchen', members: [] }, never)).rejects.toMatchObject({ code: 'WhichPn' });
    await expect(between.groups.create({ name: 'kitchen', members: [], pnId: SG_ID as never }, never)).rejects.toMatchObject({
      code: 'UnknownPn',
    });
    const nowhere = await MemberRig.make('board', new GroupAtServer());
    nowhere.connected = false;
    await expect(nowhere.groups.create({ name: 'kitchen', members: [] }, never)).rejects.toMatchObject({ code: 'NotInPn' });
    const away = await inPns();
    away.connected = false;
    await expect(away.groups.create({ name: 'kitchen', members: [] }, never)).rejects.toMatchObject({ code: 'ServerUnreachable' });
  });

  it('of a PN GW go in its own session, whichever of its PNs is named', async () => {
    const rig = await inPns([PN_ID], PnRole.PnGw);
    rig.answer = () => {
      rig.group.change(['board']);
      return { status: Status.Success, group: rig.group.info };
    };
    const { group } = await rig.groups.create({ name: 'kitchen', members: [], pnId: PN_ID }, never);
    expect(group.record.pnId).toBeUndefined();
  });

  it('need a group that this device is in', async () => {
    const rig = await MemberRig.make('board', new GroupAtServer());
    await expect(rig.groups.leave(undefined)).rejects.toMatchObject({ code: 'NotInGroup' });
    expect(() => rig.groups.find(SG_ID)).toThrow('not in service group');
  });
});
