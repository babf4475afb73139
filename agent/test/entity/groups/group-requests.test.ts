import { entityId } from '@cpns/shared';
import { Status, sgMemberChangeNotification } from '@cpns/shared/messages';
import { describe, expect, it } from 'vitest';
import { type Changes, DeviceState, PnRole, PnState } from '../../../src/entity/device-state.js';
import { GroupAtServer, MemberRig, PN, PN_ID, SG, SG_ID } from '../../support/member-rig.js';

const phone = entityId('phone');
const board = entityId('board');

/** A device that was let in and has its keys. */
async function member(): Promise<MemberRig> {
  const rig = await MemberRig.make('board', new GroupAtServer());
  rig.group.change(['board']);
  const epoch = Number(rig.group.epoch);
  await rig.serve(sgMemberChangeNotification, { sgId: SG, owner: phone, add: [board], remove: [], name: 'kitchen', epoch });
  return rig;
}

describe('requests of a person', () => {
  /** With a PN through which it can ask. */
  async function withPn(): Promise<MemberRig> {
    const rig = await MemberRig.make('board', new GroupAtServer());
    const changes: Changes = new Map();
    const pn = {
      pnId: PN,
      role: PnRole.Pne,
      state: PnState.Established,
      gateway: entityId('laptop'),
      inventoryVersion: 1,
      members: [],
      pnKeyEpoch: 1,
    };
    DeviceState.setPn(changes, pn);
    await rig.state.commit(changes);
    return rig;
  }
  const never = new AbortController().signal;

  it('make a group with those who agreed, and end with its keys', async () => {
    const rig = await withPn();
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
    const rig = await withPn();
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

  it('need a group that this device is in', async () => {
    const rig = await MemberRig.make('board', new GroupAtServer());
    await expect(rig.groups.leave(undefined)).rejects.toMatchObject({ code: 'NotInGroup' });
    expect(() => rig.groups.find(SG_ID)).toThrow('not in service group');
  });
});
