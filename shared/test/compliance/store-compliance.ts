import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Store } from '../../src/ports.js';

/** What the suite needs to know about the store under test; made afresh and empty for every test. */
export interface StoreHarness {
  readonly store: Store;
  /** Ends the store as a process does that has finished, and opens what the next process finds. */
  reopen(): Promise<Store>;
  /** Ends the store as a process does that is killed, and opens what the next process finds. */
  crash(): Promise<Store>;
  /** Ends everything. */
  dispose(): Promise<void>;
}

/** What the store of {@link describeStore} must be limited to, so that the limit can be reached in a test. */
export const SMALL_TOTAL_OCTETS = 256 * 1024;

const octets = (...values: number[]) => Uint8Array.from(values);
const put = (key: string, ...values: number[]): [string, Uint8Array] => [key, octets(...values)];

/** What every {@link Store} must do. */
export function describeStore(name: string, make: () => StoreHarness | Promise<StoreHarness>): void {
  describe(`${name} as a Store`, () => {
    let harness: StoreHarness;
    let store: Store;
    const commit = (...changes: [string, Uint8Array | undefined][]) => store.commit(new Map(changes));

    beforeEach(async () => {
      harness = await make();
      store = harness.store;
    });
    afterEach(() => harness.dispose());

    it('begins empty', () => {
      expect(store.get('a')).toBeUndefined();
      expect(store.keys('')).toEqual([]);
    });

    it('gives back what was committed, also the empty value', async () => {
      await commit(put('a', 1, 2, 3), put('empty'));
      expect(store.get('a')).toEqual(octets(1, 2, 3));
      expect(store.get('empty')).toEqual(octets());
    });

    it('replaces and deletes', async () => {
      await commit(put('a', 1), put('b', 2));
      await commit(put('a', 9, 9), ['b', undefined], ['never-there', undefined]);
      expect(store.get('a')).toEqual(octets(9, 9));
      expect(store.get('b')).toBeUndefined();
      expect(store.keys('')).toEqual(['a']);
    });

    it('lists keys by prefix, sorted', async () => {
      await commit(put('pn/b', 1), put('pn/a', 1), put('pnx', 1), put('pn/', 1), put('other', 1), put('pn/B', 1));
      expect(store.keys('pn/')).toEqual(['pn/', 'pn/B', 'pn/a', 'pn/b']);
      expect(store.keys('zzz')).toEqual([]);
    });

    it('shows a change only once it is durable', async () => {
      await commit(put('a', 1));
      const pending = commit(put('a', 2), put('b', 2));
      expect(store.get('a')).toEqual(octets(1));
      expect(store.keys('')).toEqual(['a']);
      await pending;
      expect(store.get('a')).toEqual(octets(2));
      expect(store.get('b')).toEqual(octets(2));
    });

    it('takes a Buffer as the octets it holds, and copies it', async () => {
      const buffer = Buffer.from('value');
      const pending = commit(['a', buffer]);
      buffer.fill(0);
      await pending;
      expect(store.get('a')).toEqual(new TextEncoder().encode('value'));
    });

    it('is not disturbed by what is done to values and changes afterwards', async () => {
      const value = octets(1, 2, 3);
      const changes = new Map<string, Uint8Array | undefined>([['a', value]]);
      const pending = store.commit(changes);
      value.fill(7);
      changes.set('b', octets(1));
      await pending;
      store.get('a')?.fill(8);
      expect(store.get('a')).toEqual(octets(1, 2, 3));
      expect(store.get('b')).toBeUndefined();
      expect((await harness.reopen()).get('a')).toEqual(octets(1, 2, 3));
    });

    it('keeps concurrent commits in the order of the calls', async () => {
      await Promise.all(Array.from({ length: 50 }, (_, i) => commit(put('last', i), put(`n${i}`, i))));
      expect(store.get('last')).toEqual(octets(49));
      expect(store.keys('n')).toHaveLength(50);
      const next = await harness.reopen();
      expect(next.get('last')).toEqual(octets(49));
      expect(next.keys('n')).toHaveLength(50);
    });

    it('takes a commit without changes', async () => {
      await commit();
      expect(store.keys('')).toEqual([]);
    });

    it('keeps everything when it is closed and opened again', async () => {
      await commit(put('a', 1), put('b', 2));
      await commit(['a', undefined], put('c', 3));
      const next = await harness.reopen();
      expect(next.keys('')).toEqual(['b', 'c']);
      expect(next.get('c')).toEqual(octets(3));
      await next.commit(new Map([put('d', 4)]));
      expect(next.get('d')).toEqual(octets(4));
    });

    it('keeps through a crash exactly what had been committed', async () => {
      await commit(put('a', 1), put('b', 1));
      await commit(put('b', 2));
      const lost = commit(put('a', 3), put('b', 3), put('c', 3)).catch(() => {});
      const next = await harness.crash();
      await lost;
      const found = ['a', 'b', 'c'].map((key) => next.get(key)?.[0]);
      expect([
        [1, 2, undefined],
        [3, 3, 3],
      ]).toContainEqual(found);
    });

    it('takes values of 64 KiB', async () => {
      const large = new Uint8Array(65_536).map((_, i) => i * 13);
      await commit(['large', large]);
      expect(store.get('large')).toEqual(large);
      expect((await harness.reopen()).get('large')).toEqual(large);
    });

    it('refuses a larger value, and the whole commit with it', async () => {
      const refused = commit(put('small', 1), ['large', new Uint8Array(65_537)]);
      await expect(refused).rejects.toMatchObject({ family: 'Internal', code: 'StoreValueTooLarge' });
      expect(store.keys('')).toEqual([]);
    });

    it.each(['', ' ', 'with space', 'ümlaut', 'new\nline', 'x'.repeat(513)])('refuses the key %j', async (key) => {
      await expect(commit(put('good', 1), put(key, 1))).rejects.toMatchObject({ family: 'Internal', code: 'BadStoreKey' });
      expect(store.keys('')).toEqual([]);
    });

    it('refuses to grow over its limit and goes on working', async () => {
      for (let i = 0; i < 3; i++) await commit([`block${i}`, new Uint8Array(65_536)]);
      const refused = commit(put('small', 1), ['block3', new Uint8Array(65_536)]);
      await expect(refused).rejects.toMatchObject({ family: 'State', code: 'StoreFull' });
      expect(store.keys('')).toEqual(['block0', 'block1', 'block2']);
      await commit(['block0', undefined], ['block3', new Uint8Array(65_536)]);
      expect((await harness.reopen()).keys('')).toEqual(['block1', 'block2', 'block3']);
    });

    it('refuses one of several concurrent commits without harm to the others', async () => {
      const outcomes = await Promise.allSettled([
        commit(...['a', 'b', 'c'].map((key): [string, Uint8Array] => [key, new Uint8Array(65_536)])),
        commit(put('too-much', 1), ['d', new Uint8Array(65_536)]),
        commit(put('little', 1)),
      ]);
      expect(outcomes.map((outcome) => outcome.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
      expect((await harness.reopen()).keys('')).toEqual(['a', 'b', 'c', 'little']);
    });
  });
}
