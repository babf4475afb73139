import { serverId } from '@cpns/shared';
import { nobleProvider, Secret, utf8 } from '@cpns/shared/security';
import { InsecureSeededEntropy } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import { sealerFor } from '../../src/keys/sealer.js';
import { openServerIdentity } from '../../src/keys/server-identity.js';
import { MemoryKeyRows } from './memory-key-rows.js';

function open(rows: MemoryKeyRows, id = 'cpns-home', master = 7) {
  return openServerIdentity({
    rows,
    sealer: sealerFor(nobleProvider, new Secret('master key', new Uint8Array(32).fill(master)), 'signing-key'),
    provider: nobleProvider,
    entropy: new InsecureSeededEntropy(`${master}`),
    serverId: serverId(id),
  });
}

describe('server identity', () => {
  it('is drawn once and found again', () => {
    const rows = new MemoryKeyRows();
    const first = open(rows);
    const again = open(rows);
    expect(again.signingKeyId).toBe(1);
    expect(again.signingPublicKey).toEqual(first.signingPublicKey);
    const signature = again.sign(utf8('rekey'));
    expect(nobleProvider.ed25519Verify(first.signingPublicKey, utf8('rekey'), signature)).toBe(true);
    expect(rows.identity?.sealedSeed).toHaveLength(48);
  });

  it('refuses another server id, which no enrolled device would accept', () => {
    const rows = new MemoryKeyRows();
    open(rows);
    expect(() => open(rows, 'other')).toThrowError(
      expect.objectContaining({ family: 'Config', code: 'ServerIdChanged', message: expect.stringContaining('set server.id back') }),
    );
  });

  it('refuses another master key', () => {
    const rows = new MemoryKeyRows();
    open(rows);
    expect(() => open(rows, 'cpns-home', 8)).toThrowError(expect.objectContaining({ code: 'MasterKeyMismatch' }));
  });
});
