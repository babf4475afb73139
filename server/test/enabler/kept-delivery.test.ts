import { heartbeat, heartbeatAnswer, refusal, Status, sgKeptMessages, sgReleaseRequest, sgReleaseResponse } from '@cpns/shared/messages';
import { fromHex, toHex } from '@cpns/shared/security';
import { describe, expect, it } from 'vitest';
import { raiseGroups } from '../../src/enabler/groups/change.js';
import { formerKey } from '../../src/enabler/groups/former-keys.js';
import { established, type PneDouble } from './devices.js';
import { GroupDevice } from './group-devices.js';
import { inOneGroup, stored, texts } from './kept-messages.js';
import { provider } from './rig.js';

describe('kept messages are delivered', () => {
  it('in the session of the member as soon as it shows that it is there, and go when it has stored them', async () => {
    const { rig, sgId, say, answer, waiting, signOfLife, phone, board, east } = await inOneGroup();
    for (const text of ['one', 'two']) await say(phone, text, [board.entityId]);
    await answer(east);
    await signOfLife(board);
    // While they are under way, another one changes nothing.
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

  it('in no session but that of the membership', async () => {
    const { rig, say, answer, signOfLife, phone, board, east } = await inOneGroup();
    await say(phone, 'one', [board.entityId]);
    await answer(east);
    const elsewhere = await established(board.gateway, [board.device as PneDouble]);
    await signOfLife(new GroupDevice(rig, board.device, elsewhere));
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
    expect(rig.logger.lines.filter(({ level }) => level === 'warn')).toEqual([]);
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
