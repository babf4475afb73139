import { type EntityId, entityId, type SgId } from '@cpns/shared';
import {
  ack,
  type BodyOf,
  bodyOf,
  type Envelope,
  groupKeyAck,
  heartbeat,
  heartbeatAnswer,
  MISSING_MAX,
  refusal,
  SgAction,
  Status,
  sgData,
  sgDataAnswer,
  sgKeptMessages,
  sgReleaseRequest,
  sgReleaseResponse,
} from '@cpns/shared/messages';
import { fromHex, GroupKey, GroupMessages, toHex } from '@cpns/shared/security';
import { describe, expect, it } from 'vitest';
import { raiseGroups } from '../../src/enabler/groups/change.js';
import { formerKey } from '../../src/enabler/groups/former-keys.js';
import { type GatewayDouble, PneDouble } from './devices.js';
import { type GroupDevice, grouped, relay, twoHomes } from './group-devices.js';
import { type Changes, provider, Rig } from './rig.js';

const ANSWER_LIMIT_MS = 4_000;
const AFTERTHOUGHT_MS = 25_000;

/** Phone, the owner, and board behind the one PN GW; radio behind the other, which is a member itself. */
async function inOneGroup(changes: Changes = {}) {
  const rig = new Rig(changes);
  rig.hasGroups = true;
  await rig.user();
  const homes = await twoHomes(rig);
  const { west, east, phone, board, radio, gate } = homes;
  const sgId = await grouped(phone, [board, radio, gate]);
  let boots = 0;
  /** Seals a message under the key that a member holds, or `key` of `epoch`. */
  const sealed = (from: GroupDevice, text: string, epoch = from.epoch(sgId), key = from.groupKey(sgId) ?? '') => {
    const { entropy } = rig;
    const current = { epoch: BigInt(epoch), key: new GroupKey('Group Key', fromHex(key)) };
    const messages = new GroupMessages(fromHex(sgId), { provider, entropy, self: from.entityId, bootCounter: ++boots, current });
    return messages.seal(new TextEncoder().encode(text), 0);
  };
  const send = (from: GroupDevice, message: Uint8Array, missing?: readonly EntityId[]) =>
    from.gateway.notify(sgData, { sgId: fromHex(sgId), from: from.entityId, message, ...(missing && { missing: [...missing] }) });
  const say = (from: GroupDevice, text: string, missing?: readonly EntityId[]) => send(from, sealed(from, text), missing);
  /** A PN GW says what became of the messages that it has. */
  const answer = async (gateway: GatewayDouble, missing: readonly EntityId[] = []) => {
    for (const envelope of gateway.takeEnvelopes(sgData)) await gateway.answer(envelope, sgDataAnswer, { missing: [...missing] });
    await rig.settle();
  };
  /** For whom how many messages are kept. */
  const waiting = () =>
    Object.fromEntries(
      [phone, board, radio, gate].flatMap(({ entityId: member }) => {
        const messages = rig.db.reads.kept.next(sgId, member, 1_000, 1_000_000)?.messages.length ?? 0;
        return messages === 0 ? [] : [[member as string, messages]];
      }),
    );
  /** A member says that it is there. */
  const signOfLife = async (member: GroupDevice) => {
    await member.notify(groupKeyAck, { sgId: fromHex(sgId), epoch: member.epoch(sgId) });
    await rig.settle();
  };
  const rekey = () => relay([west, east], [phone, board, radio, gate]);
  return { rig, ...homes, sgId, sealed, send, say, answer, waiting, signOfLife, rekey };
}

/** What a member is given, and stores. */
async function stored({ rig, device, pnId }: GroupDevice, status: Status = Status.Success): Promise<BodyOf<typeof sgKeptMessages>[]> {
  const given = device.takeEnvelopes(sgKeptMessages);
  for (const envelope of given) {
    if (device instanceof PneDouble) await device.answer(pnId as never, envelope, ack, { status });
    else await device.answer(envelope, ack, { status });
  }
  await rig.settle();
  return given.map((envelope) => bodyOf(envelope, sgKeptMessages));
}

/** The texts of messages, opened with a key. */
function texts(sgId: SgId, key: Uint8Array | string, { epoch, messages }: BodyOf<typeof sgKeptMessages>): string[] {
  const octets = typeof key === 'string' ? fromHex(key) : key;
  const opener = new GroupMessages(fromHex(sgId), {
    provider,
    entropy: { bytes: (length) => new Uint8Array(length) },
    self: entityId('reader'),
    bootCounter: 1,
    current: { epoch: BigInt(epoch), key: new GroupKey('Group Key', octets) },
  });
  return messages.map(({ message }) => new TextDecoder().decode(opener.open(message, 0).content));
}

describe('a group message is kept', () => {
  it('for those whom their PN GW names, and it can name nobody else', async () => {
    const { say, answer, waiting, phone, east } = await inOneGroup();
    await say(phone, 'a');
    await answer(east, ['radio', 'board', 'phone', 'stranger'].map(entityId));
    expect(waiting()).toEqual({ radio: 1 });
    await say(phone, 'b');
    await answer(east);
    expect(waiting()).toEqual({ radio: 1 });
  });

  it('for everybody behind a PN GW that says nothing, or names more than it can', async () => {
    const { rig, say, answer, waiting, phone, east } = await inOneGroup();
    await say(phone, 'a');
    await rig.pass(ANSWER_LIMIT_MS - 1);
    expect(waiting()).toEqual({});
    await rig.pass(1);
    expect(waiting()).toEqual({ radio: 1, east: 1 });
    await say(phone, 'b');
    await answer(east, new Array(MISSING_MAX).fill('stranger') as EntityId[]);
    expect(waiting()).toEqual({ radio: 2, east: 2 });
  });

  it('for everybody behind a PN GW that is not there, before the sender is told that it arrived', async () => {
    const { rig, say, waiting, phone, east } = await inOneGroup();
    rig.detach(east.entityId);
    await say(phone, 'a');
    expect(waiting()).toEqual({ radio: 1, east: 1 });
  });

  it('for those whom the PN GW of its sender names, but not for the sender', async () => {
    const { say, answer, waiting, phone, east } = await inOneGroup();
    await say(phone, 'a', ['board', 'phone', 'radio'].map(entityId));
    await answer(east);
    expect(waiting()).toEqual({ board: 1 });
  });

  it('only when its PN GW answers itself', async () => {
    const { rig, say, waiting, phone, west, east } = await inOneGroup();
    await say(phone, 'a');
    const [envelope] = east.takeEnvelopes(sgData);
    if (envelope === undefined) throw new Error('nothing came');
    await west.answer(envelope, sgDataAnswer, { missing: [] });
    await rig.pass(ANSWER_LIMIT_MS);
    expect(waiting()).toEqual({ radio: 1, east: 1 });
  });

  it('for those whom their PN GW names afterwards, too, for a while', async () => {
    const { rig, say, waiting, phone, board, radio, gate, west, east, sealed, sgId } = await inOneGroup();
    await say(phone, 'a');
    const [envelope] = east.takeEnvelopes(sgData);
    if (envelope === undefined) throw new Error('nothing came');
    await east.answer(envelope, sgDataAnswer, { missing: [] });
    await rig.pass(AFTERTHOUGHT_MS - 1);
    await east.answer(envelope, sgDataAnswer, { missing: [radio.entityId, board.entityId] });
    await rig.settle();
    expect(waiting()).toEqual({ radio: 1 });
    await rig.pass(1);
    await east.answer(envelope, sgDataAnswer, { missing: [gate.entityId] });
    await rig.settle();
    expect(waiting()).toEqual({ radio: 1 });

    const transaction = rig.entropy.bytes(16);
    const own = { sgId: fromHex(sgId), from: phone.entityId, message: sealed(phone, 'b') };
    await west.answer({ transaction } as Envelope, sgData, own);
    await west.answer({ transaction } as Envelope, sgDataAnswer, { missing: [board.entityId] });
    await rig.settle();
    expect(waiting()).toEqual({ radio: 1, board: 1 });
  });

  it('in the order of arrival, whoever answers first', async () => {
    const { rig, say, phone, east, radio, sgId, signOfLife, board } = await inOneGroup();
    await say(phone, 'first');
    rig.detach(east.entityId);
    await say(board, 'second');
    east.connect();
    await rig.pass(ANSWER_LIMIT_MS);
    await signOfLife(radio);
    const [given] = await stored(radio);
    expect(given && texts(sgId, radio.groupKey(sgId) ?? '', given)).toEqual(['first', 'second']);
  });
});

describe('a group message is not kept', () => {
  it('of somebody who is no member behind that PN GW', async () => {
    const { rig, sgId, sealed, waiting, phone, east } = await inOneGroup();
    await east.notify(sgData, { sgId: fromHex(sgId), from: phone.entityId, message: sealed(phone, 'x'), missing: [entityId('radio')] });
    await rig.pass(ANSWER_LIMIT_MS);
    expect(waiting()).toEqual({});
  });

  it('of an epoch that has not begun, or of which nobody knows', async () => {
    const { rig, sealed, send, waiting, phone, board } = await inOneGroup();
    await send(phone, sealed(phone, 'x', 2), [board.entityId]);
    await send(phone, sealed(phone, 'x', 0), [board.entityId]);
    await rig.pass(ANSWER_LIMIT_MS);
    expect(waiting()).toEqual({});
  });

  it('of an epoch that an expulsion has ended, although messages of it are kept', async () => {
    const { rig, sealed, send, say, waiting, sgId, phone, board, radio } = await inOneGroup();
    await say(phone, 'before', [board.entityId]);
    await rig.pass(ANSWER_LIMIT_MS);
    await phone.expel(sgId, [radio]);
    const before = waiting();
    // Who was expelled and its PN GW speak in the name of another one.
    await send(phone, sealed(phone, 'forged', 1, radio.groupKey(sgId)), [board.entityId]);
    await rig.pass(ANSWER_LIMIT_MS);
    expect(waiting()).toEqual(before);
  });

  it('of an epoch that a leave has ended, but for the grace', async () => {
    const { rig, sealed, send, waiting, sgId, phone, board, radio, gate, answer, east } = await inOneGroup();
    const key = phone.groupKey(sgId);
    await radio.leave(sgId);
    await send(phone, sealed(phone, 'in time', 1, key), [board.entityId]);
    await answer(east, [gate.entityId]);
    expect(waiting()).toEqual({ board: 1, east: 1 });
    expect(rig.db.reads.kept.formerKey(sgId, 1)).toBeDefined();
    await rig.pass(5_000);
    await send(phone, sealed(phone, 'too late', 1, key), [board.entityId]);
    await rig.pass(ANSWER_LIMIT_MS);
    expect(waiting()).toEqual({ board: 1, east: 1 });
  });

  it('of an epoch in its grace once an expulsion has followed', async () => {
    const { rig, sealed, send, waiting, sgId, phone, board, radio, gate } = await inOneGroup();
    const key = phone.groupKey(sgId);
    await gate.leave(sgId);
    await phone.expel(sgId, [radio]);
    await send(phone, sealed(phone, 'forged', 1, key), [board.entityId]);
    await rig.pass(ANSWER_LIMIT_MS);
    expect(waiting()).toEqual({});
  });

  it('of an epoch in its grace in the name of somebody who came in after it', async () => {
    const { rig, sealed, send, waiting, rekey, sgId, phone, board, radio, west, answer } = await inOneGroup();
    await radio.leave(sgId);
    rekey();
    const key = phone.groupKey(sgId);
    await phone.act(sgId, SgAction.Invite, [radio], { meanwhile: async () => void (await radio.consent()) });
    await send(radio, sealed(radio, 'forged', 2, key));
    await answer(west, [board.entityId]);
    await rig.pass(ANSWER_LIMIT_MS);
    expect(waiting()).toEqual({});
    // Of a member of that epoch it is.
    await send(board, sealed(board, 'in time', 2, key), [phone.entityId]);
    expect(waiting()).toEqual({ phone: 1 });
  });

  it('for who came in after it, before its PN GW has answered', async () => {
    const { rig, sgId, say, waiting, rekey, phone, radio } = await inOneGroup();
    await radio.leave(sgId);
    rekey();
    await say(phone, 'said before');
    await phone.act(sgId, SgAction.Invite, [radio], { meanwhile: async () => void (await radio.consent()) });
    expect(rig.db.reads.groups.member(sgId, radio.entityId)).toMatchObject({ joinedEpoch: 3 });
    await rig.pass(ANSWER_LIMIT_MS);
    expect(waiting()).toEqual({ east: 1 });
  });

  it('beyond what one sender may have kept a second', async () => {
    const limits = { groupKeptCopiesPerSecondPerMember: 1, groupKeptCopiesPerGroup: 3 };
    const { rig, say, answer, waiting, phone, board, east } = await inOneGroup({ limits });
    for (let i = 0; i < 5; i++) await say(phone, String(i), [board.entityId]);
    await answer(east);
    expect(waiting()).toEqual({ board: 3 });
    await rig.pass(1_000);
    await say(board, 'of another one', [phone.entityId]);
    await say(phone, 'a second later', [board.entityId]);
    expect(waiting()).toMatchObject({ phone: 1 });
  });
});

describe('kept messages are delivered', () => {
  it('in the session of the member as soon as it shows that it is there, and go when it has stored them', async () => {
    const { rig, sgId, say, answer, waiting, signOfLife, phone, board, east } = await inOneGroup();
    for (const text of ['one', 'two']) await say(phone, text, [board.entityId]);
    await answer(east);
    await signOfLife(board);
    // It was not answered: the same comes again.
    await rig.pass(5_000);
    const given = await stored(board);
    expect(given).toHaveLength(2);
    expect(given[0]).toEqual(given[1]);
    expect(given[0]).toMatchObject({ epoch: 1, lost: 0 });
    expect(given[0]?.groupKey).toBeUndefined();
    expect(texts(sgId, board.groupKey(sgId) ?? '', given[0] as never)).toEqual(['one', 'two']);
    expect(waiting()).toEqual({});
    await signOfLife(board);
    expect(board.take(sgKeptMessages)).toEqual([]);
  });

  it('at the answer to a heartbeat', async () => {
    const { rig, say, answer, phone, board, east, waiting } = await inOneGroup();
    await say(phone, 'one', [board.entityId]);
    await answer(east);
    await rig.pass(60_000);
    for (const envelope of board.device.takeEnvelopes(heartbeat)) await board.answer(envelope, heartbeatAnswer, { counts: [] });
    await rig.settle();
    expect(await stored(board)).toHaveLength(1);
    expect(waiting()).toEqual({});
  });

  it('when their PN GW is back, in their sessions before', async () => {
    const { rig, sgId, say, waiting, phone, radio, east } = await inOneGroup();
    rig.detach(east.entityId);
    await say(phone, 'one');
    east.connect();
    await east.setUp();
    await rig.settle();
    const [given] = await stored(radio);
    expect(given && texts(sgId, radio.groupKey(sgId) ?? '', given)).toEqual(['one']);
    expect(waiting()).toEqual({ east: 1 });
  });

  it('not while the member refuses them, is silent, or the disk is full', async () => {
    const { rig, say, answer, waiting, signOfLife, phone, board, east } = await inOneGroup();
    await say(phone, 'one', [board.entityId]);
    await answer(east);
    await signOfLife(board);
    for (const envelope of board.device.takeEnvelopes(sgKeptMessages)) await board.answer(envelope, refusal, { status: Status.Busy });
    await signOfLife(board);
    expect(await stored(board, Status.ServerError)).toHaveLength(1);
    await signOfLife(board);
    await rig.pass(15_000);
    board.take(sgKeptMessages);
    await signOfLife(board);
    rig.failing = 1;
    expect(await stored(board)).toHaveLength(1);
    expect(waiting()).toEqual({ board: 1 });
    await signOfLife(board);
    expect(await stored(board)).toHaveLength(1);
    expect(waiting()).toEqual({});
  });

  it('with the Group Key of an epoch that is over, epoch by epoch, and with none that the member must fetch', async () => {
    const { rig, sgId, say, answer, signOfLife, rekey, phone, board, radio, gate, east } = await inOneGroup();
    const first = phone.groupKey(sgId) ?? '';
    await say(phone, 'one', [board.entityId]);
    await answer(east);
    await radio.leave(sgId);
    rekey();
    // Nothing of this epoch is kept, so that its key is not either.
    await gate.leave(sgId);
    rekey();
    await say(phone, 'three', [board.entityId]);
    expect(rig.db.reads.kept.formerKey(sgId, 2)).toBeUndefined();
    await signOfLife(board);
    const [over] = await stored(board);
    const [present] = await stored(board);
    expect([over?.epoch, over?.groupKey && toHex(over.groupKey)]).toEqual([1, first]);
    expect(texts(sgId, over?.groupKey as Uint8Array, over as never)).toEqual(['one']);
    expect([present?.epoch, present?.groupKey]).toEqual([3, undefined]);
    expect(texts(sgId, phone.groupKey(sgId) ?? '', present as never)).toEqual(['three']);
    expect(rig.db.reads.kept.formerKey(sgId, 1)).toBeUndefined();
  });

  it('never to who left or was expelled, and their key is deleted with them', async () => {
    const { rig, sgId, say, answer, waiting, signOfLife, phone, board, radio, east } = await inOneGroup();
    await say(phone, 'one', [board.entityId]);
    await answer(east, [radio.entityId]);
    await phone.expel(sgId, [board]);
    expect(rig.db.reads.kept.formerKey(sgId, 1)).toBeDefined();
    await signOfLife(board);
    expect(board.take(sgKeptMessages)).toEqual([]);
    await radio.leave(sgId);
    expect(waiting()).toEqual({});
    expect(rig.db.reads.kept.formerKey(sgId, 1)).toBeUndefined();
  });

  it('not after the group was released', async () => {
    const { rig, sgId, say, answer, signOfLife, phone, board, east } = await inOneGroup();
    await say(phone, 'one', [board.entityId]);
    await answer(east);
    await phone.request(sgReleaseRequest, { sgId: fromHex(sgId) }, sgReleaseResponse);
    await signOfLife(board);
    expect(board.take(sgKeptMessages)).toEqual([]);
    expect(rig.db.reads.kept.count(sgId)).toEqual({ messages: 0, members: 0 });
  });

  it('with how many were given up', async () => {
    const { say, answer, signOfLife, phone, board, east } = await inOneGroup({ limits: { groupKeptMessagesPerMember: 1 } });
    for (let i = 0; i < 3; i++) await say(phone, String(i), [board.entityId]);
    await answer(east);
    await signOfLife(board);
    expect(await stored(board)).toMatchObject([{ lost: 2, messages: [{}] }]);
    await signOfLife(board);
    expect(board.take(sgKeptMessages)).toEqual([]);
  });

  it('after a restart, and after a restore from backup', async () => {
    const { rig, sgId, say, phone, board, answer, east } = await inOneGroup();
    const key = phone.groupKey(sgId) ?? '';
    await say(phone, 'one', [board.entityId]);
    await answer(east);
    rig.restart();
    await rig.db.transact((tx) => raiseGroups({ groupKeys: rig.groupKeys, provider, entropy: rig.entropy }, tx, 2 ** 32));
    const batch = rig.db.reads.kept.next(sgId, board.entityId, 10, 10_000);
    expect(batch?.epoch).toBe(1);
    const former = formerKey({ inventory: rig.db, groupKeys: rig.groupKeys }, sgId, 1);
    expect(former && toHex(former)).toBe(key);
  });
});
