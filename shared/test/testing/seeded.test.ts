import { describe, expect, it } from 'vitest';
import { InsecureSeededEntropy, SeededChoices } from '../../src/testing/index.js';
import { describeEntropy } from '../compliance/entropy-compliance.js';

describeEntropy('InsecureSeededEntropy', () => new InsecureSeededEntropy('compliance'));

describe('InsecureSeededEntropy', () => {
  it('is the same for the same seed, however it is cut into pieces', () => {
    const whole = new InsecureSeededEntropy('seed').bytes(100);
    const cut = new InsecureSeededEntropy('seed');
    const pieces = [1, 31, 0, 33, 35].flatMap((length) => [...cut.bytes(length)]);
    expect(pieces).toEqual([...whole]);
  });

  it('differs for every other seed, also for those that look alike', () => {
    const seeds = ['1', 1, '01', Uint8Array.of(1), Uint8Array.of(0x31), '', 0];
    const streams = seeds.map((seed) => new InsecureSeededEntropy(seed).bytes(16).join());
    expect(new Set(streams).size).toBe(seeds.length);
  });

  it('has forks that do not depend on what was drawn', () => {
    const root = new InsecureSeededEntropy(5);
    const before = root.fork('phone').bytes(16);
    root.bytes(100);
    expect(root.fork('phone').bytes(16)).toEqual(before);
    expect(root.fork('laptop').bytes(16)).not.toEqual(before);
  });
});

describe('SeededChoices', () => {
  it('repeats itself for the same seed', () => {
    const draw = (seed: number) => {
      const choices = new SeededChoices(seed);
      return Array.from({ length: 20 }, () => choices.below(1_000));
    };
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
  });

  it('meets the probabilities', () => {
    const choices = new SeededChoices(9);
    const share = (probability: number) =>
      Array.from({ length: 10_000 }, () => choices.chance(probability)).filter(Boolean).length / 10_000;
    expect(share(0)).toBe(0);
    expect(share(1)).toBe(1);
    expect(share(0.2)).toBeCloseTo(0.2, 1);
  });

  it('shuffles without losing anything, and picks from everywhere', () => {
    const choices = new SeededChoices(3);
    const items = Array.from({ length: 30 }, (_, i) => i);
    const mixed = choices.shuffled(items);
    expect(mixed).not.toEqual(items);
    expect([...mixed].sort((a, b) => a - b)).toEqual(items);
    expect(new Set(Array.from({ length: 500 }, () => choices.pick(items))).size).toBe(30);
  });
});
