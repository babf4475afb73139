import { aessiv } from '@noble/ciphers/aes.js';
import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { equalBytes } from '@noble/ciphers/utils.js';
import { ed25519, x25519 } from '@noble/curves/ed25519.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import type { CryptoProvider } from '../ports.js';
import { copyOf } from './bytes.js';
import { AEAD_KEY_LENGTH, AEAD_NONCE_LENGTH, CURVE_KEY_LENGTH, requireLength, SIV_KEK_LENGTH } from './provider-lengths.js';

/** The reference: the primitives of suite 1 in plain JavaScript, for every platform. */
export const nobleProvider: CryptoProvider = {
  name: 'noble',

  sha256: (message) => sha256(message),

  hmac: (key, message) => hmac(sha256, key, message),

  seal(key, nonce, aad, plain) {
    requireLength('AEAD key', key, AEAD_KEY_LENGTH);
    requireLength('AEAD nonce', nonce, AEAD_NONCE_LENGTH);
    return chacha20poly1305(key, nonce, aad).encrypt(plain);
  },

  open(key, nonce, aad, sealed) {
    requireLength('AEAD key', key, AEAD_KEY_LENGTH);
    requireLength('AEAD nonce', nonce, AEAD_NONCE_LENGTH);
    try {
      return chacha20poly1305(key, nonce, aad).decrypt(sealed);
    } catch {
      return undefined;
    }
  },

  wrap(kek, aad, plain) {
    requireLength('SIV key', kek, SIV_KEK_LENGTH);
    return aessiv(kek, aad).encrypt(plain);
  },

  unwrap(kek, aad, wrapped) {
    requireLength('SIV key', kek, SIV_KEK_LENGTH);
    try {
      return aessiv(kek, aad).decrypt(wrapped);
    } catch {
      return undefined;
    }
  },

  x25519Public(privateKey) {
    requireLength('X25519 private key', privateKey, CURVE_KEY_LENGTH);
    return x25519.getPublicKey(privateKey);
  },

  x25519(privateKey, publicKey) {
    requireLength('X25519 private key', privateKey, CURVE_KEY_LENGTH);
    try {
      return x25519.getSharedSecret(privateKey, publicKey);
    } catch {
      // A wrong length, or a point of small order, which gives zero for every key.
      return undefined;
    }
  },

  ed25519Public(seed) {
    requireLength('Ed25519 seed', seed, CURVE_KEY_LENGTH);
    return ed25519.getPublicKey(seed);
  },

  ed25519Signer(seed) {
    requireLength('Ed25519 seed', seed, CURVE_KEY_LENGTH);
    const own = copyOf(seed);
    return (message) => ed25519.sign(message, own);
  },

  ed25519Verify(publicKey, message, signature) {
    try {
      return ed25519.verify(signature, message, publicKey, { zip215: false });
    } catch {
      return false;
    }
  },

  equal: (a, b) => equalBytes(a, b),
};
