import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type GroupRecordName,
  nobleProvider as provider,
  Secret,
  unwrapLocalEuKey,
  unwrapNodeKey,
  type WrapRole,
  wrapLocalEuKey,
  wrapNodeKey,
} from '../../src/security/index.js';
import { flipped } from './channel-fixture.js';

const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
const role: fc.Arbitrary<WrapRole> = fc.oneof(
  fc.constant({ role: 'pne' } as const),
  key.map((randGw) => ({ role: 'gateway', randGw }) as const),
);
const bitOf = (length: number) => fc.tuple(fc.nat(length - 1), fc.nat(7));
const u32 = fc.nat(0xffff_ffff);
const name: fc.Arbitrary<GroupRecordName> = fc.record({
  sgId: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  epoch: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  node: u32,
  version: u32,
  underNode: u32,
  underVersion: u32,
});

describe('a wrapped LocalEUKey', () => {
  it('is what was wrapped, and nothing after any bit of wrap, header or key was changed', () => {
    fc.assert(
      fc.property(
        key,
        key,
        fc.uint8Array({ minLength: 1, maxLength: 80 }),
        role,
        bitOf(48),
        bitOf(32),
        fc.nat(),
        (k, lk, header, to, w, kBit, at) => {
          const wrapped = wrapLocalEuKey(provider, new Secret('k', k), header, to, new Secret('lk', lk));
          const unwrap = (kWrap: Uint8Array, hdr: Uint8Array, octets: Uint8Array) =>
            unwrapLocalEuKey(provider, new Secret('k', kWrap), hdr, to, octets)?.reveal();
          expect(unwrap(k, header, wrapped)).toEqual(lk);
          expect(unwrap(k, header, flipped(wrapped, ...w))).toBeUndefined();
          expect(unwrap(flipped(k, ...kBit), header, wrapped)).toBeUndefined();
          expect(unwrap(k, flipped(header, at % header.length, at % 8), wrapped)).toBeUndefined();
        },
      ),
    );
  });

  it('is nothing in another role, or for another nonce of the PN GW', () => {
    fc.assert(
      fc.property(key, key, fc.uint8Array({ maxLength: 80 }), role, role, (k, lk, header, to, other) => {
        fc.pre(JSON.stringify(to) !== JSON.stringify(other));
        const wrapped = wrapLocalEuKey(provider, new Secret('k', k), header, to, new Secret('lk', lk));
        expect(unwrapLocalEuKey(provider, new Secret('k', k), header, other, wrapped)).toBeUndefined();
      }),
    );
  });
});

it('is no LocalEUKey when what was wrapped has another length', () => {
  const kWrap = new Secret('k', new Uint8Array(32));
  for (const length of [0, 16, 31, 33]) {
    const wrapped = wrapLocalEuKey(provider, kWrap, new Uint8Array(8), { role: 'pne' }, new Secret('lk', new Uint8Array(length)));
    expect(unwrapLocalEuKey(provider, kWrap, new Uint8Array(8), { role: 'pne' }, wrapped)).toBeUndefined();
  }
});

describe('a wrapped node key', () => {
  it('is good for its group, epoch and place alone', () => {
    fc.assert(
      fc.property(
        key,
        key,
        name,
        fc.constantFrom<keyof GroupRecordName>('epoch', 'node', 'version', 'underNode', 'underVersion'),
        (under, k, its, field) => {
          const wrapped = wrapNodeKey(provider, its, new Secret('under', under), new Secret('k', k));
          const unwrap = (as: GroupRecordName) => unwrapNodeKey(provider, as, new Secret('under', under), wrapped)?.reveal();
          expect(unwrap(its)).toEqual(k);
          const value = its[field];
          const other = typeof value === 'bigint' ? value ^ 1n : Number(value) === 0 ? 1 : Number(value) - 1;
          expect(unwrap({ ...its, [field]: other })).toBeUndefined();
          expect(unwrap({ ...its, sgId: flipped(its.sgId, 0, 0) })).toBeUndefined();
        },
      ),
    );
  });
});
