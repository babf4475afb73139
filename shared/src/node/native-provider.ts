import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hash,
  type KeyObject,
  sign,
  timingSafeEqual,
  verify,
} from 'node:crypto';
import type { CryptoProvider } from '@cpns/shared';
import {
  AEAD_KEY_LENGTH,
  AEAD_NONCE_LENGTH,
  CURVE_KEY_LENGTH,
  concat,
  copyOf,
  fromHex,
  requireLength,
  TAG_LENGTH,
  toHex,
} from '@cpns/shared/security';
import { hmacSha256 } from './native-hmac.js';
import { unwrapSiv, wrapSiv } from './native-siv.js';

const AEAD = 'chacha20-poly1305';
/** Without this length some ciphers of Node take a tag of 4 octets. */
const AEAD_OPTIONS = { authTagLength: TAG_LENGTH } as const;

/** PKCS #8 of an Ed25519 seed, up to the seed (RFC 8410). */
const ED25519_PKCS8 = fromHex('302e020100300506032b657004220420');

/** y coordinates of the points of order 1, 2, 4 and 8, and the two above the prime that mean such a point; all without the sign bit. */
const SMALL_ORDER_Y = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
]);

/** Node hands out `Buffer`s, which behave differently (`slice`, `toJSON`); the ports speak of octets. */
function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}

function base64url(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('base64url');
}

/**
 * X25519 keys go in as JWK: OpenSSL 3 decodes PKCS #8 ten times slower than it computes. These keys live for one handshake. The
 * public half is not looked at when a private key is read, but must be there.
 */
function x25519Private(privateKey: Uint8Array): KeyObject {
  requireLength('X25519 private key', privateKey, CURVE_KEY_LENGTH);
  return createPrivateKey({ key: { kty: 'OKP', crv: 'X25519', x: '', d: base64url(privateKey) }, format: 'jwk' });
}

/** A signing key lives long, so it is never made a string. */
function ed25519Private(seed: Uint8Array): KeyObject {
  requireLength('Ed25519 seed', seed, CURVE_KEY_LENGTH);
  const der = concat(ED25519_PKCS8, seed);
  const key = createPrivateKey({ key: Buffer.from(der.buffer), format: 'der', type: 'pkcs8' });
  der.fill(0);
  return key;
}

function publicOf(privateKey: KeyObject): Uint8Array {
  const { x } = createPublicKey(privateKey).export({ format: 'jwk' });
  return new Uint8Array(Buffer.from(x ?? '', 'base64url'));
}

function isSmallOrder(publicKey: Uint8Array): boolean {
  const y = copyOf(publicKey);
  y[CURVE_KEY_LENGTH - 1] = (y[CURVE_KEY_LENGTH - 1] as number) & 0x7f;
  return SMALL_ORDER_Y.has(toHex(y));
}

/** The primitives of suite 1 from `node:crypto`. */
export const nativeProvider: CryptoProvider = {
  name: 'native',

  sha256: (message) => plain(hash('sha256', message, 'buffer')),

  hmac: hmacSha256,

  seal(key, nonce, aad, content) {
    requireLength('AEAD key', key, AEAD_KEY_LENGTH);
    requireLength('AEAD nonce', nonce, AEAD_NONCE_LENGTH);
    const cipher = createCipheriv(AEAD, key, nonce, AEAD_OPTIONS);
    cipher.setAAD(aad, { plaintextLength: content.length });
    const encrypted = cipher.update(content);
    cipher.final();
    const sealed = new Uint8Array(encrypted.length + TAG_LENGTH);
    sealed.set(encrypted);
    sealed.set(cipher.getAuthTag(), encrypted.length);
    return sealed;
  },

  open(key, nonce, aad, sealed) {
    requireLength('AEAD key', key, AEAD_KEY_LENGTH);
    requireLength('AEAD nonce', nonce, AEAD_NONCE_LENGTH);
    const length = sealed.length - TAG_LENGTH;
    if (length < 0) return undefined;
    const decipher = createDecipheriv(AEAD, key, nonce, AEAD_OPTIONS);
    decipher.setAAD(aad, { plaintextLength: length });
    decipher.setAuthTag(sealed.subarray(length));
    // Not verified before final() returns.
    const content = decipher.update(sealed.subarray(0, length));
    try {
      decipher.final();
    } catch {
      content.fill(0);
      return undefined;
    }
    return plain(content);
  },

  wrap: wrapSiv,
  unwrap: unwrapSiv,

  x25519Public: (privateKey) => publicOf(x25519Private(privateKey)),

  x25519(privateKey, publicKey) {
    const own = x25519Private(privateKey);
    let shared: Buffer;
    try {
      const peer = createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x: base64url(publicKey) }, format: 'jwk' });
      shared = diffieHellman({ privateKey: own, publicKey: peer });
    } catch {
      // A wrong length, or a point of small order.
      return undefined;
    }
    return shared.every((octet) => octet === 0) ? undefined : plain(shared);
  },

  ed25519Public: (seed) => publicOf(ed25519Private(seed)),

  ed25519Signer(seed) {
    const key = ed25519Private(seed);
    return (message) => plain(sign(null, message, key));
  },

  ed25519Verify(publicKey, message, signature) {
    // OpenSSL verifies under keys of small order, for which anybody can make a signature.
    if (isSmallOrder(publicKey)) return false;
    try {
      const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: base64url(publicKey) }, format: 'jwk' });
      return verify(null, message, key, signature);
    } catch {
      return false;
    }
  },

  equal: (a, b) => a.length === b.length && timingSafeEqual(a, b),
};
