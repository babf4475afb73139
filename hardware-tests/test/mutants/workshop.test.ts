import { existsSync, realpathSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Mutant, sourceTree, Workshop } from '../../mutants/workshop.js';

const FILE = 'shared/src/host-port.ts';
const TEST = 'shared/test/host-port.test.ts';
const MUTANT: Mutant = { name: 'no highest port', file: FILE, find: 'port < 1 || port > 65_535', replace: 'port < 1' };

describe('a workshop for planted faults', () => {
  let workshop: Workshop;
  beforeAll(async () => {
    workshop = await Workshop.open();
  }, 60_000);
  afterAll(() => workshop.close());

  it('resolves the packages of this project within the copy', () => {
    for (const name of ['shared', 'agent', 'server']) {
      expect(realpathSync(join(workshop.directory, 'node_modules/@cpns', name))).toBe(realpathSync(join(workshop.directory, name)));
    }
  });

  it('lets a test notice a fault, and takes the fault out again', async () => {
    await workshop.plant(MUTANT);
    const noticed = await workshop.vitest([TEST], 60_000);
    expect(noticed.code, noticed.output).toBe(1);
    await workshop.restore();
    const passed = await workshop.vitest([TEST], 60_000);
    expect(passed.code, passed.output).toBe(0);
    expect(await readFile(join(workshop.directory, FILE), 'utf8')).toBe(await readFile(join(sourceTree(), FILE), 'utf8'));
  }, 60_000);

  it('says which fault has no place any more', async () => {
    await expect(workshop.plant({ ...MUTANT, find: 'nowhere to be found' })).rejects.toMatchObject({ code: 'MutantLost' });
    await expect(workshop.plant({ ...MUTANT, file: 'shared/src/gone.ts' })).rejects.toMatchObject({ code: 'MutantLost' });
    await expect(workshop.plant({ ...MUTANT, find: 'const' })).rejects.toThrow(/exactly once/);
    await expect(workshop.vitest(['shared/test/gone.test.ts'], 60_000)).rejects.toMatchObject({ code: 'NoTests' });
  }, 60_000);

  it('ends a program whose time is over', async () => {
    expect(await workshop.run('-e', ['setInterval(() => {}, 1000)'], 300)).toEqual({ code: undefined, output: '' });
  });
});

it('leaves nothing behind', async () => {
  const workshop = await Workshop.open();
  await workshop.close();
  expect(existsSync(workshop.directory)).toBe(false);
}, 60_000);
