import { describe, expect, it } from 'vitest';
import { PairingWindow } from '../../src/security/index.js';
import { StoodClock } from './channel-fixture.js';

const shut = expect.objectContaining({ family: 'State', code: 'PairingWindowClosed' });
const busy = expect.objectContaining({ family: 'State', code: 'PairingBusy' });

describe('pairing window', () => {
  it('is open for 120 s', () => {
    const clock = new StoodClock();
    const window = new PairingWindow(clock, 'code');
    expect([window.open, window.remainingMs, window.attemptsLeft]).toEqual([true, 120_000, 5]);
    clock.nowMs += 119_999;
    expect([window.open, window.remainingMs]).toEqual([true, 1]);
    clock.nowMs += 1;
    expect([window.open, window.remainingMs, window.attemptsLeft]).toEqual([false, 0, 0]);
    expect(() => window.begin()).toThrow(shut);
    clock.nowMs += 1_000_000;
    expect(window.remainingMs).toBe(0);
  });

  it('lets one attempt run at a time', () => {
    const window = new PairingWindow(new StoodClock(), 'code');
    window.begin();
    expect(() => window.begin()).toThrow(busy);
    window.end('abandoned');
    window.begin();
  });

  it('allows five attempts by code, however they end, and then closes', () => {
    const window = new PairingWindow(new StoodClock(), 'code');
    for (const outcome of ['refused', 'abandoned', 'refused', 'paired'] as const) {
      window.begin();
      window.end(outcome);
    }
    expect([window.open, window.attemptsLeft]).toEqual([true, 1]);
    window.begin();
    expect(window.open).toBe(true);
    window.end('refused');
    expect(window.open).toBe(false);
    expect(() => window.begin()).toThrow(shut);
  });

  it('spends a link with its first success', () => {
    const window = new PairingWindow(new StoodClock(), 'link');
    for (let count = 0; count < 3; count++) {
      window.begin();
      window.end('abandoned');
    }
    expect([window.open, window.attemptsLeft]).toEqual([true, 20]);
    window.begin();
    window.end('paired');
    expect(window.open).toBe(false);
    expect(() => window.begin()).toThrow(shut);
  });

  it('closes a link after 20 wrong tokens', () => {
    const window = new PairingWindow(new StoodClock(), 'link');
    for (let count = 0; count < 20; count++) {
      expect(window.open).toBe(true);
      window.begin();
      window.end('refused');
    }
    expect(window.open).toBe(false);
  });

  it('is closed by its owner at any time, also during an attempt', () => {
    const window = new PairingWindow(new StoodClock(), 'code');
    window.begin();
    window.close();
    expect(window.open).toBe(false);
    window.end('paired');
    expect(() => window.begin()).toThrow(shut);
  });

  it('ignores the end of an attempt that is not under way', () => {
    const window = new PairingWindow(new StoodClock(), 'link');
    window.end('paired');
    expect(window.open).toBe(true);
  });

  it('takes other limits', () => {
    const window = new PairingWindow(new StoodClock(), 'code', { openMs: 10, attempts: 1 });
    expect([window.remainingMs, window.attemptsLeft]).toEqual([10, 1]);
  });
});
