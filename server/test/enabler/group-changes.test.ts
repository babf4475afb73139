import { entityId, type SgId } from '@cpns/shared';
import {
  ack,
  bodyOf,
  groupKeyAck,
  groupKeyDelivery,
  heartbeat,
  heartbeatAnswer,
  PneAction,
  PnOperation,
  pneRequest,
  pneResponse,
  pnReleaseRequest,
  pnUpdateRequest,
  RemoveReason,
  ResyncReason,
  SgAction,
  Status,
  sgCreateRequest,
  sgCreateResponse,
  sgExpelledNotice,
  sgInventoryNotice,
  sgMemberChangeNotification,
} from '@cpns/shared/messages';
import { fromHex, parseRekeyPart } from '@cpns/shared/security';
import { beforeEach, describe, expect, it } from 'vitest';
import { raiseGroups } from '../../src/enabler/groups/change.js';
import { established, type GatewayDouble, type PneDouble } from './devices.js';
import { GroupDevice, grouped, groupWorld, relay } from './group-devices.js';
import { bob, type Changes, provider, type Rig } from './rig.js';

let rig: Rig;
let west: GatewayDouble;
let east: GatewayDouble;
let phone: GroupDevice;
let board: GroupDevice;
let radio: GroupDevice;
let gate: GroupDevice;

/** Two PN GWs; phone and board behind the one, radio behind the other, which is Bob's like the radio, and a member itself. */
async function world(changes: Changes = {}): Promise<void> {
  ({ rig, west, east, phone, board, radio, gate } = await groupWorld(bob, changes));
}
beforeEach(() => world());

const group = (sgId: SgId) => rig.db.reads.groups.find(sgId);
const members = (sgId: SgId) => rig.db.reads.groups.members(sgId).map(({ entityId }) => entityId);

/** The members read on under a new key, and whoever is gone does not. */
function expectRekeyed(sgId: SgId, departed: GroupDevice, remaining: readonly GroupDevice[]): void {
  const before = departed.groupKey(sgId);
  const outcomes = relay([west, east], [departed, ...remaining]);
  for (const { entityId } of remaining) expect([entityId, outcomes.get(entityId)]).toEqual([entityId, ['keys']]);
  expect(departed.groupKey(sgId)).toBe(before);
  expect(new Set(remaining.map((member) => member.groupKey(sgId))).size).toBe(1);
  expect(remaining[0]?.groupKey(sgId)).not.toBe(before);
  expect(members(sgId)).toEqual(remaining.map(({ entityId }) => entityId));
}

describe('whoever is out of a PN is out of every group reached through it', () => {
  const sever: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['leaves', () => west.request(pneRequest, leaveOf())],
    ['is expelled', () => west.request(pnUpdateRequest, removal(RemoveReason.Expelled))],
    ['is lost', () => west.request(pnUpdateRequest, removal(RemoveReason.Unreachable))],
    ['is revoked', () => rig.enabler.revokeDevice(board.entityId)],
  ];
  const leaveOf = () => ({ action: PneAction.Leave, pnId: fromHex(board.pnId ?? ''), pne: board.entityId });
  const removal = (reason: RemoveReason) => ({
    pnId: fromHex(board.pnId ?? ''),
    operation: PnOperation.Remove,
    pnes: [board.entityId],
    reason,
  });

  it.each(sever)('when it %s', async (_, act) => {
    const sgId = await grouped(phone, [board, radio, gate]);
    await act();
    expect(group(sgId)).toMatchObject({ epoch: 2, memberCount: 3 });
    expectRekeyed(sgId, board, [phone, radio, gate]);
  });

  it('in the same transaction: when that fails, it is in both', async () => {
    const sgId = await grouped(phone, [board, radio]);
    rig.failing = 1;
    await expect(west.request(pneRequest, leaveOf())).rejects.toMatchObject({ status: Status.ServerError });
    expect(members(sgId)).toEqual(['phone', 'board', 'radio']);
    expect(west.take(groupKeyDelivery)).toEqual([]);
    expect((await west.request(pneRequest, leaveOf())).number).toBe(pneResponse.number);
    expectRekeyed(sgId, board, [phone, radio]);
  });

  it('when the PN is released, with everybody in it', async () => {
    const sgId = await grouped(radio, [phone, board, gate]);
    await west.request(pnReleaseRequest, { pnId: fromHex(phone.pnId ?? ''), initiator: west.entityId });
    expect(group(sgId)).toMatchObject({ epoch: 2, memberCount: 2, owner: 'radio' });
    expectRekeyed(sgId, phone, [radio, gate]);
    expect(west.take(sgInventoryNotice).at(-1)).toMatchObject({ released: true });
  });

  it('when the operator removes the PN, or its user', async () => {
    const sgId = await grouped(phone, [board, radio, gate]);
    await rig.enabler.removePn(radio.pnId as never);
    expectRekeyed(sgId, radio, [phone, board, gate]);
    await rig.enabler.revokeDevice(gate.entityId);
    await rig.enabler.revokeDevice(radio.entityId);
    await rig.enabler.removeUser(bob);
    expect(rig.db.reads.events.latest(1)).toMatchObject([{ event: 'user-removed' }]);
    expect(members(sgId)).toEqual(['phone', 'board']);
  });

  it('takes the group with it when nobody is left', async () => {
    const sgId = await grouped(phone, [board]);
    await west.request(pnReleaseRequest, { pnId: fromHex(phone.pnId ?? ''), initiator: west.entityId });
    expect(group(sgId)).toBeUndefined();
  });
});

describe('coming in', () => {
  it('by invitation of the owner, with what was said before closed to the newcomer', async () => {
    const sgId = await grouped(phone, [board]);
    const answer = await phone.act(sgId, SgAction.Invite, [radio, board, gate], {
      meanwhile: async () => {
        await radio.consent();
        await gate.consent(Status.Rejected);
        await rig.settle();
      },
    });
    expect(answer).toMatchObject({
      status: Status.PartialSuccess,
      outcomes: [
        { pne: 'radio', status: Status.Success },
        { pne: 'board', status: Status.AlreadyMember },
        { pne: 'east', status: Status.Rejected },
      ],
    });
    const before = phone.groupKey(sgId);
    expect(relay([west, east], [phone, board]).get('board' as never)).toEqual(['keys']);
    expect(radio.take(sgMemberChangeNotification)).toMatchObject([{ add: ['radio'], epoch: 2 }]);
    await radio.resync(sgId);
    expect(radio.groupKey(sgId)).toBe(phone.groupKey(sgId));
    expect(radio.groupKey(sgId)).not.toBe(before);
  });

  it('only a few times an hour', async () => {
    const sgId = await grouped(phone, [board]);
    for (let i = 0; i < 5; i++) {
      expect(await board.leave(sgId)).toMatchObject({ status: Status.Success });
      expect(await board.act(sgId, SgAction.Join)).toMatchObject({ status: Status.Success });
      await rig.pass(20_000);
    }
    await expect(board.leave(sgId)).rejects.toMatchObject({ status: Status.Busy });
    expect(members(sgId)).toContain('board');
  });

  it('into as many groups as a device may be in, and no more', async () => {
    await world({ limits: { groupsPerDevice: 2 } });
    const [first, second] = [await grouped(phone, [board]), await grouped(phone, [board])];
    expect(group(first)?.epoch).toBe(1);
    await expect(grouped(phone, [])).rejects.toMatchObject({ status: Status.Busy });
    const third = await grouped(radio, [gate], { open: true });
    await expect(board.act(third, SgAction.Join, [board], { meanwhile: async () => void (await radio.consent()) })).rejects.toMatchObject({
      status: Status.Busy,
    });
    expect(await board.leave(second)).toMatchObject({ status: Status.Success });
  });

  it('as far as there is room, without keeping others from leaving', async () => {
    await world({ limits: { membersPerGroup: 3 } });
    const sgId = await grouped(phone, [board, radio]);
    const joining = gate.act(sgId, SgAction.Invite, [gate], { passMs: 0 }).catch(() => undefined);
    await joining;
    const answer = phone.act(sgId, SgAction.Invite, [gate], {
      meanwhile: async () => {
        await gate.consent();
        await rig.settle();
      },
    });
    await expect(answer).rejects.toMatchObject({ status: Status.Busy });
    expect(members(sgId)).toEqual(['phone', 'board', 'radio']);
  });

  it('of devices that are not there is the same whether there are such: but to their own user', async () => {
    await rig.enrol('spare');
    for (const gone of ['spare', 'board']) await rig.enabler.revokeDevice(entityId(gone));
    rig.detach(east.entityId);
    const named = ['spare', 'board', 'nobody', 'radio'].map((name) => entityId(name));
    const created = await phone.request(sgCreateRequest, { name: 'family', members: named, objects: [] }, sgCreateResponse);
    const { UnknownPne, PeerUnreachable } = Status;
    expect(created.outcomes?.map(({ status }) => status)).toEqual([UnknownPne, UnknownPne, PeerUnreachable, PeerUnreachable]);
  });

  it('is refused to whoever left its PN after saying yes', async () => {
    const body = { name: 'family', members: [board.entityId, radio.entityId], objects: [] };
    const created = await phone.request(sgCreateRequest, body, sgCreateResponse, {
      meanwhile: async () => {
        await board.consent();
        await west.request(pneRequest, { action: PneAction.Leave, pnId: fromHex(board.pnId ?? ''), pne: board.entityId });
        await radio.consent();
      },
    });
    expect(created).toMatchObject({ status: Status.PartialSuccess, outcomes: [{ status: Status.NotMember }, { status: Status.Success }] });
    expect(created.group?.members).toEqual(['phone', 'radio']);
  });
});

describe('keys', () => {
  it('are renewed after their lifetime, under the key that protects them, with both received for a minute', async () => {
    await world({ groups: { keyLifetimeMs: 120_000 } });
    const sgId = await grouped(phone, [board, radio]);
    await rig.pass(180_000);
    expect(group(sgId)).toMatchObject({ epoch: 2, version: 1 });
    expectRekeyedForAll(sgId);
  });

  it('are renewed, too, when the clock of the server was put back', async () => {
    const sgId = await grouped(phone, [board, radio]);
    rig.clock.setWallMs(rig.clock.wallMs() - 365 * 24 * 3_600_000);
    await rig.pass(60_000);
    expect(group(sgId)).toMatchObject({ epoch: 2 });
    await rig.pass(180_000);
    expect(group(sgId)).toMatchObject({ epoch: 2 });
  });

  it('are renewed when the members report so many messages', async () => {
    await world({ groups: { messagesPerKey: 1_000 } });
    const sgId = await grouped(phone, [board, radio]);
    const report = async (member: GroupDevice, sent: number, epoch = 1) => {
      await rig.pass(60_000);
      for (const beat of member.device.takeEnvelopes(heartbeat).slice(-1)) {
        await member.answer(beat, heartbeatAnswer, { counts: [{ sgId: fromHex(sgId), epoch, sent }] });
      }
      await rig.settle();
    };
    await report(phone, 600);
    await report(phone, 600);
    await report(gate, 5_000);
    await report(board, 399);
    await report(board, 5_000, 9);
    expect(group(sgId)?.epoch).toBe(1);
    await report(board, 400);
    expect(group(sgId)?.epoch).toBe(2);
    expectRekeyedForAll(sgId);
  });

  it('are not renewed for what is reported in another session than that of the membership', async () => {
    await world({ groups: { messagesPerKey: 1_000 } });
    const sgId = await grouped(phone, [board]);
    const elsewhere = new GroupDevice(rig, board.device, await established(west, [board.device as PneDouble]));
    await rig.pass(60_000);
    const counts = [{ sgId: fromHex(sgId), epoch: 1, sent: 5_000 }];
    const beats = board.device.takeEnvelopes(heartbeat);
    for (const beat of beats.filter((each) => bodyOf(each, heartbeat).sgs.length === 0)) {
      await elsewhere.answer(beat, heartbeatAnswer, { counts });
    }
    await rig.settle();
    expect(group(sgId)?.epoch).toBe(1);
    for (const beat of beats.filter((each) => bodyOf(each, heartbeat).sgs.length > 0))
      await board.answer(beat, heartbeatAnswer, { counts });
    await rig.settle();
    expect(group(sgId)?.epoch).toBe(2);
  });

  function expectRekeyedForAll(sgId: SgId): void {
    const before = phone.groupKey(sgId);
    const outcomes = relay([west, east], [phone, board, radio]);
    expect(outcomes.get(radio.entityId)).toContain('keys');
    expect(new Set([phone, board, radio].map((member) => member.groupKey(sgId))).size).toBe(1);
    expect(phone.groupKey(sgId)).not.toBe(before);
  }

  it('before are received for as long as the reason of the rekey allows, the strictest of a batch', async () => {
    await world({ groups: { keyLifetimeMs: 120_000 } });
    const sgId = await grouped(phone, [board, radio, gate]);
    const last = () => {
      const { part } = west.take(groupKeyDelivery).at(-1) ?? { part: new Uint8Array() };
      const { graceMs, switchAfterMs } = parseRekeyPart(part);
      return [graceMs, switchAfterMs];
    };
    await gate.leave(sgId);
    expect(last()).toEqual([5_000, 0]);
    await rig.pass(180_000);
    expect(last()).toEqual([60_000, 10_000]);
    const leaving = radio.leave(sgId, { passMs: 0 });
    await leaving.catch(() => undefined);
    await phone.expel(sgId, [board]);
    expect(last()).toEqual([0, 0]);
    const letIn = async () => {
      await phone.consent();
      await rig.settle();
    };
    await board.act(sgId, SgAction.Join, [board], { meanwhile: letIn });
    await west.request(pneRequest, { action: PneAction.Leave, pnId: fromHex(board.pnId ?? ''), pne: board.entityId });
    expect(last()).toEqual([0, 0]);
  });

  it('of whoever missed rekeys come back in one resync, at most one in ten seconds', async () => {
    const sgId = await grouped(phone, [board, radio, gate]);
    await phone.expel(sgId, [gate]);
    await phone.expel(sgId, [board]);
    relay([west, east], [phone]);
    await rig.pass(10_000);
    expect(await radio.resync(sgId, ResyncReason.Gap)).toMatchObject({ status: Status.Success });
    expect(radio.epoch(sgId)).toBe(3);
    expect(radio.groupKey(sgId)).toBe(phone.groupKey(sgId));
    await expect(radio.resync(sgId, ResyncReason.Gap)).rejects.toMatchObject({ status: Status.Busy });
  });

  it('of a member whose state is old are new ones, once an hour', async () => {
    const sgId = await grouped(phone, [board, radio]);
    await rig.pass(10_000);
    await radio.resync(sgId, ResyncReason.Restored);
    expect(radio.epoch(sgId)).toBe(2);
    relay([west], [phone, board]);
    expect(phone.groupKey(sgId)).toBe(radio.groupKey(sgId));
    await rig.pass(10_000);
    await radio.resync(sgId, ResyncReason.Restored);
    expect(group(sgId)?.epoch).toBe(2);
  });

  it('are not sent again to whoever acknowledged them', async () => {
    const sgId = await grouped(phone, [radio, board]);
    await phone.expel(sgId, [board]);
    west.take(groupKeyDelivery);
    east.take(groupKeyDelivery);
    await phone.notify(groupKeyAck, { sgId: fromHex(sgId), epoch: 2 });
    await radio.notify(groupKeyAck, { sgId: fromHex(sgId), epoch: 1 });
    await rig.pass(5_000);
    expect([west.take(groupKeyDelivery).length, east.take(groupKeyDelivery).length]).toEqual([0, 1]);
    await radio.notify(groupKeyAck, { sgId: fromHex(sgId), epoch: 2 });
    await rig.pass(10_000);
    expect([west.take(groupKeyDelivery).length, east.take(groupKeyDelivery).length]).toEqual([0, 0]);
  });

  it('are new ones, of an epoch that nobody has seen, after a restore from backup', async () => {
    const sgId = await grouped(phone, [board, radio]);
    await phone.expel(sgId, [board]);
    relay([west, east], [phone, radio]);
    const before = phone.groupKey(sgId);
    await rig.db.transact((tx) => raiseGroups({ provider, entropy: rig.entropy, groupKeys: rig.groupKeys }, tx, 2 ** 32));
    await rig.pass(60_000);
    expect(phone.take(heartbeat).at(-1)).toMatchObject({ sgs: [{ epoch: 2 ** 32 + 3 }] });
    for (const member of [phone, radio]) await member.resync(sgId, ResyncReason.Gap);
    expect(radio.groupKey(sgId)).toBe(phone.groupKey(sgId));
    expect(phone.groupKey(sgId)).not.toBe(before);
    await phone.expel(sgId, [radio]);
    expect(relay([west], [phone]).get(phone.entityId)?.at(-1)).toBe('keys');
  });

  it('survive a restart of the server, sealed', async () => {
    const sgId = await grouped(phone, [board, radio]);
    rig.restart();
    for (const gateway of [west, east]) await gateway.setUp();
    expect(group(sgId)).toMatchObject({ epoch: 1, memberCount: 3 });
    await rig.enabler.revokeDevice(radio.entityId);
    expect(relay([west, east], [phone, board]).get(board.entityId)).toEqual(['keys']);
  });
});

it('a notice to whoever is away waits until it is there', async () => {
  const sgId = await grouped(phone, [board, radio]);
  rig.detach(east.entityId);
  await phone.expel(sgId, [radio]);
  expect(radio.take(sgExpelledNotice)).toEqual([]);
  east.connect();
  await east.setUp();
  const [notice] = radio.device.takeEnvelopes(sgExpelledNotice);
  if (notice === undefined) throw new Error('no notice');
  await radio.answer(notice, ack, { status: Status.Success });
  expect(rig.db.reads.outbox.waiting(radio.entityId, 10).filter(({ number }) => number === sgExpelledNotice.number)).toEqual([]);
});
