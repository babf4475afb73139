import { entityId, type PnId } from '@cpns/shared';
import { nativeProvider as provider } from '@cpns/shared/node';
import { Secret } from '@cpns/shared/security';
import { MemoryStore, VirtualClock } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import { DeviceState } from '../../src/entity/device-state.js';
import { LocalEuKeys } from '../../src/entity/local-eu-keys.js';

const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;
const pnId = 'ab'.repeat(16) as PnId;
const peer = entityId('laptop');
const header = new Uint8Array(40).fill(4);
const fresh = (octet = 1) => ({ key: new Secret('key', new Uint8Array(32).fill(octet)), header: header.map((one) => one + octet) });

async function keys({ keep = true } = {}) {
  const clock = new VirtualClock();
  const store = new MemoryStore();
  const state = new DeviceState(store);
  const own = new LocalEuKeys({ state, clock, provider, settings: { limits: { expiredLocalKeyMs: 7 * 24 * HOUR_MS } } as never });
  if (keep) {
    own.offer(pnId, peer, fresh());
    const changes = new Map();
    own.keep(changes, pnId, peer);
    await state.commit(changes);
    own.discard(pnId, peer);
  }
  return { clock, store, own, state };
}

describe('LocalEUKeys', () => {
  it('are erased when their run comes to nothing', async () => {
    const { own, store } = await keys({ keep: false });
    const offered = fresh();
    own.offer(pnId, peer, offered);
    own.discard(pnId, peer);
    expect(offered.key.erased).toBe(true);
    expect(own.keep(new Map(), pnId, peer)).toBe(false);
    expect(store.keys('lk/')).toEqual([]);
  });

  it('are found by their header, the fresh one and the kept one', async () => {
    const { own } = await keys();
    own.offer(pnId, peer, fresh(2));
    for (const octet of [1, 2]) {
      const found = own.find(pnId, peer, provider.sha256(fresh(octet).header));
      expect(found?.key.reveal()[0]).toBe(octet);
      found?.key.erase();
    }
    // What was handed out is a copy.
    expect(own.find(pnId, peer, provider.sha256(fresh(2).header))?.key.reveal()[0]).toBe(2);
    expect(own.find(pnId, peer, provider.sha256(fresh(3).header))).toBeUndefined();
    expect(own.find(pnId, entityId('board'), provider.sha256(fresh(2).header))).toBeUndefined();
  });

  it.each([
    [17.9 * HOUR_MS, true, true],
    [18.1 * HOUR_MS, false, true],
    [24 * HOUR_MS, false, true],
    [8 * 24 * HOUR_MS, false, true],
    [8 * 24 * HOUR_MS + 1, false, false],
    [YEAR_MS, false, false],
    // A clock that was set back by a little is nothing; by more, the key is due, and serves.
    [-60_000, true, true],
    [-HOUR_MS, false, true],
    [-YEAR_MS, false, true],
  ])('of an age of %d ms are young: %s, and usable: %s', async (ageMs, young, usable) => {
    const { own, clock, store } = await keys();
    clock.setWallMs(clock.wallMs() + ageMs);
    expect(own.hasYoung(pnId, peer)).toBe(young);
    expect(own.stored(pnId, peer) !== undefined).toBe(usable);
    expect(own.find(pnId, peer, provider.sha256(fresh().header)) !== undefined).toBe(usable);
    await own.sweep();
    expect(store.keys('lk/')).toHaveLength(usable ? 1 : 0);
  });
});
