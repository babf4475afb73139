import { nobleProvider, Secret, utf8 } from '@cpns/shared/security';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sealerFor } from '../../src/keys/sealer.js';

const master = new Secret('master key', new Uint8Array(32).fill(7));

describe('sealer', () => {
  it('opens what it sealed, for the same row and purpose only', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.string({ maxLength: 20 }), (plain, row) => {
        const keys = sealerFor(nobleProvider, master, 'eukey');
        const sealed = keys.seal(utf8(row), plain);
        expect(sealed).toHaveLength(plain.length + 16);
        expect(keys.unseal(utf8(row), sealed)).toEqual(plain);
        expect(() => keys.unseal(utf8(`${row}x`), sealed)).toThrowError(expect.objectContaining({ code: 'MasterKeyMismatch' }));
        expect(() => sealerFor(nobleProvider, master, 'pn-key').unseal(utf8(row), sealed)).toThrow();
      }),
      { numRuns: 20 },
    );
  });

  it('opens nothing that was altered or cut', () => {
    const keys = sealerFor(nobleProvider, master, 'pn-key');
    const sealed = keys.seal(utf8('row'), utf8('content'));
    for (let at = 0; at < sealed.length; at++) {
      const altered = sealed.slice();
      altered[at] = (altered[at] as number) ^ 1;
      expect(() => keys.unseal(utf8('row'), altered)).toThrow();
      expect(() => keys.unseal(utf8('row'), sealed.subarray(0, at))).toThrow();
    }
  });
});
