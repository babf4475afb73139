import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CryptoProvider } from '../../src/ports.js';
import { concat, fromHex, toHex, utf8 } from '../../src/security/index.js';

const octets = (length: number, fill = 7) => new Uint8Array(length).fill(fill);
const hex = (text: string) => fromHex(text.replaceAll(/\s/g, ''));
const badLength = expect.objectContaining({ family: 'Internal', code: 'BadLength' });

/** A view that starts inside a larger allocation, as octets from a socket do. */
function viewOf(value: Uint8Array): Uint8Array {
  return concat(octets(5, 0xee), value, octets(5, 0xee)).subarray(5, 5 + value.length);
}

/** What every {@link CryptoProvider} must do. */
export function describeCryptoProvider(provider: CryptoProvider): void {
  describe(`${provider.name} as a CryptoProvider`, () => {
    it('hashes (FIPS 180-4, "abc")', () => {
      expect(toHex(provider.sha256(utf8('abc')))).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
      expect(toHex(provider.sha256(octets(0)))).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    });

    it('authenticates (RFC 4231 case 2) and takes keys of any length', () => {
      const tag = provider.hmac(utf8('Jefe'), utf8('what do ya want for nothing?'));
      expect(toHex(tag)).toBe('5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843');
      for (const length of [0, 1, 16, 64, 65, 200]) expect(provider.hmac(octets(length), octets(3))).toHaveLength(32);
    });

    it('seals and opens (RFC 8439 section 2.8.2)', () => {
      const key = hex('808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f');
      const nonce = hex('070000004041424344454647');
      const aad = hex('50515253c0c1c2c3c4c5c6c7');
      const plain = utf8(
        "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
      );
      const sealed = provider.seal(key, nonce, aad, plain);
      expect(toHex(sealed.subarray(0, 16))).toBe('d31a8d34648e60db7b86afbc53ef7ec2');
      expect(toHex(sealed.subarray(-16))).toBe('1ae10b594f09e26a7e902ecbd0600691');
      expect(provider.open(key, nonce, aad, sealed)).toEqual(plain);
    });

    it('wraps and unwraps (RFC 5297 layout, one associated-data string)', () => {
      for (const length of [0, 1, 15, 16, 17, 32, 100]) {
        const wrapped = provider.wrap(octets(64), octets(9), octets(length, 3));
        expect(wrapped).toHaveLength(length + 16);
        expect(provider.unwrap(octets(64), octets(9), wrapped)).toEqual(octets(length, 3));
        expect(provider.wrap(octets(64), octets(9), octets(length, 3))).toEqual(wrapped);
      }
    });

    it('agrees on a secret (RFC 7748 section 5.2)', () => {
      const scalar = hex('a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4');
      const point = hex('e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c');
      expect(toHex(provider.x25519(scalar, point) ?? octets(0))).toBe('c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552');
      const alice = octets(32, 0x41);
      const bob = octets(32, 0x42);
      expect(provider.x25519(alice, provider.x25519Public(bob))).toEqual(provider.x25519(bob, provider.x25519Public(alice)));
    });

    it('signs (RFC 8032 section 7.1, tests 1 and 2)', () => {
      const vectors = [
        [
          '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
          'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
          '',
          'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
        ],
        [
          '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
          '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
          '72',
          '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
        ],
      ] as const;
      for (const [seed, publicKey, message, signature] of vectors) {
        expect(toHex(provider.ed25519Public(hex(seed)))).toBe(publicKey);
        expect(toHex(provider.ed25519Signer(hex(seed))(hex(message)))).toBe(signature);
        expect(provider.ed25519Verify(hex(publicKey), hex(message), hex(signature))).toBe(true);
      }
    });

    it('gives nothing for a sealed or wrapped value with any octet changed, cut or added', () => {
      const sealed = provider.seal(octets(32), octets(12), octets(4), octets(20));
      const wrapped = provider.wrap(octets(64), octets(4), octets(32));
      const opens = [
        { whole: sealed, open: (value: Uint8Array) => provider.open(octets(32), octets(12), octets(4), value) },
        { whole: wrapped, open: (value: Uint8Array) => provider.unwrap(octets(64), octets(4), value) },
      ];
      for (const { whole, open } of opens) {
        for (let at = 0; at < whole.length; at++) {
          const changed = whole.slice();
          changed[at] = (changed[at] as number) ^ 1;
          expect(open(changed)).toBeUndefined();
          expect(open(whole.slice(0, at))).toBeUndefined();
        }
        expect(open(concat(whole, octets(1)))).toBeUndefined();
        expect(open(whole)).toBeDefined();
      }
    });

    it('gives nothing under another key, nonce or associated data', () => {
      const sealed = provider.seal(octets(32), octets(12), octets(4), octets(20));
      expect(provider.open(octets(32, 1), octets(12), octets(4), sealed)).toBeUndefined();
      expect(provider.open(octets(32), octets(12, 1), octets(4), sealed)).toBeUndefined();
      expect(provider.open(octets(32), octets(12), octets(5), sealed)).toBeUndefined();
      const wrapped = provider.wrap(octets(64), octets(4), octets(32));
      expect(provider.unwrap(octets(64, 1), octets(4), wrapped)).toBeUndefined();
      expect(provider.unwrap(octets(64), octets(5), wrapped)).toBeUndefined();
    });

    it('gives no secret for public values of small order or of a wrong length', () => {
      const smallOrder = [
        '0000000000000000000000000000000000000000000000000000000000000000',
        '0100000000000000000000000000000000000000000000000000000000000000',
        'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
        '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
        'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
        'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
        'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
      ];
      for (const point of smallOrder) expect(provider.x25519(octets(32), hex(point))).toBeUndefined();
      for (const length of [0, 31, 33]) expect(provider.x25519(octets(32), octets(length))).toBeUndefined();
    });

    it('refuses signatures that are malformed, altered, or under a key for which anybody can sign', () => {
      const seed = octets(32);
      const publicKey = provider.ed25519Public(seed);
      const signature = provider.ed25519Signer(seed)(utf8('rekey'));
      expect(provider.ed25519Verify(publicKey, utf8('rekeY'), signature)).toBe(false);
      for (const at of [0, 31, 32, 63]) {
        const changed = signature.slice();
        changed[at] = (changed[at] as number) ^ 1;
        expect(provider.ed25519Verify(publicKey, utf8('rekey'), changed)).toBe(false);
      }
      expect(provider.ed25519Verify(publicKey, utf8('rekey'), signature.slice(0, 63))).toBe(false);
      expect(provider.ed25519Verify(publicKey.slice(0, 31), utf8('rekey'), signature)).toBe(false);
      // Key = identity point, R = identity point, S = 0 satisfies the equation for every message.
      for (const sign of [0x00, 0x80]) {
        const identity = hex(`01${'00'.repeat(31)}`);
        identity[31] = sign;
        expect(provider.ed25519Verify(identity, utf8('anything'), concat(hex(`01${'00'.repeat(31)}`), octets(32, 0)))).toBe(false);
      }
    });

    it('compares octets', () => {
      expect(provider.equal(octets(32), octets(32))).toBe(true);
      expect(provider.equal(octets(0), octets(0))).toBe(true);
      expect(provider.equal(octets(32), octets(32, 8))).toBe(false);
      expect(provider.equal(octets(32), octets(31))).toBe(false);
    });

    it('refuses own keys and nonces of a wrong length', () => {
      const calls: ((length: number) => unknown)[] = [
        (length) => provider.seal(octets(32 + length), octets(12), octets(0), octets(1)),
        (length) => provider.seal(octets(32), octets(12 + length), octets(0), octets(1)),
        (length) => provider.open(octets(32 + length), octets(12), octets(0), octets(17)),
        (length) => provider.open(octets(32), octets(12 + length), octets(0), octets(17)),
        (length) => provider.wrap(octets(64 + length), octets(0), octets(1)),
        (length) => provider.unwrap(octets(64 + length), octets(0), octets(17)),
        (length) => provider.x25519Public(octets(32 + length)),
        (length) => provider.x25519(octets(32 + length), octets(32, 9)),
        (length) => provider.ed25519Public(octets(32 + length)),
        (length) => provider.ed25519Signer(octets(32 + length)),
      ];
      for (const call of calls) for (const length of [-1, 1]) expect(() => call(length)).toThrow(badLength);
    });

    it('neither changes its inputs nor depends on them afterwards, and gives plain octets of their own', () => {
      const inputs = {
        key: octets(32, 1),
        nonce: octets(12, 2),
        aad: octets(9, 3),
        plain: octets(40, 4),
        kek: octets(64, 5),
        seed: octets(32, 6),
      };
      const before = structuredClone(inputs);
      const { key, nonce, aad, plain, kek, seed } = inputs;
      const sealed = provider.seal(key, nonce, aad, plain);
      const wrapped = provider.wrap(kek, aad, plain);
      const peer = provider.x25519Public(octets(32, 9));
      const sign = provider.ed25519Signer(seed);
      const signature = sign(plain);
      const results: (Uint8Array | undefined)[] = [
        provider.sha256(plain),
        provider.hmac(key, plain),
        sealed,
        provider.open(key, nonce, aad, sealed),
        wrapped,
        provider.unwrap(kek, aad, wrapped),
        provider.x25519Public(key),
        provider.x25519(key, peer),
        provider.ed25519Public(seed),
        signature,
      ];
      expect(inputs).toEqual(before);
      const copies = results.map((result) => result?.slice());
      for (const input of Object.values(inputs)) input.fill(0xff);
      expect(results).toEqual(copies);
      expect(sign(before.plain)).toEqual(signature);
      for (const result of results) {
        expect(Object.getPrototypeOf(result)).toBe(Uint8Array.prototype);
        expect(result?.buffer.byteLength).toBe(result?.length);
      }
    });

    it('takes views into larger buffers', () => {
      const [key, nonce, aad, plain, kek] = [octets(32, 1), octets(12, 2), octets(9, 3), octets(40, 4), octets(64, 5)];
      const sealed = provider.seal(key, nonce, aad, plain);
      expect(provider.seal(viewOf(key), viewOf(nonce), viewOf(aad), viewOf(plain))).toEqual(sealed);
      expect(provider.open(viewOf(key), viewOf(nonce), viewOf(aad), Buffer.from(sealed))).toEqual(plain);
      const wrapped = provider.wrap(viewOf(kek), viewOf(aad), viewOf(plain));
      expect(provider.unwrap(kek, aad, viewOf(wrapped))).toEqual(plain);
      expect(provider.x25519Public(viewOf(key))).toEqual(provider.x25519Public(key));
      const publicKey = provider.ed25519Public(viewOf(key));
      expect(provider.ed25519Verify(viewOf(publicKey), viewOf(plain), viewOf(provider.ed25519Signer(viewOf(key))(viewOf(plain))))).toBe(
        true,
      );
    });
  });
}

/** Two providers must be indistinguishable on the wire. */
export function describeInterop(one: CryptoProvider, other: CryptoProvider): void {
  const any = (most: number) => fc.uint8Array({ minLength: 0, maxLength: most });
  const exactly = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

  describe(`${one.name} and ${other.name}`, () => {
    it('hash, seal and wrap to the same octets, and open what the other made', () => {
      fc.assert(
        fc.property(exactly(32), exactly(12), exactly(64), any(600), any(17_000), (key, nonce, kek, aad, plain) => {
          expect(one.sha256(plain)).toEqual(other.sha256(plain));
          expect(one.hmac(aad, plain)).toEqual(other.hmac(aad, plain));
          const sealed = one.seal(key, nonce, aad, plain);
          expect(other.seal(key, nonce, aad, plain)).toEqual(sealed);
          expect(one.open(key, nonce, aad, sealed)).toEqual(plain);
          expect(other.open(key, nonce, aad, sealed)).toEqual(plain);
          expect(other.unwrap(kek, aad, one.wrap(kek, aad, plain))).toEqual(plain);
        }),
        { numRuns: 60 },
      );
    });

    it('agree on X25519 with any public value and on Ed25519', () => {
      fc.assert(
        fc.property(exactly(32), exactly(32), any(300), (secret, point, message) => {
          expect(one.x25519Public(secret)).toEqual(other.x25519Public(secret));
          expect(one.x25519(secret, point)).toEqual(other.x25519(secret, point));
          expect(one.ed25519Public(secret)).toEqual(other.ed25519Public(secret));
          const signature = one.ed25519Signer(secret)(message);
          expect(other.ed25519Signer(secret)(message)).toEqual(signature);
          expect(other.ed25519Verify(one.ed25519Public(secret), message, signature)).toBe(true);
          expect(one.ed25519Verify(point, message, signature)).toBe(other.ed25519Verify(point, message, signature));
        }),
        { numRuns: 25 },
      );
    });
  });
}
