import { type CryptoProvider, entityId, type KeyId, keyId } from '@cpns/shared';
import { euKeyPrk, nobleProvider, rootFromPrk, Secret } from '@cpns/shared/security';
import { InsecureSeededEntropy } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import { EuKeyStore } from '../../src/keys/eukey-store.js';
import { sealerFor } from '../../src/keys/sealer.js';
import { MemoryKeyRows } from './memory-key-rows.js';

const phone = entityId('phone-1');
const laptop = entityId('laptop-2');

function setUp(cachedRoots = 10, seed = 'master') {
  let unwraps = 0;
  const provider: CryptoProvider = {
    ...nobleProvider,
    unwrap: (kek, aad, wrapped) => {
      unwraps++;
      return nobleProvider.unwrap(kek, aad, wrapped);
    },
  };
  const rows = new MemoryKeyRows();
  const sealer = sealerFor(provider, new Secret('master key', new InsecureSeededEntropy(seed).bytes(32)), 'eukey');
  const store = new EuKeyStore({ rows, sealer, provider, entropy: new InsecureSeededEntropy('keys'), cachedRoots });
  return { rows, store, unwraps: () => unwraps };
}

describe('EuKeyStore', () => {
  it('draws a key whose row gives the root that the device will compute', () => {
    const { rows, store } = setUp();
    const { euKey, row } = store.create(phone);
    const atDevice = rootFromPrk(nobleProvider, euKeyPrk(nobleProvider, euKey));
    expect(store.byKid(row.kid)).toBeUndefined();
    rows.addEuKey(row);
    const owned = store.byKid(row.kid);
    expect(owned?.entityId).toBe(phone);
    expect(owned?.root.kid).toBe(atDevice.kid);
    expect(owned?.root.kAuth.reveal()).toEqual(atDevice.kAuth.reveal());
    expect(store.activeRoot(phone)?.kWrap.reveal()).toEqual(atDevice.kWrap.reveal());
    expect(store.tlsKey(phone)).toEqual(atDevice.kTls.reveal());
    expect(store.tlsKey(laptop)).toBeUndefined();
  });

  it('stores nothing that shows the key', () => {
    const { store } = setUp();
    const { euKey, row } = store.create(phone);
    const prk = euKeyPrk(nobleProvider, euKey).reveal();
    expect(row.sealed).toHaveLength(48);
    expect(Buffer.from(row.sealed).includes(Buffer.from(prk))).toBe(false);
    expect(Buffer.from(row.sealed).includes(Buffer.from(euKey.reveal()))).toBe(false);
    expect(row).toMatchObject({ entityId: phone, active: true });
  });

  it('forgets a key the moment its row is inactive, cached or not', () => {
    const { rows, store } = setUp();
    const { row } = store.create(phone);
    rows.addEuKey(row);
    expect(store.tlsKey(phone)).toBeDefined();
    rows.deactivateEuKeys(phone);
    expect(store.tlsKey(phone)).toBeUndefined();
    expect(store.byKid(row.kid)).toBeUndefined();
  });

  it('follows a new key of the same device', () => {
    const { rows, store } = setUp();
    const old = store.create(phone).row;
    rows.addEuKey(old);
    const before = store.tlsKey(phone);
    const fresh = store.create(phone).row;
    rows.addEuKey(fresh);
    expect(store.tlsKey(phone)).not.toEqual(before);
    expect(store.byKid(old.kid)).toBeUndefined();
    expect(store.byKid(fresh.kid)?.entityId).toBe(phone);
  });

  it('unseals once while a root is cached, and keeps so many roots', () => {
    const { rows, store, unwraps } = setUp(2);
    const kids: KeyId[] = [];
    for (const id of ['dev-a', 'dev-b', 'dev-c']) {
      const { row } = store.create(entityId(id));
      rows.addEuKey(row);
      kids.push(row.kid);
    }
    const [a, b, c] = kids as [KeyId, KeyId, KeyId];
    for (const kid of [a, b, a, b]) store.byKid(kid);
    expect(unwraps()).toBe(2);
    store.byKid(a);
    // The one used longest ago goes: b.
    store.byKid(c);
    store.byKid(a);
    expect(unwraps()).toBe(3);
    store.byKid(b);
    expect(unwraps()).toBe(4);
  });

  it('says which file is wrong when the master key is another one', () => {
    const { rows, store } = setUp();
    rows.addEuKey(store.create(phone).row);
    const other = setUp(10, 'other master');
    other.rows.rows.push(...rows.rows);
    expect(() => other.store.tlsKey(phone)).toThrow(/put back the master\.key that belongs to this database/);
  });

  it('opens no row that was moved to another kid', () => {
    const { rows, store } = setUp();
    const mine = store.create(phone).row;
    const theirs = store.create(laptop).row;
    rows.addEuKey({ ...mine, sealed: theirs.sealed });
    expect(() => store.byKid(mine.kid)).toThrowError(expect.objectContaining({ code: 'MasterKeyMismatch' }));
  });

  it('knows no key that was never drawn', () => {
    expect(setUp().store.byKid(keyId('0123456789abcdef'))).toBeUndefined();
  });
});
