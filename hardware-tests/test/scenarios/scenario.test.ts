import { CpnsError } from '@cpns/shared';
import { SystemClock } from '@cpns/shared/node';
import { VirtualClock } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import type { Stage } from '../../rigs/rig.js';
import { SCENARIOS } from '../../scenarios/index.js';
import { Telling } from '../../scenarios/scenario.js';

const telling = () => new Telling({ clock: new SystemClock() } as unknown as Stage, () => {});

describe('the checks of a scenario', () => {
  it('count what held', async () => {
    const t = telling();
    t.check('one', true);
    t.same('two', { a: [1] }, { a: [1] });
    await t.eventually('three', async () => 'found');
    await t.steadily('four', 10, async () => true);
    await t.fails('five', Promise.reject(new CpnsError('State', 'NoGateway', 'None.')), 'NoGateway', 'Other');
    expect(t.checks).toBe(5);
  });

  it('wait for what comes by itself, through errors on the way', async () => {
    let looks = 0;
    const found = await telling().eventually('it comes', async () => {
      looks++;
      if (looks === 1) throw new Error('not yet');
      return looks === 3 ? 'here' : undefined;
    });
    expect([found, looks]).toEqual(['here', 3]);
  });

  it('say what did not come, and the last error', async () => {
    const never = telling().eventually(
      'it comes',
      async () => {
        throw new Error('no link');
      },
      60,
    );
    await expect(never).rejects.toThrow('it comes: not within 0 s (Error: no link)');
  });

  it('wait longer on a stage that is slow', async () => {
    const clock = new VirtualClock();
    const t = new Telling({ clock, patience: 3 } as unknown as Stage, () => {});
    const late = t.eventually('it comes', async () => clock.monotonicMs() > 2_500, 1_000);
    expect(await clock.run(late)).toBe(true);
    await expect(clock.run(t.eventually('it comes', async () => false, 1_000))).rejects.toThrow('not within 3 s');
  });

  it('say what did not stay', async () => {
    let looks = 0;
    await expect(telling().steadily('it stays', 1_000, async () => ++looks < 2)).rejects.toThrow('it stays');
  });

  it('say what succeeded or failed otherwise', async () => {
    await expect(telling().fails('it is refused', Promise.resolve(), 'No')).rejects.toThrow('it is refused (it succeeded)');
    const other = Promise.reject(new CpnsError('State', 'Busy', 'Wait.'));
    await expect(telling().fails('it is refused', other, 'No')).rejects.toThrow('it is refused (Busy: Wait.)');
  });
});

describe('the scenarios', () => {
  it('have each a name of its own and a sentence', () => {
    const names = SCENARIOS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const { name, title } of SCENARIOS) {
      expect(name).toMatch(/^(?:\d{3}-)?[a-z][a-z0-9-]*(\/[a-z-]+)?$/);
      expect(title).toMatch(/^[A-Z].*\.$/);
    }
  });
});
