import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DeviceCapabilities, decodeCapabilities, encodeCapabilities } from '../../src/capabilities.js';
import { compareCandidates, elect } from '../../src/election/elect.js';
import { scoreOf } from '../../src/election/score.js';
import { type EntityId, entityId } from '../../src/ids.js';

const base: DeviceCapabilities = {
  mode: 0,
  mains: false,
  batteryPercent: 0,
  cores: 0,
  memoryMiB: 0,
  networks: [],
  reachesServer: true,
  reachesServerAgeS: 0,
  panTechnologies: [],
  ui: false,
  zone: false,
  subscribed: true,
  canRoute: true,
  preference: 0,
  pairedPnes: 0,
};
const points = (change: Partial<DeviceCapabilities>) => scoreOf({ ...base, ...change }).total;

const capabilities: fc.Arbitrary<DeviceCapabilities> = fc
  .record({
    mains: fc.boolean(),
    batteryPercent: fc.integer({ min: 0, max: 100 }),
    cores: fc.integer({ min: 0, max: 64 }),
    memoryMiB: fc.integer({ min: 0, max: 65_536 }),
    reachesServer: fc.boolean(),
    subscribed: fc.boolean(),
    canRoute: fc.boolean(),
    preference: fc.integer({ min: 0, max: 3 }),
    pairedPnes: fc.integer({ min: 0, max: 64 }),
  })
  .map((some) => ({ ...base, ...some }));
const candidates = fc
  .uniqueArray(fc.integer({ min: 0, max: 99 }), { minLength: 1, maxLength: 6 })
  .chain((ids) =>
    fc.tuple(...ids.map((id) => capabilities.map((value) => ({ id: entityId(`dev-${id}`) as EntityId, capabilities: value })))),
  );

describe('the score of a device', () => {
  it.each<[string, Partial<DeviceCapabilities>, number]>([
    ['preference', { preference: 3 }, 30_000],
    ['mains', { mains: true }, 4_000],
    ['battery in steps of 5 %', { batteryPercent: 54 }, 200],
    ['a full battery', { batteryPercent: 100 }, 400],
    ['cores', { cores: 4 }, 200],
    ['at most 8 cores', { cores: 64 }, 400],
    ['memory in whole GiB', { memoryMiB: 2_047 }, 25],
    ['at most 8 GiB', { memoryMiB: 65_536 }, 200],
    ['paired devices', { pairedPnes: 3 }, 15],
    ['at most 20 paired devices', { pairedPnes: 64 }, 100],
  ])('counts %s', (_what, change, expected) => expect(points(change)).toBe(expected));

  it('is the sum of the lines it explains', () => {
    fc.assert(
      fc.property(capabilities, (value) => {
        expect(scoreOf(value).lines.reduce((sum, line) => sum + line.points, 0)).toBe(scoreOf(value).total);
      }),
    );
  });

  it.each(['reachesServer', 'subscribed', 'canRoute'] as const)('is worth nothing without %s', (need) => {
    const score = scoreOf({ ...base, preference: 3, [need]: false });
    expect(score.eligible).toBe(false);
    expect(score.missing).toHaveLength(1);
  });
});

describe('the election', () => {
  it('comes to the same result in every order', () => {
    fc.assert(
      fc.property(candidates, fc.infiniteStream(fc.nat()), (list, order) => {
        const winner = elect(list)?.id;
        const mixed = list.map((one) => [order.next().value, one] as const).sort(([a], [b]) => a - b);
        expect(elect([...list].reverse())?.id).toBe(winner);
        expect(elect(mixed.map(([, one]) => one))?.id).toBe(winner);
        if (winner !== undefined)
          for (const other of list) expect(compareCandidates(list.find((c) => c.id === winner) as never, other)).toBeLessThanOrEqual(0);
      }),
    );
  });

  it('orders any two devices one way round, and transitively', () => {
    fc.assert(
      fc.property(candidates, (list) => {
        for (const a of list)
          for (const b of list) {
            expect(Math.sign(compareCandidates(a, b)) + Math.sign(compareCandidates(b, a))).toBe(0);
            if (a.id !== b.id) expect(compareCandidates(a, b)).not.toBe(0);
            for (const c of list)
              if (compareCandidates(a, b) < 0 && compareCandidates(b, c) < 0) expect(compareCandidates(a, c)).toBeLessThan(0);
          }
      }),
    );
  });

  it('elects nobody when nobody is eligible', () => {
    expect(elect([{ id: entityId('dev-1'), capabilities: { ...base, canRoute: false } }])).toBeUndefined();
  });

  it('scores the octets that travelled', () => {
    fc.assert(
      fc.property(capabilities, (value) => {
        expect(scoreOf(decodeCapabilities(encodeCapabilities(value)))).toEqual(scoreOf(value));
      }),
    );
  });
});
