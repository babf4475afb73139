import { describe, expect, it } from 'vitest';
import { readArguments } from '../../rigs/arguments.js';
import type { Rig, RigFamily } from '../../rigs/rig.js';
import { SCENARIOS } from '../../scenarios/index.js';

const lan = { name: 'lan' } as Rig;
const bench = { name: 'bench', open: async () => [] as readonly Rig[] } as unknown as RigFamily;
const read = (...words: string[]) => readArguments(words, [lan, bench], SCENARIOS);
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
    [['kennel'], 'There is no rig "kennel"; there is: lan, bench.'],
    [['lan', '--config', 'lan.yaml'], 'Only the rig bench has a configuration file.'],
    [[], 'Say which rig: npm run rig -- RIG [SCENARIO...]. See --help.'],
    [['lan', 'pair-three'], 'There is no scenario "pair-three"; --list shows them all.'],
    [['lan', '--loud'], /Unknown option '--loud'.*See --help\./],
  ])('are refused with one sentence: %s', (words, sentence) => {
    expect(() => read(...words)).toThrow(sentence);
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
