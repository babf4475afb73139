import type { CryptoProvider } from '@cpns/shared';

/** What somebody did with a key, as it reads in front of "of NAME". */
export type KeyUse =
  | 'a derived key'
  | 'a traffic key'
  | 'a key to wrap with'
  | 'a wrapped key'
  | 'a sealed key'
  | 'a private key'
  | 'a shared secret';

/** Keys have 16 to 64 octets: K_adv is the shortest, the key of AES-SIV the longest. */
const SHORTEST = 16;
const KEY_OCTETS = 32;

/**
 * The provider, and whoever watches it is told every key with which it is used, before that. The octets are the caller's: whoever keeps them
 * copies them.
 */
export function watchKeys(inner: CryptoProvider, used: (key: Uint8Array, use: KeyUse) => void): CryptoProvider {
  /** A stored key is sealed alone. */
  const stored = (plain: Uint8Array | undefined) => {
    if (plain?.length === KEY_OCTETS) used(plain, 'a sealed key');
    return plain;
  };
  const secret = (plain: Uint8Array | undefined, use: KeyUse) => {
    if (plain !== undefined) used(plain, use);
    return plain;
  };
  return {
    name: inner.name,
    sha256: (message) => inner.sha256(message),
    hmac(key, message) {
      // Longer ones are nonces used as a salt, shorter ones texts.
      if (key.length >= SHORTEST && key.length <= KEY_OCTETS) used(key, 'a derived key');
      return inner.hmac(key, message);
    },
    seal(key, nonce, aad, plain) {
      used(key, 'a traffic key');
      stored(plain);
      return inner.seal(key, nonce, aad, plain);
    },
    open(key, nonce, aad, sealed) {
      used(key, 'a traffic key');
      return stored(inner.open(key, nonce, aad, sealed));
    },
    wrap(kek, aad, plain) {
      used(kek, 'a key to wrap with');
      used(plain, 'a wrapped key');
      return inner.wrap(kek, aad, plain);
    },
    unwrap(kek, aad, wrapped) {
      used(kek, 'a key to wrap with');
      return secret(inner.unwrap(kek, aad, wrapped), 'a wrapped key');
    },
    x25519Public(privateKey) {
      used(privateKey, 'a private key');
      return inner.x25519Public(privateKey);
    },
    x25519(privateKey, publicKey) {
      used(privateKey, 'a private key');
      return secret(inner.x25519(privateKey, publicKey), 'a shared secret');
    },
    ed25519Public(seed) {
      used(seed, 'a private key');
      return inner.ed25519Public(seed);
    },
    ed25519Signer(seed) {
      used(seed, 'a private key');
      return inner.ed25519Signer(seed);
    },
    ed25519Verify: (publicKey, message, signature) => inner.ed25519Verify(publicKey, message, signature),
    equal: (a, b) => inner.equal(a, b),
  };
}
