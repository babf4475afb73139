import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { REPLAY_WINDOW, ReplayWindow } from '../../src/security/index.js';

/** The same rule without any cleverness: every number ever accepted, and the distance to the highest. */
class NaiveWindow {
  readonly #seen = new Set<bigint>();
  #highest: bigint;

  constructor(readonly floor = -1n) {
    this.#highest = floor;
  }

  accept(seq: bigint): boolean {
    if (seq <= this.floor || seq <= this.#highest - BigInt(REPLAY_WINDOW) || this.#seen.has(seq)) return false;
    this.#seen.add(seq);
    if (seq > this.#highest) this.#highest = seq;
    return true;
  }
}

describe('replay window', () => {
  const numbers = fc.array(
    fc.oneof(
      fc.bigInt(0n, 20n),
      fc.bigInt(0n, 3_000n),
      fc.bigInt(1_000n, 1_100n),
      fc.bigInt(0n, 2n ** 64n - 1n),
      fc.bigInt(2n ** 64n - 3_000n, 2n ** 64n - 1n),
    ),
    { maxLength: 200 },
  );

  it('tells the same as a set of everything that was seen', () => {
    fc.assert(
      fc.property(numbers, fc.option(fc.bigInt(0n, 1_500n), { nil: undefined }), (seqs, floor) => {
        const window = new ReplayWindow(floor);
        const naive = new NaiveWindow(floor);
        for (const seq of seqs) {
          const fresh = naive.accept(seq);
          expect(window.isFresh(seq)).toBe(fresh);
          expect(window.accept(seq)).toBe(fresh);
          expect(window.isFresh(seq)).toBe(false);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('tells the same for numbers that come nearly in order', () => {
    const jitter = fc.array(fc.integer({ min: -1_100, max: 40 }), { minLength: 500, maxLength: 1_500 });
    fc.assert(
      fc.property(jitter, (offsets) => {
        const window = new ReplayWindow();
        const naive = new NaiveWindow();
        offsets.forEach((offset, at) => {
          const seq = BigInt(Math.max(0, at * 2 + offset));
          expect(window.accept(seq)).toBe(naive.accept(seq));
        });
      }),
      { numRuns: 30 },
    );
  });

  it('does not take numbers for seen that only share a place in the ring with older ones', () => {
    const window = new ReplayWindow();
    for (let seq = 0n; seq < 1_024n; seq++) window.accept(seq);
    expect(window.accept(1_500n)).toBe(true);
    for (let seq = 1_024n; seq < 1_500n; seq++) expect(window.accept(seq)).toBe(true);
    expect(window.accept(5_000n)).toBe(true);
    for (let seq = 5_000n - 1_023n; seq < 5_000n; seq++) expect(window.accept(seq)).toBe(true);
  });

  it('takes everything up to what was stored for seen', () => {
    const window = new ReplayWindow(100n);
    expect([100n, 99n, 0n, 101n, 101n].map((seq) => window.accept(seq))).toEqual([false, false, false, true, false]);
    expect(new ReplayWindow().accept(0n)).toBe(true);
  });

  it('is copied with all that it has seen', () => {
    const window = new ReplayWindow(10n);
    window.accept(13n);
    const copy = window.copy();
    expect([9n, 10n, 11n, 13n, 14n].map((seq) => copy.isFresh(seq))).toEqual([false, false, true, false, true]);
    copy.accept(2_000n);
    expect([window.highest, window.isFresh(12n)]).toEqual([13n, true]);
  });

  it('takes what is 1,023 behind the highest and nothing older', () => {
    const window = new ReplayWindow();
    expect(window.accept(5_000n)).toBe(true);
    expect(window.accept(5_000n - 1_024n)).toBe(false);
    expect(window.accept(5_000n - 1_023n)).toBe(true);
    expect(window.highest).toBe(5_000n);
  });
});
