import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeMemberState,
  encodeMemberState,
  GROUP_KEY_NODE,
  type GroupRecord,
  groupKeyOf,
  nobleProvider,
  nodeAt,
  Secret,
  wrapNodeKey,
} from '../../../src/security/index.js';
import { followRekey as follow, groupKeyHex as groupKey, TestGroup } from '../../../src/testing/index.js';

const provider = nobleProvider;

/** A group of 17 and two of its members: leaf 0, and leaf 16 alone below the other half of the tree. */
function groupOf17() {
  const group = new TestGroup(provider);
  group.change(17);
  return { group, first: group.member(0), last: group.member(16) };
}

const failsWith = (code: string) => expect.objectContaining({ name: 'CpnsError', code });

describe('a member', () => {
  it('changes nothing before what it took is installed', () => {
    const { group, first } = groupOf17();
    const before = first.state;
    const taken = first.take(group.rotate().parts[0] as never);
    expect(taken).toMatchObject({ outcome: 'keys', newEpoch: true, graceMs: 0, switchAfterMs: 0, state: { epoch: 2n, leaf: 0 } });
    expect(first.state).toBe(before);
    if (taken.outcome === 'keys') first.install(taken);
    expect(first.state).toMatchObject({ epoch: 2n });
  });

  it('erases what it replaces and keeps what stays', () => {
    const { group, first } = groupOf17();
    const before = [...(first.state?.keys.values() ?? [])].map(({ key }) => key);
    follow(first, group.rotate().parts);
    expect(before.map(({ erased }) => erased)).toEqual([false, false, false, false, true]);
    const now = [...(first.state?.keys.values() ?? [])].map(({ key }) => key);
    expect(now.some(({ erased }) => erased)).toBe(false);
    first.erase();
    expect(now.every(({ erased }) => erased)).toBe(true);
    expect(first.state).toBeUndefined();
  });

  it('takes a repetition for old', () => {
    const { group, first } = groupOf17();
    const { parts } = group.rotate();
    expect([follow(first, parts), follow(first, parts)]).toEqual(['keys', 'old']);
  });

  it('does not go back: of two rekeys that come in the wrong order only the newer counts', () => {
    const { group, first } = groupOf17();
    const [one, two] = [group.rotate(), group.rotate()];
    expect([follow(first, two.parts), follow(first, one.parts)]).toEqual(['keys', 'old']);
    expect(first.state?.epoch).toBe(3n);
  });

  it('sees that it missed a rekey that it needed, and comes back by a resync', () => {
    const { group, first } = groupOf17();
    group.change(0, [5]);
    expect(follow(first, group.rotate().parts)).toBe('gap');
    expect(first.state?.epoch).toBe(1n);
    group.member(0, first);
    expect(first.state?.epoch).toBe(3n);
    expect(follow(first, group.change(0, [3]).parts)).toBe('keys');
    expect(groupKey(first)).toBe(groupKey(group.member(16)));
  });

  it('reads on over a rekey that it missed but did not need', () => {
    const { group, first } = groupOf17();
    group.rotate();
    expect(follow(first, group.rotate().parts)).toBe('keys');
    expect(first.state?.epoch).toBe(3n);
  });

  it('has a gap as long as it has no keys at all', () => {
    const { group } = groupOf17();
    const nobody = group.newcomer();
    expect(follow(nobody, group.rotate().parts)).toBe('gap');
  });

  it('follows rekeys of many parts in any order, but not without one that names its path', () => {
    const group = new TestGroup(provider);
    group.change(1024);
    const [inOrder, backwards, without] = [group.member(0), group.member(0), group.member(0)];
    const leaves = Array.from({ length: 200 }, (_, i) => 5 * i + 1);
    const { parts } = group.change(0, leaves);
    const earlier = parts.slice(0, -1);
    expect(earlier.length).toBeGreaterThan(2);
    expect(earlier.map((part) => inOrder.take(part).outcome)).toEqual(earlier.map(() => 'more'));
    expect(follow(inOrder, parts.slice(-1))).toBe('keys');
    expect(follow(without, parts.slice(1))).toBe('gap');
    // The gap closes when the part that was overtaken comes.
    expect(backwards.take(parts.at(-1) as never)).toEqual({ outcome: 'gap' });
    expect(follow(backwards, [...parts].reverse())).toBe('keys');
    expect(groupKey(backwards)).toBe(groupKey(inOrder));
  });

  it('takes what is older than a rekey that is still under way for old', () => {
    const group = new TestGroup(provider);
    group.change(1024);
    const keys = group.member(0);
    const earlier = group.rotate().parts;
    const { parts } = group.change(
      0,
      Array.from({ length: 200 }, (_, i) => 5 * i + 1),
    );
    expect(keys.take(parts[0] as never)).toEqual({ outcome: 'more' });
    expect(follow(keys, earlier)).toBe('old');
    expect(follow(keys, parts.slice(1))).toBe('keys');
  });

  it('refuses what the server did not sign: changed, cut, signed by a member, or under a key that it does not name', () => {
    const { group, first } = groupOf17();
    const [{ part, signature }] = group.rotate().parts as [{ part: Uint8Array; signature: Uint8Array }];
    fc.assert(
      fc.property(fc.nat(part.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = part.slice();
        changed[at] = (changed[at] as number) ^ flip;
        expect(() => first.take({ part: changed, signature })).toThrow(failsWith('WrongSignature'));
        expect(() => first.take({ part: part.subarray(0, at), signature })).toThrow(failsWith('WrongSignature'));
      }),
      { numRuns: 20, seed: 1 },
    );
    const member = provider.ed25519Signer(new Uint8Array(32).fill(9));
    const { records } = group.tree.rotate(3n);
    const [byMember] = group.parts(records, { epoch: 3n }, member) as [never];
    expect(() => first.take(byMember)).toThrow(failsWith('WrongSignature'));
    const [otherName] = group.parts(records, { epoch: 3n, keyId: 2 }) as [never];
    expect(() => first.take(otherName)).toThrow(failsWith('WrongSignature'));
    expect(first.state?.epoch).toBe(1n);
  });

  it('refuses a rekey of another group or server, and a record of another epoch', () => {
    const { group, first } = groupOf17();
    const { records } = group.rotate();
    const signed = (other: object) => group.parts(records, other) as [never];
    expect(() => first.take(signed({ sgId: new Uint8Array(16) })[0])).toThrow(failsWith('OtherGroup'));
    expect(() => first.take(signed({ idServer: 'other.example' })[0])).toThrow(failsWith('OtherServer'));
    expect(first.take(signed({ epoch: 3n })[0])).toEqual({ outcome: 'gap' });
    expect(first.take(signed({ epoch: 1n })[0])).toEqual({ outcome: 'old' });
  });

  it('takes no key into a place that is not on its path, and none with a version that is not higher', () => {
    const { group, first } = groupOf17();
    const held = (node: number) => group.store.get(node) as { version: number; key: Secret };
    const record = (node: number, version: number, underNode: number): GroupRecord => {
      const under = held(underNode);
      const name = { sgId: group.sgId, epoch: 2n, node, version, underNode, underVersion: under.version };
      return { ...name, wrapped: wrapNodeKey(provider, name, under.key, new Secret('x', new Uint8Array(32))) };
    };
    const root = nodeAt(3, 0);
    const [same] = group.parts([record(GROUP_KEY_NODE, held(GROUP_KEY_NODE).version, root)], { epoch: 2n }) as [never];
    expect(first.take(same)).toEqual({ outcome: 'gap' });
    const [fine] = group.parts([record(GROUP_KEY_NODE, 9, root)], { epoch: 2n }) as [never];
    expect(first.take(fine)).toMatchObject({ outcome: 'keys' });
  });
});

describe('a resync', () => {
  it('of the same epoch mends the path and keeps the Group Key', () => {
    const { group, first } = groupOf17();
    const taken = first.takeResync(group.resync(0));
    expect(taken.newEpoch).toBe(false);
    const before = groupKey(first);
    first.install(taken);
    expect(groupKey(first)).toBe(before);
  });

  it('overwrites the leaf key that it was given', () => {
    const { group, first } = groupOf17();
    const answer = group.resync(0);
    first.takeResync(answer);
    expect(answer.leafKey).toEqual(new Uint8Array(32));
  });

  it('is refused when it goes back, has another Group Key for this epoch, or is not the path of this leaf', () => {
    const { group, first } = groupOf17();
    const [early, other] = [group.resync(0), group.resync(16)];
    group.rotate();
    group.member(0, first);
    expect(() => first.takeResync(early)).toThrow(failsWith('EpochRollback'));
    group.epoch = 1n;
    expect(() => first.takeResync(group.resync(0))).toThrow(failsWith('EpochRollback'));
    group.epoch = 2n;
    group.tree.rotate(2n);
    expect(() => first.takeResync(group.resync(0))).toThrow(failsWith('EpochRollback'));
    const nobody = () => group.newcomer();
    const { leafKey } = group.resync(0);
    expect(() => nobody().takeResync({ ...other, leafKey })).toThrow(failsWith('BadResync'));
    expect(() => nobody().takeResync({ ...other, leaf: 0 })).toThrow(failsWith('BadResync'));
  });

  it('is refused when a record of it does not belong there', () => {
    const { group } = groupOf17();
    const { leafKey, records } = group.tree.resync(1n, 0);
    const more = [...records, ...group.tree.resync(1n, 16).records.slice(0, 1)].sort((a, b) => a.underNode - b.underNode);
    const [signed] = group.parts(more) as [never];
    const keys = group.newcomer();
    expect(() => keys.takeResync({ leaf: 0, leafKey: leafKey.reveal().slice(), ...(signed as object) } as never)).toThrow(
      failsWith('BadResync'),
    );
  });
});

describe('what a member keeps', () => {
  it('is the same after it was stored', () => {
    const { group, first } = groupOf17();
    const state = first.state as NonNullable<typeof first.state>;
    const restored = decodeMemberState(encodeMemberState(state));
    expect(restored).toMatchObject({ leaf: 0, epoch: 1n });
    expect(groupKeyOf(restored).reveal()).toEqual(groupKeyOf(state).reveal());
    const again = group.newcomer(restored);
    expect(follow(again, group.change(0, [1]).parts)).toBe('keys');
  });

  it('is not taken when the Group Key or the leaf key is missing', () => {
    const { first } = groupOf17();
    const state = first.state as NonNullable<typeof first.state>;
    for (const node of [0, GROUP_KEY_NODE]) {
      const keys = new Map([...state.keys].filter(([other]) => other !== node));
      if (node === GROUP_KEY_NODE) expect(() => groupKeyOf({ ...state, keys })).toThrow(failsWith('BadRecord'));
      expect(() => decodeMemberState(encodeMemberState({ ...state, keys }))).toThrow(failsWith('BadRecord'));
    }
  });
});
