import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeyTree } from '../../../src/security/index.js';
import { FAULTS, planted } from './planted.js';
import { type Step, World } from './world.js';

const RUNS = 300;

/** Mostly small changes, now and then so many newcomers that the tree grows, people who miss things, and rotations between. */
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('change' as const), joins: fc.nat(2), leaves: fc.array(fc.nat(99), { maxLength: 3 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('change' as const), joins: fc.nat(14), leaves: fc.constant([]) }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'rotate' as const }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('absent' as const, 'back' as const), who: fc.nat(99) }) },
);
const steps = fc.array(step, { minLength: 5, maxLength: 30, size: 'max' });

function lives(Tree: typeof KeyTree, followed: boolean, story: readonly Step[]) {
  const world = new World({ Tree, followed });
  for (const next of story) world.take(next);
  return world.search();
}

describe('what can ever be opened with all that was ever sent', () => {
  it(`by those who went, alone and together, is nothing later, and by those who came nothing earlier (${RUNS} stories)`, () => {
    const seen = { people: 0, gone: 0, height: 0 };
    fc.assert(
      fc.property(steps, (story) => {
        const { people, gone, height } = lives(KeyTree, true, story);
        seen.people += people;
        seen.gone += gone;
        seen.height = Math.max(seen.height, height);
      }),
      { numRuns: RUNS, seed: 1 },
    );
    expect(seen.people).toBeGreaterThan(10 * RUNS);
    expect(seen.gone).toBeGreaterThan(5 * RUNS);
    expect(seen.height).toBe(3);
  });

  it.each(Object.keys(FAULTS))('is more than that, and noticed, when %s', async (fault) => {
    const Tree = await planted(FAULTS[fault] ?? []);
    const { errorInstance } = fc.check(
      fc.property(steps, (story) => void lives(Tree, false, story)),
      { numRuns: RUNS, seed: 1, endOnFailure: true },
    );
    expect(errorInstance).toMatchObject({ message: expect.stringMatching(/ opened |two keys have one name/) });
  });

  it('is nothing more when nothing is planted', async () => {
    const Tree = await planted([]);
    fc.assert(
      fc.property(steps, (story) => void lives(Tree, false, story)),
      { numRuns: 20, seed: 2 },
    );
  });
});
