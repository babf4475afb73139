import { describe, expect, it } from 'vitest';
import { GROUP_KEY_NODE, heightFor, isAbove, nobleProvider, nodeAt } from '../../../src/security/index.js';
import { followRekey as follow, groupKeyHex as groupKey, TestGroup } from '../../../src/testing/index.js';

/** A group of `n` with the devices of all of them. */
function groupOf(n: number) {
  const group = new TestGroup(nobleProvider);
  const members = group.change(n).joined.map((leaf) => group.member(leaf));
  return { group, members };
}

describe('a key tree', () => {
  it('begins with the lowest leaves, tells nobody, and gives every new member its path', () => {
    const group = new TestGroup(nobleProvider);
    const rekey = group.change(3);
    expect(rekey.joined).toEqual([0, 1, 2]);
    expect(rekey.parts).toEqual([]);
    const keys = rekey.joined.map((leaf) => group.member(leaf));
    expect(new Set(keys.map(groupKey)).size).toBe(1);
  });

  it.each([2, 4, 5, 16, 17, 64, 65])('keeps the others of %i reading when one leaves', (n) => {
    const { group, members } = groupOf(n);
    const before = groupKey(members[0] as never);
    const { records, parts } = group.change(0, [1]);
    expect(records.length).toBeLessThanOrEqual(4 * group.store.height());
    for (const [leaf, keys] of members.entries()) expect(follow(keys, parts)).toBe(leaf === 1 ? 'gap' : 'keys');
    const others = members.filter((_, leaf) => leaf !== 1);
    expect(new Set(others.map(groupKey)).size).toBe(1);
    expect(groupKey(others[0] as never)).not.toBe(before);
    expect(groupKey(members[1] as never)).toBe(before);
  });

  it('lets a newcomer in with one record for each level and the Group Key', () => {
    const { group, members } = groupOf(15);
    const { records, joined, parts } = group.change(1);
    expect(joined).toEqual([15]);
    expect(records.map(({ node, underNode }) => [node, underNode])).toEqual([
      [nodeAt(1, 3), nodeAt(1, 3)],
      [nodeAt(2, 0), nodeAt(2, 0)],
      [GROUP_KEY_NODE, nodeAt(2, 0)],
    ]);
    for (const keys of members) expect(follow(keys, parts)).toBe('keys');
    expect(groupKey(group.member(15))).toBe(groupKey(members[0] as never));
  });

  it('grows by a level above the root, under the root of before', () => {
    const { group, members } = groupOf(16);
    const { records, joined, parts } = group.change(1);
    expect(joined).toEqual([16]);
    expect(records.map(({ node, underNode }) => [node, underNode])).toEqual([
      [nodeAt(3, 0), nodeAt(2, 0)],
      [GROUP_KEY_NODE, nodeAt(3, 0)],
    ]);
    for (const keys of members) expect(follow(keys, parts)).toBe('keys');
    expect(groupKey(group.member(16))).toBe(groupKey(members[0] as never));
  });

  it('changes the Group Key alone with one record', () => {
    const { group, members } = groupOf(5);
    const { records, parts } = group.rotate();
    expect(records).toHaveLength(1);
    for (const keys of members) expect(follow(keys, parts)).toBe('keys');
    expect(new Set(members.map(groupKey)).size).toBe(1);
  });

  it('gives back a leaf under a version that was never used', () => {
    const { group } = groupOf(5);
    const before = group.store.get(2);
    group.change(0, [2]);
    expect(group.store.get(2)).toEqual({ version: before?.version, key: undefined });
    expect(group.change(1).joined).toEqual([2]);
    const now = group.store.get(2);
    expect(now?.version).toBe(2);
    expect(now?.key?.reveal()).not.toEqual(before?.key?.reveal());
  });

  it('takes the leaf of one who goes for one who comes in the same change', () => {
    const { group, members } = groupOf(16);
    const { joined, parts } = group.change(2, [3, 7]);
    expect(joined).toEqual([3, 7]);
    for (const [leaf, keys] of members.entries()) expect(follow(keys, parts)).toBe(leaf === 3 || leaf === 7 ? 'gap' : 'keys');
    expect(groupKey(group.member(3))).toBe(groupKey(members[0] as never));
  });

  it('is empty when the last one goes, and begins again', () => {
    const { group, members } = groupOf(2);
    expect(group.change(0, [0, 1]).parts).toEqual([]);
    expect(group.rotate().parts).toEqual([]);
    expect(group.change(1).joined).toEqual([0]);
    const again = group.member(0);
    expect(groupKey(again)).not.toBe(groupKey(members[0] as never));
  });

  it('refuses to take out who is not in it, and to let in more than it can hold', () => {
    const { group } = groupOf(2);
    expect(() => group.change(0, [2])).toThrow(expect.objectContaining({ code: 'NoSuchLeaf' }));
    expect(() => group.change(0, [1, 1])).toThrow(expect.objectContaining({ code: 'NoSuchLeaf' }));
    expect(() => group.tree.resync(1n, 5)).toThrow(expect.objectContaining({ code: 'NoSuchLeaf' }));
    group.store.freeLeaf = () => 65_536;
    expect(() => group.change(1)).toThrow(expect.objectContaining({ code: 'GroupFull' }));
  });

  it('resyncs a member with one record more than it is high', () => {
    const { group } = groupOf(65);
    expect(group.tree.resync(group.epoch, 64).records).toHaveLength(5);
  });
});

describe('the numbers of nodes', () => {
  it('say what lies above a leaf, up to the root of the largest tree', () => {
    expect([0, 5, nodeAt(1, 1), nodeAt(1, 2), nodeAt(8, 0), nodeAt(9, 0), GROUP_KEY_NODE].map((node) => isAbove(node, 5))).toEqual([
      ...[false, true, true, false],
      ...[true, false, false],
    ]);
    expect([isAbove(nodeAt(8, 0), 65_535), isAbove(nodeAt(7, 3), 65_535), isAbove(nodeAt(7, 2), 65_535)]).toEqual([true, true, false]);
  });

  it('stay what they are when the tree grows', () => {
    expect([0, 3, 4, 15, 16, 65_535].map(heightFor)).toEqual([1, 1, 2, 2, 3, 8]);
  });
});
