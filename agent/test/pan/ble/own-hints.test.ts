import { matchesBleHint, nobleProvider } from '@cpns/shared/security';
import { InsecureSeededEntropy, VirtualClock } from '@cpns/shared/testing';
import { expect, it } from 'vitest';
import { OwnHints } from '../../../src/pan/ble/own-hints.js';

const keys = [1, 2, 3].map((n) => new Uint8Array(16).fill(n));

it('gives the first of several keys every other turn, and the rest in turn, each with a hint that stays', async () => {
  const clock = new VirtualClock({ startMs: 0 });
  const own = new OwnHints(nobleProvider, new InsecureSeededEntropy('own'), clock);
  expect(own.current()).toBeUndefined();
  own.follow(keys);
  const hints: Uint8Array[] = [];
  for (let turn = 0; turn < 8; turn++) {
    hints.push(own.current() as Uint8Array);
    await clock.advance(5_000);
  }
  const owners = hints.map((hint) => keys.findIndex((key) => matchesBleHint(nobleProvider, key, hint)));
  expect(owners).toEqual([0, 1, 0, 2, 0, 1, 0, 2]);
  expect(new Set(hints.map((hint) => hint.join())).size).toBe(3);
});
