import { entityId } from '@cpns/shared';
import {
  Addressee,
  type ApplicationData,
  type BodyOf,
  groupKeyResyncRequest,
  pnDataContent,
  Status,
  sgKeptMessages,
  sgMemberChangeNotification,
  toOctets,
} from '@cpns/shared/messages';
import { GroupKey, GroupMessages, groupKeyOf, nobleProvider } from '@cpns/shared/security';
import { InsecureSeededEntropy } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import { GroupAtServer, MemberRig, SG, SG_ID } from '../../support/member-rig.js';

const phone = entityId('phone');
type Kept = BodyOf<typeof sgKeptMessages>;

function message(from: string, text: string): ApplicationData {
  const payload = new TextEncoder().encode(text);
  const id = new Uint8Array(16);
  id.set(payload.subarray(0, 16));
  return { id, from: entityId(from), to: Addressee.Group, group: SG, channel: 'x', contentType: 'text/plain', payload };
}

/** The board is in a group with the phone; whoever has the key of an epoch can seal under it. */
async function member() {
  const group = new GroupAtServer();
  group.change(['phone', 'board']);
  const rig = await MemberRig.make('board', group);
  await rig.serve(sgMemberChangeNotification, { sgId: SG, owner: phone, add: [entityId('board')], remove: [], name: 'kitchen', epoch: 1 });
  await rig.clock.advance(0);
  const keys = new Map<number, Uint8Array>();
  /** The Group Key of the board, now. */
  const key = () => {
    const state = rig.state.groupKeys(SG_ID);
    if (state === undefined) throw new Error('no keys');
    return groupKeyOf(state).reveal().slice();
  };
  keys.set(1, key());
  const rekey = async () => {
    await rig.rekey(group.rotate(0));
    keys.set(Number(group.epoch), key());
  };
  let boots = 0;
  interface Made {
    readonly from?: string;
    readonly under?: Uint8Array | undefined;
    readonly sgId?: Uint8Array;
    readonly said?: string;
  }
  const sealed = (epoch: number, text: string, { from = 'phone', under = keys.get(epoch), sgId = SG, said }: Made = {}) =>
    new GroupMessages(sgId, {
      provider: nobleProvider,
      entropy: new InsecureSeededEntropy('sender'),
      self: entityId(from),
      bootCounter: ++boots,
      current: { epoch: BigInt(epoch), key: new GroupKey('key', under as Uint8Array) },
    }).seal(toOctets(pnDataContent, { data: message(said ?? from, text) }), 0);
  /** What the server gives, with the key of that epoch unless it is the present one. */
  const give = (epoch: number, messages: readonly Uint8Array[], more: Partial<Kept> = {}): Promise<unknown> => {
    const groupKey = epoch === Number(group.epoch) ? undefined : keys.get(epoch)?.slice();
    const listed = messages.map((octets, i) => ({ receivedMs: 1_000 + i, message: octets }));
    return rig.serve(sgKeptMessages, { sgId: SG, epoch, ...(groupKey && { groupKey }), messages: listed, lost: 0, ...more });
  };
  const heard = () => rig.received.map(({ payload }) => new TextDecoder().decode(payload));
  return { rig, group, keys, rekey, sealed, give, heard };
}

describe('messages that were kept', () => {
  it('are opened with the key of their epoch, in order, and say when they were sent', async () => {
    const { rig, rekey, sealed, give, heard } = await member();
    await rekey();
    await rekey();
    expect(await give(1, [sealed(1, 'one'), sealed(1, 'two')])).toEqual({ status: Status.Success });
    expect(await give(2, [sealed(2, 'three')])).toEqual({ status: Status.Success });
    expect(await give(3, [sealed(3, 'four')])).toEqual({ status: Status.Success });
    expect(heard()).toEqual(['one', 'two', 'three', 'four']);
    expect(rig.sentMs).toEqual([1_000, 1_001, 1_000, 1_000]);
  });

  it('leave the key, the epoch and what is sent as they were, and nothing of their key behind', async () => {
    const { rig, group, keys, rekey, sealed, give } = await member();
    await rekey();
    const before = rig.store.keys('').map((name) => [name, rig.store.get(name)]);
    await give(1, [sealed(1, 'old')]);
    // A key of an epoch to come, too.
    const under = new Uint8Array(32).fill(5);
    await give(9, [sealed(9, 'of an epoch to come', { under })], { groupKey: under.slice() });
    expect(rig.store.keys('').map((name) => [name, rig.store.get(name)])).toEqual(before);
    expect(rig.groups.list()).toMatchObject([{ epoch: group.epoch, isBehind: false, silence: undefined }]);
    rig.groups.send(SG_ID, message('board', 'mine'));
    const opener = new GroupMessages(SG, {
      provider: nobleProvider,
      entropy: new InsecureSeededEntropy('reader'),
      self: phone,
      bootCounter: 1,
      current: { epoch: 2n, key: new GroupKey('key', keys.get(2) as Uint8Array) },
    });
    expect(opener.open(rig.carried[0]?.message as Uint8Array, 0)).toMatchObject({ epoch: 2n });
    await rig.rekey(group.rotate(0));
    expect(rig.groups.list()).toMatchObject([{ epoch: 3n }]);
  });

  it('do not keep a later message of the same sender away, nor are kept away by one', async () => {
    const { rig, give, heard, keys } = await member();
    const sender = new GroupMessages(SG, {
      provider: nobleProvider,
      entropy: new InsecureSeededEntropy('sender'),
      self: phone,
      bootCounter: 100,
      current: { epoch: 1n, key: new GroupKey('key', keys.get(1) as Uint8Array) },
    });
    const all = Array.from({ length: 1_100 }, (_, i) => sender.seal(toOctets(pnDataContent, { data: message('phone', `no. ${i}`) }), 0));
    rig.groups.data('07'.repeat(16) as never, { sgId: SG, from: phone, message: all[1_098] as Uint8Array });
    await rig.clock.advance(2_000);
    await give(1, [all[0] as Uint8Array, all[1] as Uint8Array]);
    rig.groups.data('07'.repeat(16) as never, { sgId: SG, from: phone, message: all[1_099] as Uint8Array });
    await rig.clock.advance(0);
    expect(heard()).toEqual(['no. 1098', 'no. 0', 'no. 1', 'no. 1099']);
  });

  it('are dropped when they are of another epoch or group, forged, or not from whom they say; the others are taken', async () => {
    const { rig, rekey, sealed, give, heard } = await member();
    await rekey();
    const other = new Uint8Array(16).fill(1);
    const forged = sealed(1, 'altered');
    forged[forged.length - 1] = (forged.at(-1) as number) ^ 1;
    const bad = [
      forged,
      sealed(2, 'of the present epoch'),
      sealed(1, 'of another group', { sgId: other }),
      sealed(1, 'under another key', { under: new Uint8Array(32).fill(3) }),
      sealed(1, 'not from whom it says', { said: 'laptop' }),
      sealed(1, 'my own', { from: 'board' }),
      new Uint8Array([1, 2, 3]),
    ];
    expect(await give(1, [...bad, sealed(1, 'good')])).toEqual({ status: Status.Success });
    expect(heard()).toEqual(['good']);
    expect(rig.logger.find('a kept message of a service group was dropped')).toHaveLength(bad.length);
  });

  it('wait until this device has the present key', async () => {
    const { rig, group, sealed, give, heard } = await member();
    group.rotate(0);
    const under = new Uint8Array(32);
    await expect(give(2, [sealed(2, 'too early', { under })])).rejects.toMatchObject({ code: 'NoKey', status: Status.Busy });
    await rig.clock.advance(0);
    expect(rig.count(groupKeyResyncRequest)).toBe(2);
    expect(heard()).toEqual([]);
    expect(rig.acknowledged.at(-1)).toBe(2);
  });

  it('are not taken in another session, out of the group, or when they cannot be stored', async () => {
    const { rig, sealed, give, heard, rekey } = await member();
    await rekey();
    const body = { sgId: SG, epoch: 1, messages: [], lost: 1 };
    await expect(rig.serve(sgKeptMessages, body, 'own')).rejects.toMatchObject({ code: 'NotInGroup' });
    await expect(rig.serve(sgKeptMessages, { ...body, sgId: new Uint8Array(16) })).rejects.toMatchObject({ code: 'NotInGroup' });
    rig.diskFull = true;
    await expect(give(1, [sealed(1, 'one')])).rejects.toMatchObject({ code: 'DiskFull' });
    rig.diskFull = false;
    await give(1, [sealed(1, 'one')]);
    expect(heard()).toEqual(['one']);
  });

  it('that were given up are told of', async () => {
    const { rig, give } = await member();
    await give(1, []);
    expect(rig.happenings.some(({ type }) => type === 'group-lost')).toBe(false);
    await give(1, [], { lost: 3 });
    expect(rig.happenings.at(-1)).toMatchObject({
      type: 'group-lost',
      sgId: SG_ID,
      text: 'Service group kitchen: 3 messages that came while this device was away could not be kept for it.',
    });
  });
});

describe('a member that is back', () => {
  it('says so in each of its groups', async () => {
    const { rig } = await member();
    const before = rig.acknowledged.length;
    rig.groups.reachable('07'.repeat(16) as never);
    expect(rig.acknowledged.slice(before)).toEqual([1]);
  });
});
