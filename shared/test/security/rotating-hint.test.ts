import { describe, expect, it } from 'vitest';
import { HINT_PERIOD_MS, matchesBleHint, nobleProvider, RotatingHint } from '../../src/security/index.js';
import { InsecureSeededEntropy, VirtualClock } from '../../src/testing/index.js';

const kAdv = new Uint8Array(16).fill(3);

describe('RotatingHint', () => {
  it('stays for 15 minutes, then nothing of it stays; the paired device resolves both', async () => {
    const clock = new VirtualClock();
    const rotating = new RotatingHint(nobleProvider, new InsecureSeededEntropy('hint'), clock);
    const first = rotating.current(kAdv);
    await clock.advance(HINT_PERIOD_MS - 1);
    expect(rotating.current(kAdv)).toEqual(first);
    await clock.advance(1);
    const second = rotating.current(kAdv);
    expect(second.slice(0, 3)).not.toEqual(first.slice(0, 3));
    expect(second.slice(3)).not.toEqual(first.slice(3));
    expect([first, second].map((hint) => matchesBleHint(nobleProvider, kAdv, hint))).toEqual([true, true]);
  });

  it('follows a new key at once, with a new prefix', () => {
    const rotating = new RotatingHint(nobleProvider, new InsecureSeededEntropy('hint'), new VirtualClock());
    const first = rotating.current(kAdv);
    const other = new Uint8Array(16).fill(4);
    const second = rotating.current(other);
    expect(second.slice(0, 3)).not.toEqual(first.slice(0, 3));
    expect(matchesBleHint(nobleProvider, other, second)).toBe(true);
  });
});
