import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { eraseRoot, euKeyPrk, GroupKey, nobleProvider, PnKey, rootFromPrk, Secret } from '../../src/security/index.js';

describe('Secret', () => {
  const octets = new Uint8Array(32).fill(0xc5);
  const secret = new Secret('K_auth 0123456789abcdef', octets);

  it('shows its label wherever it is printed or serialised, and never its octets', () => {
    const shown = '[secret K_auth 0123456789abcdef]';
    expect(String(secret)).toBe(shown);
    expect(`${secret}`).toBe(shown);
    expect(inspect(secret)).toBe(shown);
    expect(inspect({ deep: [secret] }, { depth: 9, showHidden: true })).toContain(shown);
    expect(JSON.stringify({ secret })).toBe(`{"secret":"${shown}"}`);
    for (const text of [inspect(secret, { showHidden: true }), JSON.stringify({ ...secret }), Object.values(secret).join()]) {
      expect(text).not.toMatch(/c5c5|197/i);
    }
  });

  it('holds a copy in an allocation of its own', () => {
    const shared = new Uint8Array(64).fill(1);
    const own = new Secret('own', shared.subarray(8, 40));
    shared.fill(2);
    expect(own.reveal()).toEqual(new Uint8Array(32).fill(1));
    expect(own.reveal().buffer.byteLength).toBe(32);
  });

  it('is overwritten when erased, and cannot be used after that', () => {
    const own = new Secret('own', octets);
    const inside = own.reveal();
    own.erase();
    own.erase();
    expect(inside).toEqual(new Uint8Array(32));
    expect([own.erased, own.length]).toEqual([true, 32]);
    expect(() => own.reveal()).toThrow(expect.objectContaining({ family: 'Internal', code: 'SecretErased' }));
  });

  it('takes fresh octets over, as what it was asked for', () => {
    const fresh = new Uint8Array(32).fill(3);
    const key = PnKey.take('PN key', fresh);
    expect(fresh).toEqual(new Uint8Array(32));
    expect(key).toBeInstanceOf(PnKey);
    expect(key).not.toBeInstanceOf(GroupKey);
    expect(key.reveal()).toEqual(new Uint8Array(32).fill(3));
  });
});

describe('EUKey root', () => {
  it('is the same from the EUKey and from the stored PRK', () => {
    const prk = euKeyPrk(nobleProvider, new Secret('EUKey', new Uint8Array(32).fill(1)));
    const [one, other] = [rootFromPrk(nobleProvider, prk), rootFromPrk(nobleProvider, new Secret('stored', prk.reveal()))];
    expect(one.kid).toBe('f299d3e6e851cd39');
    expect(other.kid).toBe(one.kid);
    expect(other.kWrap.reveal()).toEqual(one.kWrap.reveal());
  });

  it('refuses an EUKey of another length', () => {
    for (const length of [0, 16, 31, 33]) {
      expect(() => euKeyPrk(nobleProvider, new Secret('EUKey', new Uint8Array(length)))).toThrow(
        expect.objectContaining({ family: 'Config', code: 'BadEuKey' }),
      );
    }
  });

  it('shows nothing but kids', () => {
    const root = rootFromPrk(nobleProvider, euKeyPrk(nobleProvider, new Secret('EUKey', new Uint8Array(32).fill(1))));
    expect(JSON.parse(JSON.stringify(root))).toEqual({
      kid: root.kid,
      kAuth: `[secret K_auth ${root.kid}]`,
      kWrap: `[secret K_wrap ${root.kid}]`,
      kTls: `[secret K_tls ${root.kid}]`,
    });
    eraseRoot(root);
    expect([root.kAuth.erased, root.kWrap.erased, root.kTls.erased]).toEqual([true, true, true]);
  });
});
