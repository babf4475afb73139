import { describe, expect, it } from 'vitest';
import {
  GROUP_KEY_NODE,
  type GroupRecordName,
  nobleProvider,
  REKEY_PART_MAX,
  Secret,
  signRekeyPart,
  unwrapNodeKey,
  utf8,
  verifyRekeyPart,
  wrapNodeKey,
} from '../../src/security/index.js';

const provider = nobleProvider;
const [under, key] = [new Secret('under', new Uint8Array(32).fill(1)), new Secret('key', new Uint8Array(32).fill(2))];
const name: GroupRecordName = { sgId: new Uint8Array(16).fill(3), epoch: 7n, node: 0x01000002, version: 4, underNode: 8, underVersion: 5 };

describe('a record of a rekey', () => {
  it('gives its key to who holds the other', () => {
    const wrapped = wrapNodeKey(provider, name, under, key);
    expect(wrapped).toHaveLength(48);
    expect(unwrapNodeKey(provider, name, under, wrapped)?.reveal()).toEqual(key.reveal());
  });

  it('is good for its group, epoch, node and versions only, and under its key only', () => {
    const wrapped = wrapNodeKey(provider, name, under, key);
    const others: Partial<GroupRecordName>[] = [
      { sgId: new Uint8Array(16) },
      { epoch: 8n },
      { node: GROUP_KEY_NODE },
      { version: 5 },
      { underNode: 9 },
      { underVersion: 6 },
      { node: name.underNode, underNode: name.node },
      { version: name.underVersion, underVersion: name.version },
    ];
    for (const other of others) expect(unwrapNodeKey(provider, { ...name, ...other }, under, wrapped)).toBeUndefined();
    expect(unwrapNodeKey(provider, name, key, wrapped)).toBeUndefined();
    expect(unwrapNodeKey(provider, name, under, wrapped.subarray(1))).toBeUndefined();
  });
});

describe('the signature of a rekey part', () => {
  const seed = new Secret('signing key', new Uint8Array(32).fill(4));
  const publicKey = provider.ed25519Public(seed.reveal());
  const sign = provider.ed25519Signer(seed.reveal());
  const part = utf8('part');

  it('is the server’s, for this part', () => {
    const signature = signRekeyPart(sign, part);
    expect(verifyRekeyPart(provider, publicKey, part, signature)).toBe(true);
    expect(verifyRekeyPart(provider, publicKey, utf8('parT'), signature)).toBe(false);
    expect(verifyRekeyPart(provider, provider.ed25519Public(key.reveal()), part, signature)).toBe(false);
    expect(verifyRekeyPart(provider, publicKey, part, signature.subarray(1))).toBe(false);
  });

  it('does not hold for the bare octets', () => {
    expect(verifyRekeyPart(provider, publicKey, part, provider.ed25519Signer(seed.reveal())(part))).toBe(false);
  });

  it('is not even looked at when the part is too large', () => {
    const [largest, larger] = [new Uint8Array(REKEY_PART_MAX), new Uint8Array(REKEY_PART_MAX + 1)];
    expect(verifyRekeyPart(provider, publicKey, largest, signRekeyPart(sign, largest))).toBe(true);
    expect(verifyRekeyPart(provider, publicKey, larger, signRekeyPart(sign, larger))).toBe(false);
  });
});
