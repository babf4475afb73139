import { describe, expect, it } from 'vitest';
import { btvirtCannot } from '../../../rigs/btvirt/limits.js';
import { SCENARIOS } from '../../../scenarios/index.js';

describe("what is played on BlueZ's emulator", () => {
  it('are eight scenarios, and each other one has a reason of its own', () => {
    const played = SCENARIOS.filter(({ name }) => btvirtCannot(name) === undefined).map(({ name }) => name);
    expect(played.sort()).toEqual([
      'agent-killed-and-back',
      'ble-only-pair',
      'elect-by-capability',
      'establish-one-to-one',
      'pair-two',
      'refuse-to-join',
      'replayed-and-altered-messages',
      'wrong-eukey',
    ]);
    for (const { name } of SCENARIOS)
      expect(btvirtCannot(name) ?? 'controller cannot more', name).toMatch(/^controller cannot (?!be taken)/);
  });
});
