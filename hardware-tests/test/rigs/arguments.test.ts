import { describe, expect, it } from 'vitest';
import { readArguments } from '../../rigs/arguments.js';
import type { RemoteRig, Rig, RigFamily } from '../../rigs/rig.js';
import { SCENARIOS } from '../../scenarios/index.js';

const lan = { name: 'lan' } as Rig;
const air = { name: 'air' } as Rig;
const kernel = { name: 'kernel', scenarios: SCENARIOS.slice(0, 2) } as unknown as RemoteRig;
const bench = { name: 'bench', open: async () => [] as readonly Rig[] } as unknown as RigFamily;
const read = (...words: string[]) => readArguments(words, [lan, air, kernel, bench], SCENARIOS);
const names = (...words: string[]) => read(...words).scenarios.map(({ name }) => name);

describe('the arguments of "npm run rig"', () => {
  it('name a rig, and mean all scenarios', () => {
    expect(read('lan')).toMatchObject({ rig: lan, verbose: false, json: false, report: undefined });
    expect(names('lan')).toEqual(SCENARIOS.map(({ name }) => name));
  });

  it('name scenarios, or a theme with all its parts', () => {
    expect(names('lan', 'pair-two', 'establish-all')).toEqual(['pair-two', 'establish-all']);
    expect(names('lan', 'elect-by-capability')).toHaveLength(4);
    expect(names('lan', 'elect-by-capability/ties')).toEqual(['elect-by-capability/ties']);
  });

  it.each([
    [['kennel'], 'There is no rig "kennel"; there is: lan, air, kernel, bench.'],
    [['lan', '--config', 'lan.yaml'], 'Only the rig bench has a configuration file.'],
    [['lan', '--controller', 'btvirt'], 'Only the rig air has controllers: npm run rig -- air --controller btvirt.'],
    [['air', '--controller', 'mine'], 'There are no controllers "mine"; there are: own, btvirt.'],
    [[], 'Say which rig: npm run rig -- RIG [SCENARIO...]. See --help.'],
    [['lan', 'pair-three'], 'There is no scenario "pair-three" on this rig; --list shows them all.'],
    [['lan', '--loud'], /Unknown option '--loud'.*See --help\./],
  ])('are refused with one sentence: %s', (words, sentence) => {
    expect(() => read(...words)).toThrow(sentence);
  });

  it('mean the scenarios of a rig that has its own', () => {
    expect(names('kernel')).toEqual(SCENARIOS.slice(0, 2).map(({ name }) => name));
    expect(() => read('kernel', 'outsiders')).toThrow('There is no scenario "outsiders" on this rig');
  });

  it('name the controllers of the air', () => {
    expect(read('air', '--controller', 'btvirt')).toMatchObject({ rig: air, controllers: 'btvirt' });
    expect(read('air').controllers).toBeUndefined();
  });

  it('name the configuration of the bench', () => {
    expect(read('bench', '--config', 'my.yaml')).toMatchObject({ rig: bench, config: 'my.yaml' });
    expect(read('bench').config).toBeUndefined();
  });

  it('may ask for help or the list without a rig', () => {
    expect(read('--help')).toMatchObject({ help: true, rig: undefined });
    expect(read('--list')).toMatchObject({ list: true, rig: undefined });
  });
});
