import type { SgId } from '@cpns/shared';
import {
  groupKeyDelivery,
  SgAction,
  Status,
  sgExpelledNotice,
  sgMemberChangeNotification,
  sgReleaseRequest,
  sgReleaseResponse,
} from '@cpns/shared/messages';
import { fromHex, parseRekeyPart } from '@cpns/shared/security';
import { beforeEach, describe, expect, it } from 'vitest';
import type { GatewayDouble } from './devices.js';
import { type GroupDevice, grouped, groupWorld } from './group-devices.js';
import { alice, type Changes, type Rig } from './rig.js';

let rig: Rig;
let west: GatewayDouble;
let phone: GroupDevice;
let board: GroupDevice;
let radio: GroupDevice;
let gate: GroupDevice;

/** All of one user: who wants in comes in without being let in. */
async function world(changes: Changes = {}): Promise<void> {
  ({ rig, west, phone, board, radio, gate } = await groupWorld(alice, changes));
}
beforeEach(() => world());

const group = (sgId: SgId) => rig.db.reads.groups.find(sgId);
const members = (sgId: SgId) => rig.db.reads.groups.members(sgId).map(({ entityId }) => entityId);
type Asked = (options: { readonly passMs: number; readonly meanwhile: () => Promise<void> }) => Promise<{ readonly status: Status }>;

/** Asked for in one window, `passMs` before its end: what each was answered then. */
async function together(asked: readonly Asked[], meanwhile = async () => {}, passMs = 100): Promise<Status[]> {
  const waiting = asked.map((ask) => {
    let end = () => {};
    const over = new Promise<void>((resolve) => {
      end = resolve;
    });
    const answered = ask({ passMs: 0, meanwhile: () => over }).then(
      ({ status }) => status,
      ({ status }) => status,
    );
    return { end, answered };
  });
  await rig.settle();
  await meanwhile();
  await rig.pass(passMs);
  const statuses: Status[] = [];
  for (const { end, answered } of waiting) {
    end();
    statuses.push(await answered);
  }
  return statuses;
}

const join =
  (device: GroupDevice, sgId: SgId): Asked =>
  (options) =>
    device.act(sgId, SgAction.Join, [device], options);
const leave =
  (device: GroupDevice, sgId: SgId): Asked =>
  (options) =>
    device.leave(sgId, options);
const expel =
  (owner: GroupDevice, sgId: SgId, target: GroupDevice): Asked =>
  (options) =>
    owner.expel(sgId, [target], options);

describe('a request too many in a batch is refused alone', () => {
  it('where the group has no room left', async () => {
    await world({ limits: { membersPerGroup: 3 } });
    const sgId = await grouped(phone, [board]);
    expect(await together([join(radio, sgId), join(gate, sgId)])).toEqual([Status.Success, Status.Busy]);
    expect(members(sgId)).toEqual(['phone', 'board', 'radio']);
  });

  it('where a device is in as many groups as it may be', async () => {
    await world({ limits: { groupsPerDevice: 1 } });
    const sgId = await grouped(phone, [board]);
    await grouped(gate, []);
    expect(await together([join(gate, sgId), join(radio, sgId)])).toEqual([Status.Busy, Status.Success]);
    expect(members(sgId)).toEqual(['phone', 'board', 'radio']);
  });
});

it('an expulsion of nobody does not cut the key before short for the others of its batch', async () => {
  const sgId = await grouped(phone, [board, radio]);
  expect(await together([leave(board, sgId), expel(phone, sgId, gate)])).toEqual([Status.Success, Status.NotMember]);
  expect(west.take(groupKeyDelivery).map(({ part }) => parseRekeyPart(part).graceMs)).toEqual([5_000]);
});

it('who asked for something in a group that was released meanwhile is told so', async () => {
  const sgId = await grouped(phone, [board]);
  const release = async () => void (await phone.request(sgReleaseRequest, { sgId: fromHex(sgId) }, sgReleaseResponse));
  expect(await together([leave(board, sgId)], release, 5_000)).toEqual([Status.UnknownSg]);
  expect(rig.db.reads.groups.list()).toEqual([]);
});

it('who is expelled by an owner that leaves in the same batch is told, and the group is gone', async () => {
  const sgId = await grouped(phone, [board]);
  expect(await together([expel(phone, sgId, board), leave(phone, sgId)])).toEqual([Status.Success, Status.Success]);
  expect(group(sgId)).toBeUndefined();
  expect(board.take(sgExpelledNotice)).toMatchObject([{ sgId: fromHex(sgId) }]);
});

it.each([2, 3, 4])('in a group of three, members are told who comes where at most %i are told', async (groupMembersTold) => {
  await world({ limits: { groupMembersTold } });
  const sgId = await grouped(phone, [board]);
  expect(await together([join(radio, sgId)])).toEqual([Status.Success]);
  expect(radio.take(sgMemberChangeNotification)).toMatchObject([{ add: ['radio'] }]);
  expect(board.take(sgMemberChangeNotification)).toHaveLength(groupMembersTold < 3 ? 0 : 1);
});
