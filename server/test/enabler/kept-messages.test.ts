import { type EntityId, entityId } from '@cpns/shared';
import { type Envelope, MISSING_MAX, SgAction, sgData, sgDataAnswer } from '@cpns/shared/messages';
import { fromHex } from '@cpns/shared/security';
import { describe, expect, it } from 'vitest';
import { raiseGroups } from '../../src/enabler/groups/change.js';
import { ANSWER_LIMIT_MS, inOneGroup, stored, texts } from './kept-messages.js';
import { provider } from './rig.js';

const AFTERTHOUGHT_MS = 25_000;

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

  it('of an epoch whose key is at hand no more when its PN GW answers', async () => {
    const { rig, say, answer, waiting, phone, radio, east } = await inOneGroup();
    await say(phone, 'a');
    await rig.db.transact((tx) => raiseGroups({ groupKeys: rig.groupKeys, provider, entropy: rig.entropy }, tx, 2 ** 32));
    await answer(east, [radio.entityId]);
    expect(waiting()).toEqual({});
  });

  it('beyond what one sender may have kept a second', async () => {
    const limits = { groupKeptCopiesPerSecondPerMember: 1, groupKeptCopiesPerGroup: 3 };
    const { rig, sgId, say, answer, waiting, phone, board, east } = await inOneGroup({ limits });
    for (let i = 0; i < 5; i++) await say(phone, String(i), [board.entityId]);
    await answer(east);
    expect(waiting()).toEqual({ board: 3 });
    expect(rig.db.reads.kept.next(sgId, board.entityId, 10, 10_000)?.lost).toBe(0);
    await rig.pass(1_000);
    await say(board, 'of another one', [phone.entityId]);
    await say(phone, 'a second later', [board.entityId]);
    expect(waiting()).toMatchObject({ phone: 1 });
  });
});
