import type { SgId } from '@cpns/shared';
import {
  ack,
  groupKeyAck,
  groupKeyDelivery,
  heartbeat,
  SgAction,
  Status,
  sgCreateRequest,
  sgCreateResponse,
  sgData,
  sgExpelledNotice,
  sgInventoryNotice,
  sgMemberChangeNotification,
  sgReleaseNotification,
  sgReleaseRequest,
  sgReleaseResponse,
} from '@cpns/shared/messages';
import { fromHex, GroupKey, GroupMessages, toHex } from '@cpns/shared/security';
import { beforeEach, describe, expect, it } from 'vitest';
import type { GatewayDouble } from './devices.js';
import { type GroupDevice, grouped, groupWorld, relay } from './group-devices.js';
import { provider, type Rig } from './rig.js';

let rig: Rig;
let west: GatewayDouble;
let east: GatewayDouble;
let phone: GroupDevice;
let board: GroupDevice;
let radio: GroupDevice;
let gate: GroupDevice;

/** Two PN GWs; phone and board behind the one, radio behind the other, which is a member itself. */
beforeEach(async () => {
  ({ rig, west, east, phone, board, radio, gate } = await groupWorld());
});

const all = () => [phone, board, radio, gate];
const group = (sgId: SgId) => rig.db.reads.groups.find(sgId);
const members = (sgId: SgId) => rig.db.reads.groups.members(sgId).map(({ entityId }) => entityId);
/** Everybody's Group Key, by device. */
const keysOf = (sgId: SgId) => all().map((device) => device.groupKey(sgId));

describe('SGCreateRequest', () => {
  it('asks everybody, makes the group of those who agree, and gives them one Group Key', async () => {
    let asked: unknown[] = [];
    const created = await phone.request(
      sgCreateRequest,
      { name: ' family ', members: [board.entityId, radio.entityId, gate.entityId], objects: [] },
      sgCreateResponse,
      {
        meanwhile: async () => {
          asked = await board.consent();
          await radio.consent(Status.Rejected);
          await gate.consent();
        },
      },
    );
    expect(asked).toMatchObject([
      { action: SgAction.Invite, origin: 'phone', targets: ['board'], name: 'family', owner: 'phone', sameUser: true },
    ]);
    expect(created).toMatchObject({
      status: Status.PartialSuccess,
      outcomes: [
        { pne: 'board', status: Status.Success },
        { pne: 'radio', status: Status.Rejected },
        { pne: 'east', status: Status.Success },
      ],
      group: { name: 'family', owner: 'phone', epoch: 1, memberCount: 3, members: ['phone', 'board', 'east'] },
    });
    const sgId = toHex(created.group?.sgId as Uint8Array) as SgId;
    expect(board.take(sgMemberChangeNotification)).toMatchObject([{ name: 'family', epoch: 1, add: ['phone', 'board', 'east'] }]);
    expect(west.take(sgInventoryNotice)).toMatchObject([{ epoch: 1, version: 1, members: [{ entity: 'phone' }, { entity: 'board' }] }]);
    expect(east.take(sgInventoryNotice)).toMatchObject([{ members: [{ entity: 'east', leaf: 2 }] }]);
    for (const device of [phone, board, gate]) await device.resync(sgId);
    expect(phone.groupKey(sgId)).toHaveLength(64);
    expect(new Set(keysOf(sgId))).toEqual(new Set([phone.groupKey(sgId), undefined]));
    expect(await radio.resync(sgId)).toMatchObject({ status: Status.NotMember });
  });

  it('makes none when nobody agrees, and says why', async () => {
    const created = await phone.request(sgCreateRequest, { name: 'x', members: [board.entityId], objects: [] }, sgCreateResponse, {
      meanwhile: async () => void (await board.consent(Status.Rejected)),
    });
    expect(created).toEqual({ status: Status.Rejected, outcomes: [{ pne: 'board', status: Status.Rejected }] });
    expect(rig.db.reads.groups.list()).toEqual([]);
  });

  it('ends the waiting after 75 s of silence', async () => {
    const body = { name: 'x', members: [board.entityId], objects: [] };
    const created = await phone.request(sgCreateRequest, body, sgCreateResponse, { passMs: 75_000 });
    expect(created).toMatchObject({ status: Status.Rejected, outcomes: [{ status: Status.Timeout }] });
  });
});

describe('leaving and expelling', () => {
  it('leaves after the window, with a new Group Key that the one who left cannot read', async () => {
    const sgId = await grouped(phone, [board, radio, gate]);
    const before = phone.groupKey(sgId);
    const answer = await board.leave(sgId);
    expect(answer).toMatchObject({ status: Status.Success });
    expect(members(sgId)).toEqual(['phone', 'radio', 'east']);
    expect(group(sgId)).toMatchObject({ epoch: 2, memberCount: 3, owner: 'phone' });
    const outcomes = relay([west, east], all());
    expect([...outcomes]).toEqual([
      ['phone', ['keys']],
      ['board', ['gap']],
      ['radio', ['keys']],
      ['east', ['keys']],
    ]);
    expect(board.groupKey(sgId)).toBe(before);
    expect(new Set([phone, radio, gate].map((device) => device.groupKey(sgId))).size).toBe(1);
    expect(phone.groupKey(sgId)).not.toBe(before);
  });

  it('expels at once and by the owner alone, and tells whom it concerns', async () => {
    const sgId = await grouped(phone, [board, radio]);
    await expect(board.expel(sgId, [radio])).rejects.toMatchObject({ status: Status.NotOwner });
    await expect(gate.expel(sgId, [radio])).rejects.toMatchObject({ status: Status.NotMember });
    await expect(phone.expel(sgId, [phone])).rejects.toMatchObject({ status: Status.BadAction });
    expect(await phone.expel(sgId, [radio, gate])).toMatchObject({
      status: Status.PartialSuccess,
      outcomes: [
        { pne: 'radio', status: Status.Success },
        { pne: 'east', status: Status.NotMember },
      ],
    });
    expect(radio.take(sgExpelledNotice)).toMatchObject([{ sgId: fromHex(sgId) }]);
    expect(east.take(sgInventoryNotice).at(-1)).toMatchObject({ released: true, members: [] });
    // The PN GW of whoever is out gets no rekey any more.
    expect(east.take(groupKeyDelivery)).toEqual([]);
    expect(relay([west], [phone, board]).get(board.entityId)).toEqual(['keys']);
    expect(await radio.resync(sgId)).toMatchObject({ status: Status.NotMember });
  });

  it('makes one epoch of what comes within a window', async () => {
    const sgId = await grouped(phone, [board, radio, gate]);
    const leaves = [board.leave(sgId, { passMs: 0 }), radio.leave(sgId, { passMs: 0 })];
    await Promise.allSettled(leaves);
    expect(group(sgId)?.epoch).toBe(1);
    expect(await phone.expel(sgId, [gate])).toMatchObject({ status: Status.Success });
    expect(group(sgId)).toMatchObject({ epoch: 2, memberCount: 1 });
    expect(west.take(groupKeyDelivery)).toHaveLength(1);
  });

  it('is carried out once, however often it is asked for', async () => {
    const sgId = await grouped(phone, [board, radio]);
    const transaction = rig.entropy.bytes(16);
    await board.leave(sgId, { transaction });
    expect(await board.leave(sgId, { transaction })).toMatchObject({ status: Status.Success });
    expect(group(sgId)?.epoch).toBe(2);
  });

  it('keeps nothing of a batch that the disk does not take, and takes it when it comes again', async () => {
    const sgId = await grouped(phone, [board, radio]);
    rig.failing = 1;
    await expect(board.leave(sgId)).rejects.toMatchObject({ status: Status.ServerError });
    expect(group(sgId)).toMatchObject({ epoch: 1, memberCount: 3 });
    expect(await board.leave(sgId)).toMatchObject({ status: Status.Success });
    expect(group(sgId)).toMatchObject({ epoch: 2, memberCount: 2 });
    expect(relay([west, east], [phone, radio]).get(phone.entityId)).toEqual(['keys']);
  });

  it('repeats a rekey that was not acknowledged after 5 and 15 s', async () => {
    const sgId = await grouped(phone, [board, radio]);
    await phone.expel(sgId, [board]);
    expect(west.take(groupKeyDelivery)).toHaveLength(1);
    // Who is not in the group has nothing to acknowledge.
    for (const stranger of [board, gate]) await stranger.notify(groupKeyAck, { sgId: fromHex(sgId), epoch: 2 });
    await rig.pass(5_000);
    expect(west.take(groupKeyDelivery)).toHaveLength(1);
    await rig.pass(10_000);
    expect(west.take(groupKeyDelivery)).toHaveLength(1);
    await rig.pass(60_000);
    expect(west.take(groupKeyDelivery)).toHaveLength(0);
  });
});

describe('SGReleaseRequest', () => {
  it('deletes the group and tells everybody; only the owner may', async () => {
    const sgId = await grouped(phone, [board, radio]);
    await expect(board.request(sgReleaseRequest, { sgId: fromHex(sgId) }, sgReleaseResponse)).rejects.toMatchObject({
      status: Status.NotOwner,
    });
    const released = await phone.request(sgReleaseRequest, { sgId: fromHex(sgId) }, sgReleaseResponse);
    expect(released).toMatchObject({ status: Status.Success });
    await rig.settle();
    expect(rig.db.reads.groups.count()).toBe(0);
    expect(board.take(sgReleaseNotification)).toHaveLength(1);
    expect(phone.take(sgReleaseNotification)).toHaveLength(0);
    expect(east.take(sgInventoryNotice).at(-1)).toMatchObject({ released: true });
    expect(await board.resync(sgId)).toMatchObject({ status: Status.UnknownSg });
  });
});

describe('group messages', () => {
  it('go once to every other PN GW with members', async () => {
    const sgId = await grouped(phone, [board, radio, gate]);
    const message = sealed(sgId, phone);
    await west.notify(sgData, { sgId: fromHex(sgId), from: phone.entityId, message });
    expect(east.take(sgData)).toMatchObject([{ from: 'phone', message }]);
    expect(west.take(sgData)).toEqual([]);
  });

  it('are dropped when their sender is no member behind the PN GW that brings them', async () => {
    const sgId = await grouped(phone, [board, radio]);
    const message = sealed(sgId, phone);
    const body = { sgId: fromHex(sgId), from: phone.entityId, message };
    await east.notify(sgData, body);
    await west.notify(sgData, { ...body, from: board.entityId });
    await west.notify(sgData, { ...body, from: west.entityId });
    await west.notify(sgData, { ...body, message: message.slice(0, 20) });
    // Of another group, in which it is a member as well.
    const other = await grouped(phone, [board, radio], { name: 'other' });
    await west.notify(sgData, { ...body, sgId: fromHex(other) });
    expect([west.take(sgData), east.take(sgData)]).toEqual([[], []]);
  });

  it('of a PN GW without members are answered with the truth', async () => {
    const sgId = await grouped(phone, [board]);
    await east.notify(sgData, { sgId: fromHex(sgId), from: radio.entityId, message: sealed(sgId, phone) });
    await rig.settle();
    expect(east.take(sgInventoryNotice)).toMatchObject([{ released: true }]);
  });

  it('of a PN GW without members are answered once a second, however many there are', async () => {
    const sgId = await grouped(phone, [board]);
    const body = { sgId: fromHex(sgId), from: radio.entityId, message: sealed(sgId, phone) };
    const answered = async () => {
      for (let i = 0; i < 5; i++) await east.notify(sgData, body);
      await rig.settle();
      const notices = east.takeEnvelopes(sgInventoryNotice);
      for (const notice of notices) await east.answer(notice, ack, { status: Status.Success });
      return notices.length;
    };
    expect(await answered()).toBe(1);
    await rig.pass(1_000);
    expect(await answered()).toBe(1);
  });

  function sealed(sgId: SgId, from: GroupDevice): Uint8Array {
    const { entropy } = rig;
    const messages = new GroupMessages(fromHex(sgId), { provider, entropy, self: from.entityId, bootCounter: 1 });
    messages.install({ epoch: 1n, key: new GroupKey('Group Key', fromHex(from.groupKey(sgId) ?? '')), graceMs: 0 }, 0);
    return messages.seal(new Uint8Array(10), 0);
  }
});

describe('the heartbeat', () => {
  it('tells a member of its groups in the session of its membership, and at once in a new one', async () => {
    const sgId = await grouped(phone, [board]);
    await rig.pass(60_000);
    expect(phone.take(heartbeat)).toMatchObject([{ sgs: [{ sgId: fromHex(sgId), epoch: 1 }] }]);
    expect(west.take(heartbeat)).toMatchObject([{ sgs: [] }]);
  });
});
