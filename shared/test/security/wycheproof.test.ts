import { readFileSync } from 'node:fs';
import { nativeProvider } from '@cpns/shared/node';
import { aessiv } from '@noble/ciphers/aes.js';
import { describe, expect, it } from 'vitest';
import { concat, extract, fromHex, hkdfExpand, nobleProvider } from '../../src/security/index.js';

interface Vector {
  readonly tcId: number;
  readonly comment: string;
  readonly result: 'valid' | 'invalid' | 'acceptable';
  readonly flags?: readonly string[];
  readonly size?: number;
  readonly [field: string]: unknown;
}

interface Group {
  readonly keySize?: number;
  readonly ivSize?: number;
  readonly tagSize?: number;
  readonly publicKey?: { readonly pk: string };
  readonly tests: readonly Vector[];
}

interface Case {
  readonly group: Group;
  readonly vector: Vector;
  readonly valid: boolean;
  /** A hex field of the vector. */
  of(name: string): Uint8Array;
}

function casesOf(file: string): Case[] {
  const text = readFileSync(new URL(`./wycheproof/${file}_test.json`, import.meta.url), 'utf8');
  const { testGroups, numberOfTests } = JSON.parse(text) as { testGroups: Group[]; numberOfTests: number };
  const cases = testGroups.flatMap((group) =>
    group.tests.map((vector) => ({
      group,
      vector,
      valid: vector.result !== 'invalid',
      of: (name: string) => fromHex(String(vector[name])),
    })),
  );
  expect(cases).toHaveLength(numberOfTests);
  return cases;
}

/** Ids of the vectors that `holds` judges otherwise than the file does. */
function mismatches(cases: readonly Case[], holds: (one: Case) => boolean): string[] {
  return cases.filter((one) => holds(one) !== one.valid).map(({ vector }) => `${vector.tcId} ${vector.comment}`);
}

const same = (a: Uint8Array | undefined, b: Uint8Array) => a !== undefined && nobleProvider.equal(a, b);

/** What an attempt gives; a refusal by exception counts as nothing. */
function attempt(compute: () => Uint8Array | undefined): Uint8Array | undefined {
  try {
    return compute();
  } catch {
    return undefined;
  }
}

for (const provider of [nobleProvider, nativeProvider]) {
  describe(`Wycheproof, ${provider.name}`, () => {
    it('HMAC-SHA-256', () => {
      const cases = casesOf('hmac_sha256');
      expect(
        mismatches(cases, ({ group, of }) => same(provider.hmac(of('key'), of('msg')).subarray(0, (group.tagSize ?? 0) / 8), of('tag'))),
      ).toEqual([]);
    });

    it('HKDF-SHA-256', () => {
      const cases = casesOf('hkdf_sha256');
      expect(
        mismatches(cases, ({ vector, of }) => {
          const prk = extract(provider, of('salt'), of('ikm'));
          return same(
            attempt(() => hkdfExpand(provider, prk, of('info'), vector.size ?? 0)),
            of('okm'),
          );
        }),
      ).toEqual([]);
    });

    it('ChaCha20-Poly1305', () => {
      const cases = casesOf('chacha20_poly1305');
      expect(
        mismatches(cases, ({ of }) =>
          same(
            attempt(() => provider.open(of('key'), of('iv'), of('aad'), concat(of('ct'), of('tag')))),
            of('msg'),
          ),
        ),
      ).toEqual([]);
      for (const { of } of cases.filter(({ valid }) => valid)) {
        expect(provider.seal(of('key'), of('iv'), of('aad'), of('msg'))).toEqual(concat(of('ct'), of('tag')));
      }
    });

    it('AES-256-SIV with one associated-data string', () => {
      const cases = casesOf('aes_siv_cmac').filter(({ group }) => group.keySize === 512);
      expect(cases.length).toBeGreaterThan(100);
      expect(
        mismatches(cases, ({ of }) =>
          same(
            attempt(() => provider.unwrap(of('key'), of('aad'), of('ct'))),
            of('msg'),
          ),
        ),
      ).toEqual([]);
      for (const { of } of cases.filter(({ valid }) => valid)) expect(provider.wrap(of('key'), of('aad'), of('msg'))).toEqual(of('ct'));
    });

    it('X25519', () => {
      const cases = casesOf('x25519');
      // Vectors whose secret is zero are "acceptable" to the file; here they give nothing.
      const zero = new Uint8Array(32);
      for (const { vector, of } of cases) {
        const shared = of('shared');
        const expected = same(zero, shared) ? undefined : shared;
        expect(provider.x25519(of('private'), of('public')), `${vector.tcId} ${vector.comment}`).toEqual(expected);
      }
    });

    it('Ed25519', () => {
      const cases = casesOf('ed25519');
      expect(
        mismatches(cases, ({ group, of }) => provider.ed25519Verify(fromHex(group.publicKey?.pk ?? ''), of('msg'), of('sig'))),
      ).toEqual([]);
    });
  });
}

/** Other key sizes and a nonce are no part of the suite; the primitive that both providers use is held to all vectors all the same. */
describe('Wycheproof, the AES-SIV under both providers', () => {
  it('AES-SIV-CMAC, all key sizes', () => {
    const cases = casesOf('aes_siv_cmac');
    expect(
      mismatches(cases, ({ of }) =>
        same(
          attempt(() => aessiv(of('key'), of('aad')).decrypt(of('ct'))),
          of('msg'),
        ),
      ),
    ).toEqual([]);
  });

  it('AES-SIV-CMAC as an AEAD with a nonce, all key sizes', () => {
    const cases = casesOf('aead_aes_siv_cmac');
    expect(
      mismatches(cases, ({ of }) =>
        same(
          attempt(() => aessiv(of('key'), of('aad'), of('iv')).decrypt(concat(of('tag'), of('ct')))),
          of('msg'),
        ),
      ),
    ).toEqual([]);
  });
});
