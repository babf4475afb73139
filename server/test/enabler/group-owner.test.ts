import type { EntityId, SgId } from '@cpns/shared';
import {
  bodyOf,
  requestWithdrawn,
  Status,
  sgOwnerChangeNotification,
  sgOwnerTransferRequest,
  sgOwnerTransferResponse,
  sgReleaseNotification,
} from '@cpns/shared/messages';
import { fromHex } from '@cpns/shared/security';
import { beforeEach, describe, expect, it } from 'vitest';
import { established, type GatewayDouble, PneDouble } from './devices.js';
import { GroupDevice, grouped, groupWorld } from './group-devices.js';
import { bob, type Rig } from './rig.js';

let rig: Rig;
let west: GatewayDouble;
let phone: GroupDevice;
let board: GroupDevice;
let radio: GroupDevice;

/** Phone and board of Alice behind west, radio of Bob behind another PN GW. */
beforeEach(async () => {
  ({ rig, west, phone, board, radio } = await groupWorld(bob));
});

const group = (sgId: SgId) => rig.db.reads.groups.find(sgId);

describe('the owner', () => {
  const offer = async (candidate: GroupDevice, accept: boolean): Promise<boolean> => {
    await rig.settle();
    const [asked] = candidate.device.takeEnvelopes(sgOwnerTransferRequest);
    if (asked === undefined) return false;
    const { sgId } = bodyOf(asked, sgOwnerTransferRequest);
    await candidate.answer(asked, sgOwnerTransferResponse, { accept, pne: candidate.entityId, sgId });
    await rig.settle();
    return true;
  };

  it.each([true, false])('hands the group over when the candidate says yes (%s)', async (accept) => {
    const sgId = await grouped(phone, [board, radio]);
    const body = { pne: phone.entityId, sgId: fromHex(sgId), candidate: radio.entityId };
    const answer = await phone.request(sgOwnerTransferRequest, body, sgOwnerTransferResponse, {
      meanwhile: async () => void (await offer(radio, accept)),
    });
    expect(answer).toMatchObject({ accept, pne: 'radio' });
    expect(group(sgId)?.owner).toBe(accept ? 'radio' : 'phone');
    expect(board.take(sgOwnerChangeNotification)).toMatchObject(accept ? [{ owner: 'radio' }] : []);
    if (accept) await expect(phone.expel(sgId, [board])).rejects.toMatchObject({ status: Status.NotOwner });
  });

  it('leaves, and the first member that wants to own the group does: those of its user first', async () => {
    const sgId = await grouped(phone, [radio, board]);
    await phone.leave(sgId);
    expect(group(sgId)).toMatchObject({ owner: undefined, memberCount: 2 });
    expect(await offer(radio, true)).toBe(false);
    expect(await offer(board, false)).toBe(true);
    expect(await offer(radio, true)).toBe(true);
    expect(group(sgId)?.owner).toBe('radio');
    expect(board.take(sgOwnerChangeNotification)).toMatchObject([{ owner: 'radio' }]);
  });

  it('leaves, and the group is released when nobody wants to own it', async () => {
    const sgId = await grouped(phone, [board]);
    await phone.leave(sgId);
    expect(await offer(board, false)).toBe(true);
    expect(group(sgId)).toBeUndefined();
    expect(board.take(sgReleaseNotification)).toHaveLength(1);
  });

  it('is looked for again after a restart of the server, for ten minutes', async () => {
    const sgId = await grouped(phone, [board]);
    await phone.leave(sgId);
    rig.restart();
    await rig.pass(599_999);
    expect(group(sgId)).toMatchObject({ owner: undefined, memberCount: 1 });
    expect(rig.logger.lines.filter(({ level }) => level === 'warn')).toEqual([]);
    await rig.pass(1);
    expect(group(sgId)).toBeUndefined();
  });

  it('is looked for no longer once there is one', async () => {
    const sgId = await grouped(phone, [board]);
    await rig.pass(60_000);
    const timers = rig.clock.pending;
    await phone.leave(sgId);
    expect(await offer(board, true)).toBe(true);
    await rig.pass(60_000);
    expect(group(sgId)?.owner).toBe('board');
    expect(rig.clock.pending).toBeLessThanOrEqual(timers);
  });

  it('may be a member that was away when it was asked, and is asked again', async () => {
    const sgId = await grouped(radio, [board]);
    await radio.leave(sgId);
    expect(board.device.takeEnvelopes(sgOwnerTransferRequest)).toHaveLength(1);
    rig.detach(west.entityId);
    await rig.pass(5_000);
    west.connect();
    await rig.pass(15_000);
    expect(await offer(board, true)).toBe(true);
    expect(group(sgId)?.owner).toBe('board');
  });

  it('is one of sixteen who are asked', async () => {
    const pnes = [];
    for (let i = 0; i < 18; i++) pnes.push(await PneDouble.of(west, `pne-${i}`));
    const pnId = await established(west, pnes);
    const [owner, ...others] = pnes.map((pne) => new GroupDevice(rig, pne, pnId));
    const sgId = await grouped(owner as GroupDevice, others);
    await owner?.leave(sgId);
    let asked = 0;
    while (group(sgId) !== undefined && asked < 20) for (const other of others) if (await offer(other, false)) asked++;
    expect(asked).toBe(16);
    expect(group(sgId)).toBeUndefined();
  });

  const handOver = (sgId: SgId, candidate: EntityId) =>
    phone.request(sgOwnerTransferRequest, { pne: phone.entityId, sgId: fromHex(sgId), candidate }, sgOwnerTransferResponse);

  it.each([2, 3])(
    'that is new is told to all of a group of three, where at most %i are told, or to itself alone',
    async (groupMembersTold) => {
      ({ rig, west, phone, board, radio } = await groupWorld(bob, { limits: { groupMembersTold } }));
      const sgId = await grouped(phone, [board, radio]);
      const body = { pne: phone.entityId, sgId: fromHex(sgId), candidate: radio.entityId };
      const meanwhile = async () => void (await offer(radio, true));
      expect(await phone.request(sgOwnerTransferRequest, body, sgOwnerTransferResponse, { meanwhile })).toMatchObject({ accept: true });
      expect(radio.take(sgOwnerChangeNotification)).toHaveLength(1);
      expect(board.take(sgOwnerChangeNotification)).toHaveLength(groupMembersTold < 3 ? 0 : 1);
    },
  );

  it.each<[string, (sgId: SgId) => Promise<unknown>]>([
    ['the candidate is expelled', (sgId) => phone.expel(sgId, [radio])],
    ['the owner leaves', (sgId) => phone.leave(sgId)],
  ])('asks a candidate no longer once %s', async (_, happens) => {
    const sgId = await grouped(phone, [board, radio]);
    const body = { pne: phone.entityId, sgId: fromHex(sgId), candidate: radio.entityId };
    const meanwhile = async () => {
      await happens(sgId);
      await rig.pass(5_000);
    };
    const handedOver = phone.request(sgOwnerTransferRequest, body, sgOwnerTransferResponse, { meanwhile });
    await expect(handedOver).rejects.toMatchObject({ status: Status.PeerUnreachable });
    expect(radio.take(requestWithdrawn)).toHaveLength(1);
  });

  it('hands it over to another member only', async () => {
    const sgId = await grouped(phone, [board]);
    await expect(handOver(sgId, radio.entityId)).rejects.toMatchObject({ status: Status.NotMember });
    await expect(handOver(sgId, phone.entityId)).rejects.toMatchObject({ status: Status.BadAction });
    expect(group(sgId)?.owner).toBe('phone');
  });
});
