import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const HERE = new URL('./', import.meta.url);
/** Rows with tests of their own; the others of the table rest on tests of one package, or cannot be stopped. */
const ROWS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29];
const files = readdirSync(HERE).filter((file) => file.endsWith('.test.ts'));
const table = readFileSync(new URL('../../../docs/security.md', HERE), 'utf8').split('\n');

it('every file of tests of a threat belongs to a row', () => {
  expect(files.filter((file) => file.startsWith('t')).map((file) => Number(file.slice(1, 3)))).toEqual(ROWS);
});

it.each(ROWS)('T%i has one file of tests, named after it, to which the table of threats points', (row) => {
  const prefix = `t${String(row).padStart(2, '0')}-`;
  const own = files.filter((file) => file.startsWith(prefix));
  expect(own).toHaveLength(1);
  const [file = ''] = own;
  expect(readFileSync(new URL(file, HERE), 'utf8')).toContain(`describe('T${row} `);
  const line = table.find((text) => text.startsWith(`| T${row} |`));
  expect(line).toContain(`hardware-tests/test/threats/${file.replace('.test.ts', '')}\``);
});
