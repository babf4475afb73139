import { entityId } from '@cpns/shared';
import { nativeProvider as provider } from '@cpns/shared/node';
import {
  GROUP_KEY_NODE,
  GroupMessages,
  groupKeyOf,
  type MemberKeys,
  type MemberState,
  nodeAt,
  type Secret,
  wrapNodeKey,
} from '@cpns/shared/security';
import { followRekey, groupKeyHex, InsecureSeededEntropy, TestGroup } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';

const EXPEL_GRACE_MS = 0;
const LEAVE_GRACE_MS = 5_000;
const hello = new Uint8Array([1, 2, 3]);

/** Seventeen members; leaf 5 is the one that goes. */
function group17() {
  const group = new TestGroup(provider);
  group.change(17);
  return { group, stays: group.member(0), neighbour: group.member(4), goes: group.member(5) };
}

function messagesOf(name: string, { state }: MemberKeys): GroupMessages {
  const { epoch } = state as MemberState;
  const options = { provider, entropy: new InsecureSeededEntropy(name), self: entityId(name), bootCounter: 1 };
  return new GroupMessages(new Uint8Array(16).fill(3), { ...options, current: { epoch, key: groupKeyOf(state as MemberState) } });
}

/** The messages of a member that follows this rekey, taking the old key for so long. */
function follows(messages: GroupMessages, keys: MemberKeys, graceMs: number): void {
  const { epoch } = keys.state as MemberState;
  messages.install({ epoch, key: groupKeyOf(keys.state as MemberState), graceMs }, 0);
}

describe('T15 A departed or expelled member reads on, or forges', () => {
  it('with all its keys and all that is sent it opens no rekey, whoever else goes or comes later, and no message', () => {
    const { group, stays, goes } = group17();
    const departed = messagesOf('departed', goes);
    const sender = messagesOf('stays', stays);
    const before = groupKeyHex(goes);
    for (const rekey of [
      group.change(0, [5]),
      group.rotate(),
      group.change(0, [4]),
      group.change(3),
      group.change(2, [0, 16]),
      group.rotate(),
    ]) {
      expect(followRekey(goes, rekey.parts)).toBe('gap');
      if (followRekey(stays, rekey.parts) === 'keys') follows(sender, stays, EXPEL_GRACE_MS);
    }
    expect(groupKeyHex(goes)).toBe(before);
    expect(stays.state?.epoch).toBe(5n);
    expect(() => departed.open(sender.seal(hello, 1), 1)).toThrow(expect.objectContaining({ code: 'NewerEpoch' }));
  });

  it('who gets its leaf later has other keys in its place', () => {
    const { group, goes } = group17();
    const path = [...(goes.state?.keys.values() ?? [])].map(({ key }) => String(key.reveal()));
    group.change(0, [5]);
    const { joined } = group.change(1);
    expect(joined).toEqual([5]);
    const next = group.member(5);
    for (const { key } of next.state?.keys.values() ?? []) expect(path).not.toContain(String(key.reveal()));
    const leafKey = goes.state?.keys.get(5)?.key.reveal().slice() ?? new Uint8Array(32);
    expect(() => goes.takeResync({ ...group.resync(5), leafKey })).toThrow(expect.objectContaining({ code: 'BadResync' }));
  });

  it('a new Group Key under the root of before, as IEEE 802.16 delivers it, would be its own too: here that root is gone', () => {
    const { group, stays, goes } = group17();
    const root = nodeAt(3, 0);
    const old = group.store.get(root) as { version: number; key: Secret };
    const { parts } = group.change(0, [5]);
    const { version, key } = group.store.get(GROUP_KEY_NODE) as { version: number; key: Secret };
    expect(group.store.get(root)?.version).toBe(old.version + 1);
    const name = { sgId: group.sgId, epoch: group.epoch, node: GROUP_KEY_NODE, version, underNode: root, underVersion: old.version };
    const flawed = group.parts([{ ...name, wrapped: wrapNodeKey(provider, name, old.key, key) }]);
    const listener = group.newcomer(goes.state);
    expect(followRekey(listener, flawed)).toBe('keys');
    expect(followRekey(goes, parts)).toBe('gap');
    expect(followRekey(stays, parts)).toBe('keys');
    expect(groupKeyHex(listener)).toBe(groupKeyHex(stays));
  });

  it('what it sends under the key that it has is refused at once after an expulsion, and is never current after it left', () => {
    const { group, stays, neighbour, goes } = group17();
    const departed = messagesOf('departed', goes);
    const [strict, lenient] = [messagesOf('strict', stays), messagesOf('lenient', neighbour)];
    const { parts } = group.change(0, [5]);
    for (const keys of [stays, neighbour]) followRekey(keys, parts);
    follows(strict, stays, EXPEL_GRACE_MS);
    follows(lenient, neighbour, LEAVE_GRACE_MS);
    expect(() => strict.open(departed.seal(hello, 1), 1)).toThrow(expect.objectContaining({ code: 'OldEpoch' }));
    expect(lenient.open(departed.seal(hello, 1), 1)).toMatchObject({ current: false });
    expect(() => lenient.open(departed.seal(hello, LEAVE_GRACE_MS), LEAVE_GRACE_MS)).toThrow(expect.objectContaining({ code: 'OldEpoch' }));
  });

  it('a newcomer opens nothing of before it came', () => {
    const { group, stays } = group17();
    const sender = messagesOf('stays', stays);
    const earlier = sender.seal(hello, 0);
    group.change(1);
    const newcomer = messagesOf('newcomer', group.member(17));
    expect(() => newcomer.open(earlier, 0)).toThrow(expect.objectContaining({ code: 'OldEpoch' }));
  });
});
