import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { REPLAY_WINDOW, ReplayWindow } from '../../src/security/index.js';

/** The same rule with a set. */
class NaiveWindow {
  readonly #seen = new Set<bigint>();
  #highest = -1n;
  accept(seq: bigint): boolean {
    if (this.#seen.has(seq) || seq <= this.#highest - BigInt(REPLAY_WINDOW)) return false;
    this.#seen.add(seq);
    if (seq > this.#highest) this.#highest = seq;
    return true;
  }
}

describe('ReplayWindow', () => {
  it('judges as a set of all numbers would', () => {
    const near = fc
      .tuple(fc.constantFrom(0n, 1000n, 5000n, 2n ** 53n, 2n ** 63n), fc.bigInt(0n, 2100n))
      .map(([base, offset]) => base + offset);
    fc.assert(
      fc.property(fc.array(near, { maxLength: 200 }), (numbers) => {
        const [window, naive] = [new ReplayWindow(), new NaiveWindow()];
        for (const seq of numbers) {
          const fresh = naive.accept(seq);
          expect([window.isFresh(seq), window.accept(seq), window.isFresh(seq)], `${seq}`).toEqual([fresh, fresh, false]);
        }
      }),
    );
  });

  it('takes the lowest number of the window and not the one below', () => {
    const window = new ReplayWindow();
    window.accept(5000n);
    const lowest = 5000n - BigInt(REPLAY_WINDOW) + 1n;
    expect([window.isFresh(lowest - 1n), window.accept(lowest - 1n)]).toEqual([false, false]);
    expect([window.accept(lowest), window.accept(lowest)]).toEqual([true, false]);
  });

  it('forgets nothing when the highest moves by a whole window or more', () => {
    const window = new ReplayWindow();
    for (const seq of [0n, 1023n, 1024n, 2047n, 2048n, 10_000n]) {
      expect(window.accept(seq)).toBe(true);
      expect(window.accept(seq)).toBe(false);
    }
    expect(window.accept(9_999n)).toBe(true);
    expect(window.highest).toBe(10_000n);
  });

  it('takes everything up to what was stored for seen', () => {
    const window = new ReplayWindow(100n);
    expect([window.accept(100n), window.accept(99n), window.accept(0n), window.accept(101n)]).toEqual([false, false, false, true]);
    expect(window.accept(101n)).toBe(false);
    expect(new ReplayWindow().accept(0n)).toBe(true);
  });

  it('reaches the end of u64', () => {
    const window = new ReplayWindow();
    expect([window.accept(2n ** 64n - 1n), window.accept(2n ** 64n - 1n), window.accept(2n ** 64n - 2n)]).toEqual([true, false, true]);
  });
});
