import { describe, expect, it } from 'vitest';
import { MemoryStore } from '../../src/testing/index.js';
import { describeStore, SMALL_TOTAL_OCTETS } from '../compliance/store-compliance.js';

describeStore('MemoryStore', () => {
  const store = new MemoryStore({ maxTotalOctets: SMALL_TOTAL_OCTETS });
  return { store, reopen: async () => store.crash(), crash: async () => store.crash(), dispose: async () => {} };
});

const change = (key: string, value: number) => new Map([[key, Uint8Array.of(value)]]);

describe('MemoryStore', () => {
  it('fails the commit it is told to, keeps nothing of it and goes on', async () => {
    const store = new MemoryStore();
    await store.commit(change('a', 1));
    store.failCommit(2);
    await store.commit(change('a', 2));
    await expect(store.commit(change('a', 3))).rejects.toMatchObject({ family: 'State', code: 'DiskFull', retryable: true });
    await store.commit(change('b', 4));
    expect([store.get('a'), store.get('b')]).toEqual([Uint8Array.of(2), Uint8Array.of(4)]);
    expect(store.commits).toEqual([change('a', 1), change('a', 2), change('b', 4)]);
  });

  it('holds commits until it is told to go on', async () => {
    const store = new MemoryStore();
    store.hold();
    let kept = false;
    const pending = store.commit(change('a', 1)).then(() => {
      kept = true;
    });
    for (let i = 0; i < 20; i++) await undefined;
    expect([kept, store.get('a')]).toEqual([false, undefined]);
    store.release();
    await pending;
    expect(store.get('a')).toEqual(Uint8Array.of(1));
  });

  it('forgets at a crash what was not committed, and takes nothing more', async () => {
    const store = new MemoryStore();
    await store.commit(change('a', 1));
    store.hold();
    const lost = store.commit(change('a', 2));
    const next = store.crash();
    await expect(lost).rejects.toMatchObject({ code: 'StoreFailed' });
    await expect(store.commit(change('a', 3))).rejects.toMatchObject({ code: 'StoreFailed' });
    expect(next.get('a')).toEqual(Uint8Array.of(1));
    await next.commit(change('a', 4));
    expect(next.get('a')).toEqual(Uint8Array.of(4));
  });
});
