import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeSettings, documentedFile, loadSettings, parseSettings, setting } from '@cpns/shared/node';
import { describe, expect, it, onTestFinished } from 'vitest';

const isWord = (text: string) => /^\w+$/.test(text);
const table = setting.settingsFile({
  name: setting.optionalText('What it is called.', 8, isWord, 'a word'),
  colour: setting.oneOf(['red', 'green'], 'red', 'Its colour.'),
  engine: setting.group('What drives it.', {
    on: setting.flag(true, 'Runs.'),
    cylinders: setting.count(4, 'Cylinders.', 1, 12),
    power: setting.foundCount('Power in kW.', 1, 1000),
    fuels: setting.foundList(['petrol', 'gas'], 'What it burns.'),
    oil: setting.text('W30', 'Its oil.', 8, isWord, 'a word'),
  }),
  tags: setting.texts('Anything.', 2, isWord, 'a word'),
});
const DEFAULTS = { colour: 'red', engine: { on: true, cylinders: 4, oil: 'W30' }, tags: [] };

describe('settings', () => {
  it('have defaults', () => {
    for (const text of ['', '\n# nothing\n', '{}', 'engine:\n', 'engine:\n  on:\n'])
      expect(parseSettings(table, text, 'f')).toEqual(DEFAULTS);
  });

  it('are read from YAML', () => {
    const text = 'name: box\ncolour: green\nengine: {on: false, cylinders: 12, power: 70, fuels: [gas], oil: X}\ntags: [a, b]\n';
    expect(parseSettings(table, text, 'f')).toEqual({
      name: 'box',
      colour: 'green',
      engine: { on: false, cylinders: 12, power: 70, fuels: ['gas'], oil: 'X' },
      tags: ['a', 'b'],
    });
  });

  it.each([
    ['\nengin:\n  on: true\n', 'f:2: engin is not a setting; here there are: name, colour, engine, tags.'],
    ['engine:\n  of: true\n', 'f:2: engine.of is not a setting; here there are: on, cylinders, power, fuels, oil.'],
    ['engine: 3\n', 'f:1: engine is not a group of settings: on, cylinders, power, fuels, oil.'],
    ['- a\n', 'f: it must hold names with values, not a list or a single value.'],
    ['just words\n', 'f: it must hold names with values, not a list or a single value.'],
    ['1: 2\n', 'f:1: 1 is not a setting'],
    ['engine:\n  cylinders: 13\n', 'f:2: engine.cylinders is more than 12.'],
    ['engine:\n  cylinders: 0\n', 'f:2: engine.cylinders is less than 1.'],
    ['engine:\n  cylinders: 1.5\n', 'f:2: engine.cylinders is not a whole number.'],
    ['engine:\n  cylinders: four\n', 'f:2: engine.cylinders is not a number.'],
    ['engine:\n  on: yes\n', 'f:2: engine.on is neither true nor false.'],
    ['engine:\n  fuels: [wood]\n', 'f:2: engine.fuels.0 is not one of petrol, gas.'],
    ['colour: blue\n', 'f:1: colour is not one of red, green.'],
    ['name: toolonganame\n', 'f:1: name is longer than 8 characters.'],
    ['name: "a b"\n', 'f:1: name is not a word.'],
    ['tags: [a, b, c]\n', 'f:1: tags has more than 2 items.'],
    ['tags: a\n', 'f:1: tags is not a list.'],
    ['name: a\nname: b\n', 'f:2: is not YAML: Map keys must be unique.'],
    ['name: [\n', 'f:2: is not YAML:'],
    ['? [name]\n: a\n', 'f:1: the name of a setting is plain text.'],
    ['name: &x a\ncolour: *x\n', 'f: aliases (*name) are not supported.'],
    ['# none\n\nengine:\n  cylinders:\n    - 1\n', 'f:4: engine.cylinders is not a number.'],
    ['__proto__:\n  on: 1\n', 'is not a setting'],
  ])('%j is refused: %s', (text, sentence) => {
    expect(() => parseSettings(table, text, 'f')).toThrowError(
      expect.objectContaining({ family: 'Config', code: 'BadConfiguration', message: expect.stringContaining(sentence) }),
    );
  });

  it('are documented one by one', () => {
    expect(describeSettings(table).map(({ path, group, fallback }) => [path.join('.'), group, fallback])).toEqual([
      ['name', false, undefined],
      ['colour', false, 'red'],
      ['engine', true, undefined],
      ['engine.on', false, true],
      ['engine.cylinders', false, 4],
      ['engine.power', false, undefined],
      ['engine.fuels', false, undefined],
      ['engine.oil', false, 'W30'],
      ['tags', false, []],
    ]);
  });

  it('have a documented file that gives the defaults, or what was chosen', () => {
    const file = documentedFile(table, 'Settings of a box.');
    expect(file).toContain('# Settings of a box.\n');
    expect(file).toContain('# Its colour. One of: red, green.\ncolour: red\n');
    expect(file).toContain('  # Cylinders. 1 to 12.\n  cylinders: 4\n');
    expect(parseSettings(table, file, 'f')).toEqual(DEFAULTS);
    expect(parseSettings(table, documentedFile(table, 'x', { name: 'true', 'engine.cylinders': 6, 'engine.on': false }), 'f')).toEqual({
      ...DEFAULTS,
      name: 'true',
      engine: { on: false, cylinders: 6, oil: 'W30' },
    });
  });

  it('come from a file, within bounds', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'cpns-settings-'));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    const file = join(directory, 'config.yaml');
    expect(await loadSettings(table, file, false)).toEqual(DEFAULTS);
    await expect(loadSettings(table, file, true)).rejects.toThrow(`${file} does not exist; give another file with --config`);
    await writeFile(file, 'name: box\n');
    expect(await loadSettings(table, file, true)).toEqual({ ...DEFAULTS, name: 'box' });
    await writeFile(file, `# ${'x'.repeat(70_000)}\n`);
    await expect(loadSettings(table, file, true)).rejects.toThrow('has more than 65536 octets');
    await expect(loadSettings(table, directory, true)).rejects.toThrow('cannot be read');
  });
});
