import { expect, it } from 'vitest';
import { nobleProvider } from '../../src/security/noble-provider.js';
import { InsecureSeededEntropy, RecordingProvider } from '../../src/testing/index.js';

const entropy = new InsecureSeededEntropy('recording');
const [key, otherKey, nonce, aad] = [entropy.bytes(32), entropy.bytes(32), entropy.bytes(12), entropy.bytes(5)];
const text = (words: string) => new TextEncoder().encode(words);

it('gives what the provider inside gives', () => {
  const recording = new RecordingProvider(nobleProvider);
  const sealed = recording.seal(key, nonce, aad, text('plain'));
  expect(sealed).toEqual(nobleProvider.seal(key, nonce, aad, text('plain')));
  expect(recording.open(key, nonce, aad, sealed)).toEqual(text('plain'));
  const kek = entropy.bytes(64);
  const wrapped = recording.wrap(kek, aad, text('key'));
  expect(recording.unwrap(kek, aad, wrapped)).toEqual(text('key'));
  expect(recording.hmac(key, aad)).toEqual(nobleProvider.hmac(key, aad));
  expect(recording.sha256(aad)).toEqual(nobleProvider.sha256(aad));
  expect(recording.x25519(key, recording.x25519Public(otherKey))).toEqual(recording.x25519(otherKey, recording.x25519Public(key)));
  const signature = recording.ed25519Signer(key)(aad);
  expect(recording.ed25519Verify(recording.ed25519Public(key), aad, signature)).toBe(true);
  expect(recording.equal(key, otherKey)).toBe(false);
});

it('is content with different keys and different nonces', () => {
  const recording = new RecordingProvider(nobleProvider);
  recording.seal(key, nonce, aad, text('one'));
  recording.seal(otherKey, nonce, aad, text('one'));
  recording.seal(key, entropy.bytes(12), aad, text('one'));
  recording.assertNoNonceReuse();
  expect(recording.seals).toHaveLength(3);
});

it('reports a key and nonce used twice, and whether the octets differed', () => {
  const recording = new RecordingProvider(nobleProvider);
  recording.seal(key, nonce, aad, text('one'));
  recording.seal(key, nonce, aad, text('two'));
  expect(recording.reuses.map((reuse) => reuse.sameInput)).toEqual([false]);
  expect(() => recording.assertNoNonceReuse()).toThrow(expect.objectContaining({ code: 'NonceReused' }));
  recording.seal(key, nonce, aad, text('one'));
  expect(recording.reuses.map((reuse) => reuse.sameInput)).toEqual([false, true]);
});

it('takes other associated data for another input', () => {
  const recording = new RecordingProvider(nobleProvider);
  recording.seal(key, nonce, text('a'), text('bc'));
  recording.seal(key, nonce, text('ab'), text('c'));
  expect(recording.reuses.map((reuse) => reuse.sameInput)).toEqual([false]);
});

it('records what was wrapped under which key, as digests', () => {
  const recording = new RecordingProvider(nobleProvider);
  const kek = entropy.bytes(64);
  recording.wrap(kek, aad, text('key'));
  recording.wrap(kek, aad, text('key'));
  recording.wrap(kek, aad, text('yek'));
  expect(recording.wraps[0]).toEqual(recording.wraps[1]);
  expect(recording.wraps[2]).not.toEqual(recording.wraps[1]);
  expect(recording.wraps[2]?.kek).toEqual(recording.wraps[1]?.kek);
});
