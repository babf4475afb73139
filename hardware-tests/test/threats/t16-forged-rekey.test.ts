import { nativeProvider as provider } from '@cpns/shared/node';
import {
  GROUP_KEY_NODE,
  type GroupRecord,
  type MemberKeys,
  nodeAt,
  Secret,
  type SignedRekeyPart,
  wrapNodeKey,
} from '@cpns/shared/security';
import { followRekey, groupKeyHex, TestGroup } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';

const FORGED = '66'.repeat(32);

/** Leaves 0 and 1 lie below the same node; leaf 1 is dishonest and has a signing key of its own. */
function withInsider() {
  const group = new TestGroup(provider);
  group.change(17);
  const [victim, insider] = [group.member(0), group.member(1)];
  const sign = provider.ed25519Signer(new Uint8Array(32).fill(9));
  return { group, victim, insider, sign };
}

/** A Group Key of the insider's choice under a key that it shares with others: the root, or with a new root the node below that. */
function rekeyFor({ group, insider }: { group: TestGroup; insider: MemberKeys }, below: number): GroupRecord[] {
  const epoch = group.epoch + 1n;
  const key = new Secret('forged', new Uint8Array(32).fill(0x66));
  const versionOf = (node: number) => insider.state?.keys.get(node)?.version ?? 0;
  const record = (node: number, version: number, underNode: number, underVersion: number, under: Secret): GroupRecord => {
    const name = { sgId: group.sgId, epoch, node, version, underNode, underVersion };
    return { ...name, wrapped: wrapNodeKey(provider, name, under, key) };
  };
  const [root, groupKey] = [nodeAt(3, 0), GROUP_KEY_NODE];
  const shared = insider.state?.keys.get(below)?.key as Secret;
  if (below === root) return [record(groupKey, versionOf(groupKey) + 1, root, versionOf(root), shared)];
  return [
    record(root, versionOf(root) + 1, below, versionOf(below), shared),
    record(groupKey, versionOf(groupKey) + 1, root, versionOf(root) + 1, key),
  ];
}

const refused = (code: string) => expect.objectContaining({ name: 'CpnsError', code });

describe('T16 An insider forges a rekey or splits the group', () => {
  it.each([
    ['all members', nodeAt(3, 0)],
    ['those below a node that it shares with them', nodeAt(2, 0)],
  ])('for %s: its records are sound, and only the server’s signature stands before them', (_, below) => {
    const scene = withInsider();
    const { group, victim, sign } = scene;
    const records = rekeyFor(scene, below);
    const epoch = group.epoch + 1n;
    const [own] = group.parts(records, { epoch }, sign) as [SignedRekeyPart];
    expect(() => victim.take(own)).toThrow(refused('WrongSignature'));
    // What the server signed says otherwise: that is what the signature is for.
    const gullible = group.newcomer(victim.state);
    expect(followRekey(gullible, group.parts(records, { epoch }))).toBe('keys');
    expect(groupKeyHex(gullible)).toBe(FORGED);
  });

  it('with a signature of the server that belongs to another part, or to the bare octets of another message', () => {
    const scene = withInsider();
    const { group, victim } = scene;
    const { parts } = group.rotate();
    const [{ part }] = group.parts(rekeyFor(scene, nodeAt(3, 0)), { epoch: 3n }) as [SignedRekeyPart];
    expect(() => victim.take({ part, signature: (parts[0] as SignedRekeyPart).signature })).toThrow(refused('WrongSignature'));
    expect(() => victim.take({ part, signature: group.sign(part) })).toThrow(refused('WrongSignature'));
    expect(followRekey(victim, parts)).toBe('keys');
  });

  it('with one of the server’s that it cut off, or out of which it took the records of some', () => {
    const { group, victim } = withInsider();
    const { records, parts } = group.change(0, [16]);
    const [{ part, signature }] = parts as [SignedRekeyPart];
    for (const length of [0, 1, part.length - 1]) {
      expect(() => victim.take({ part: part.subarray(0, length), signature })).toThrow(refused('WrongSignature'));
    }
    const [fewer] = group.parts(records.slice(1)) as [SignedRekeyPart];
    expect(() => victim.take({ part: fewer.part, signature })).toThrow(refused('WrongSignature'));
    expect(followRekey(victim, parts)).toBe('keys');
  });

  it('with one of the server’s again, at once and later', () => {
    const { group, victim } = withInsider();
    const [first, second] = [group.rotate(), group.rotate()];
    expect([first, first, second, first, second].map(({ parts }) => followRekey(victim, parts))).toEqual([
      'keys',
      'old',
      'keys',
      'old',
      'old',
    ]);
    expect(victim.state?.epoch).toBe(group.epoch);
  });

  it('with a rekey of another group that it is in too, or of another server', () => {
    const { group, victim } = withInsider();
    const { records } = group.rotate();
    const [other] = group.parts(records, { sgId: new Uint8Array(16).fill(8) }) as [SignedRekeyPart];
    expect(() => victim.take(other)).toThrow(refused('OtherGroup'));
    const [foreign] = group.parts(records, { idServer: 'elsewhere.example' as never }) as [SignedRekeyPart];
    expect(() => victim.take(foreign)).toThrow(refused('OtherServer'));
  });

  it('with its own path in the place of an answer that the server gave to another', () => {
    const { group, victim } = withInsider();
    const before = victim.state;
    const { leafKey } = group.resync(0);
    expect(() => victim.takeResync({ ...group.resync(1), leaf: 0, leafKey })).toThrow(refused('BadResync'));
    expect(victim.state).toBe(before);
  });

  it('by keeping a rekey from some: they see that they are behind as soon as they hear of a later one, and come back', () => {
    const { group, victim, insider } = withInsider();
    const kept = group.change(0, [16]);
    followRekey(insider, kept.parts);
    const next = group.rotate();
    expect(followRekey(victim, next.parts)).toBe('gap');
    followRekey(insider, next.parts);
    expect(victim.state?.epoch).toBeLessThan(group.epoch);
    group.member(0, victim);
    expect(groupKeyHex(victim)).toBe(groupKeyHex(insider));
  });
});
