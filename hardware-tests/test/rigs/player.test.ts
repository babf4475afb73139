import { SystemClock } from '@cpns/shared/node';
import { describe, expect, it } from 'vitest';
import { type Played, play, playAll } from '../../rigs/player.js';
import { type BuiltStage, type Need, NotPlayable, type Rig } from '../../rigs/rig.js';
import { defineScenario, type Scenario } from '../../scenarios/scenario.js';

const clock = new SystemClock();
const MARKS = {
  name: 'left',
  hostName: 'pi',
  kernel: '6.6',
  architecture: 'arm64',
  node: 'v20.19.2',
  cpns: '0.1.0',
  noble: 'not installed',
  bleno: 'not installed',
};

function fakeRig(more: Partial<Rig> = {}) {
  const seen = { built: 0, disposed: 0, atOnce: 0, most: 0 };
  const rig: Rig = {
    name: 'fake',
    title: 'a rig without devices',
    offers: new Set<Need>(['power']),
    atOnce: 2,
    obstacle: async () => undefined,
    lacks: async () => undefined,
    build: async () => {
      seen.built++;
      seen.most = Math.max(seen.most, ++seen.atOnce);
      return {
        clock,
        tell: (story: () => Promise<void>) => story(),
        logs: () => [{ name: 'nobody', lines: ['said nothing'] }],
        dispose: async () => {
          seen.disposed++;
          seen.atOnce--;
        },
      } as unknown as BuiltStage;
    },
    close: async () => {},
    ...more,
  };
  return { rig, seen };
}

const scenario = (name: string, run: Scenario['run'], needs: readonly Need[] = []) => defineScenario({ name, title: name, needs, run });
const good = scenario('good', async (t) => t.check('it holds', true));

describe('playing a scenario', () => {
  it('passes when every check holds, and takes the stage down', async () => {
    const { rig, seen } = fakeRig();
    const said: string[] = [];
    const told = scenario('told', async (t) => {
      t.step('it begins');
      t.check('one', true);
      t.same('two', [1], [1]);
    });
    const played = await play(rig, told, clock, (line) => said.push(line));
    expect(played).toMatchObject({ scenario: 'told', rig: 'fake', result: 'passed', checks: 2 });
    expect(said[0]).toMatch(/^ +0\.0 s {2}it begins$/);
    expect(seen).toMatchObject({ built: 1, disposed: 1 });
  });

  it('is skipped, and not passed, when the stage cannot give what it asks for', async () => {
    const { rig, seen } = fakeRig({ marks: () => [MARKS] });
    const greedy = scenario('greedy', async (t) => {
      t.check('it has begun', true);
      throw new NotPlayable('It needs a third device.');
    });
    const played = await play(rig, greedy, clock, () => {});
    expect(played).toMatchObject({ result: 'skipped', says: 'It needs a third device.', devices: [MARKS] });
    expect(seen.disposed).toBe(1);
  });

  it('fails with the sentence of the check that did not hold, and the logs', async () => {
    const { rig, seen } = fakeRig();
    const bad = scenario('bad', async (t) => t.same('they are equal', 1, 2));
    const played = await play(rig, bad, clock, () => {});
    expect(played).toMatchObject({ result: 'failed', says: 'they are equal (is 1, expected 2)', logs: [{ name: 'nobody' }] });
    expect(seen.disposed).toBe(1);
  });

  it('fails when the stage cannot be built', async () => {
    const { rig } = fakeRig({ build: () => Promise.reject(new Error('no room')) });
    expect(await play(rig, good, clock, () => {})).toMatchObject({ result: 'failed', says: 'Error: no room', logs: [] });
  });

  it('is skipped, never passed, when what it needs is missing here', async () => {
    const { rig, seen } = fakeRig({ lacks: async (need) => (need === 'power' ? 'The plug is missing.' : undefined) });
    expect(await play(rig, scenario('b', good.run, ['power']), clock, () => {})).toMatchObject({
      result: 'skipped',
      says: 'The plug is missing.',
    });
    expect(seen.built).toBe(0);
  });

  it('is not applicable where the rig is not made for it', async () => {
    const { rig, seen } = fakeRig({ inapplicable: (name) => (name === 'good' ? 'It is too good.' : undefined) });
    expect(await play(rig, scenario('a', good.run, ['mqtt']), clock, () => {})).toMatchObject({
      result: 'not applicable',
      says: 'The rig "fake" has no mqtt.',
    });
    expect(await play(rig, good, clock, () => {})).toMatchObject({ result: 'not applicable', says: 'It is too good.' });
    expect(seen.built).toBe(0);
  });
});

describe('playing several', () => {
  it('plays as many at once as the rig can, each on a stage of its own', async () => {
    const { rig, seen } = fakeRig();
    const played: Played[] = [];
    const slow = scenario('slow', () => new Promise((resolve) => void clock.after(20, resolve)));
    await playAll(
      rig,
      [slow, slow, slow, slow, good],
      clock,
      () => {},
      (one) => played.push(one),
    );
    expect(played.map(({ result }) => result)).toEqual(Array(5).fill('passed'));
    expect(seen).toMatchObject({ built: 5, disposed: 5, most: 2 });
  });

  it('begins with what takes long where several are played at once', async () => {
    const begun: string[] = [];
    const story = (name: string) => scenario(name, async () => void begun.push(name));
    const stories = [story('a'), story('b'), { ...story('c'), isLong: true }];
    for (const atOnce of [1, 2]) {
      await playAll(
        { ...fakeRig().rig, atOnce },
        stories,
        clock,
        () => {},
        () => {},
      );
    }
    expect(begun.slice(0, 4)).toEqual(['a', 'b', 'c', 'c']);
  });

  it('skips all where the rig cannot run, and says why', async () => {
    const { rig, seen } = fakeRig({ obstacle: async () => 'It needs root.' });
    const played: Played[] = [];
    await playAll(
      rig,
      [good, scenario('a', good.run, ['mqtt'])],
      clock,
      () => {},
      (one) => played.push(one),
    );
    expect(played.map(({ result, says }) => [result, says])).toEqual([
      ['skipped', 'It needs root.'],
      ['not applicable', 'The rig "fake" has no mqtt.'],
    ]);
    expect(seen.built).toBe(0);
  });
});
