import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CryptoProvider } from '../../../src/ports.js';
import {
  EXPAND,
  expand,
  GROUP_KEY_NODE,
  type GroupRecord,
  isBefore,
  type MemberKeys,
  nobleProvider,
  nodeAt,
  Secret,
  SIV_KEK_LENGTH,
  type SignedRekeyPart,
  unwrapNodeKey,
  wrapNodeKey,
} from '../../../src/security/index.js';
import { followRekey, groupKeyHex, TestGroup } from '../../../src/testing/index.js';

const provider = nobleProvider;

/** Leaf 0 is honest, leaf 1 an insider below the same node, leaf 2 goes; leaf 16 is alone below the other half. */
function groupWithAnInsider(using: CryptoProvider = provider) {
  const group = new TestGroup(using);
  group.change(17);
  return { group, honest: group.member(0), insider: group.member(1), departing: group.member(2) };
}

/** A rekey of the insider's own making: a Group Key that it knows, under the keys that it shares with others. */
function forged(group: TestGroup, { state }: MemberKeys, using: CryptoProvider): GroupRecord[] {
  const records: GroupRecord[] = [];
  const epoch = group.epoch + 1n;
  const wrap = (node: number, underNode: number) => {
    const under = state?.keys.get(underNode);
    const version = (state?.keys.get(node)?.version ?? 0) + 1;
    if (under === undefined) return;
    const name = { sgId: group.sgId, epoch, node, version, underNode, underVersion: under.version };
    const key = new Secret('forged', new Uint8Array(32).fill(0x66));
    records.push({ ...name, wrapped: wrapNodeKey(using, name, under.key, key) });
  };
  wrap(nodeAt(1, 0), nodeAt(1, 0));
  wrap(GROUP_KEY_NODE, nodeAt(3, 0));
  return records.sort((a, b) => (isBefore(a, b) ? -1 : 1));
}

describe('group-signed.pv', () => {
  it('G0 reachable: a member takes a rekey', () => {
    const { group, honest, insider } = groupWithAnInsider();
    expect(followRekey(honest, group.change(0, [2]).parts)).toBe('keys');
    expect(followRekey(insider, group.rotate().parts)).toBe('gap');
    group.member(1, insider);
    expect(followRekey(honest, group.rotate().parts)).toBe('keys');
    expect(followRekey(insider, group.rotate().parts)).toBe('keys');
  });

  it('G1 authenticity of a rekey even with a dishonest insider: whatever is mixed, forged, cut, repeated or kept back, the keys that a member takes are the server’s of that epoch', () => {
    let accepted = 0;
    const moves = fc.array(fc.record({ move: fc.nat(7), pick: fc.nat(99), at: fc.nat(500) }), { minLength: 5, maxLength: 25 });
    fc.assert(
      fc.property(moves, (schedule) => {
        const { group, honest, insider } = groupWithAnInsider();
        const sent: SignedRekeyPart[] = [];
        const keysOf = new Map([[group.epoch, groupKeyHex(honest)]]);
        const issue = (parts: readonly SignedRekeyPart[]) => {
          sent.push(...parts);
          followRekey(insider, parts);
          const key = group.store.get(GROUP_KEY_NODE)?.key as Secret;
          keysOf.set(group.epoch, Buffer.from(key.reveal()).toString('hex'));
        };
        const own = provider.ed25519Signer(new Uint8Array(32).fill(9));
        const attacks: ((pick: SignedRekeyPart, other: SignedRekeyPart, at: number) => SignedRekeyPart)[] = [
          (pick) => pick,
          (pick, other) => ({ part: pick.part, signature: other.signature }),
          (pick, _, at) => ({ ...pick, part: pick.part.with(at % pick.part.length, at) }),
          (pick, _, at) => ({ ...pick, part: pick.part.subarray(0, at) }),
          () => group.parts(forged(group, insider, provider), { epoch: group.epoch + 1n }, own)[0] as SignedRekeyPart,
          (pick) => ({
            ...pick,
            part: (group.parts(forged(group, insider, provider), { epoch: group.epoch + 1n })[0] as SignedRekeyPart).part,
          }),
        ];
        for (const { move, pick, at } of schedule) {
          if (move === 6) issue(group.rotate().parts);
          else if (move === 7) issue(group.change(1).parts);
          else if (sent.length > 0) {
            const attack = attacks[move] as (typeof attacks)[number];
            const before = honest.state;
            try {
              const heard = attack(sent[pick % sent.length] as SignedRekeyPart, sent[at % sent.length] as SignedRekeyPart, at);
              followRekey(honest, [heard]);
            } catch (error) {
              expect(error).toMatchObject({ name: 'CpnsError' });
            }
            if (honest.state !== before) accepted++;
          }
          expect(groupKeyHex(honest)).toBe(keysOf.get(honest.state?.epoch ?? 0n));
        }
      }),
      { numRuns: 40, seed: 1 },
    );
    expect(accepted).toBeGreaterThan(20);
  });

  it('G2 the new GKEK is secret from outsiders and from the departed: none of their keys opens a record of the rekey, and nothing sent contains a key', () => {
    const { group, departing, honest } = groupWithAnInsider();
    const { records, parts } = group.change(0, [2]);
    const guesses = [...(departing.state?.keys.values() ?? [])].map(({ key }) => key);
    expect(guesses).toHaveLength(5);
    for (const guess of [...guesses, new Secret('zeros', new Uint8Array(32))]) {
      for (const { wrapped, ...name } of records) {
        expect(unwrapNodeKey(provider, { sgId: group.sgId, epoch: group.epoch, ...name }, guess, wrapped)).toBeUndefined();
      }
    }
    followRekey(honest, parts);
    const onTheWire = Buffer.concat(parts.map(({ part }) => part));
    for (const { key } of honest.state?.keys.values() ?? []) {
      expect(onTheWire.includes(Buffer.from(key.reveal()))).toBe(false);
      expect(onTheWire.includes(Buffer.from(expand(provider, key.reveal(), EXPAND.groupWrap, '', SIV_KEK_LENGTH)))).toBe(false);
    }
  });
});

describe('group-unsigned.pv', () => {
  it('G1 fails on purpose: where signatures are not verified, an insider forges a rekey for its neighbours', () => {
    const careless: CryptoProvider = { ...provider, ed25519Verify: () => true };
    const { group, honest, insider } = groupWithAnInsider(careless);
    const own = provider.ed25519Signer(new Uint8Array(32).fill(9));
    const parts = group.parts(forged(group, insider, careless), { epoch: group.epoch + 1n }, own);
    expect(followRekey(honest, parts)).toBe('keys');
    expect(groupKeyHex(honest)).toBe('66'.repeat(32));
  });
});
