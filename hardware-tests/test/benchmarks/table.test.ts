import { expect, test } from 'vitest';
import { tableLines } from '../../benchmarks/table.js';

test('a table has words to the left, numbers to the right, and no trailing space', () => {
  const lines = tableLines({
    title: 'Figures',
    heads: ['what', 'n', 'p50'],
    rows: [
      ['all', 100, 7.5],
      ['first half', 50, 12],
    ],
  });
  expect(lines).toEqual(['Figures', '  what           n   p50', '  all          100   7.5', '  first half    50    12']);
});

test('a cell without a figure stands to the left', () => {
  expect(tableLines({ title: 't', heads: ['what', 'p50'], rows: [['none', '-']] })).toEqual(['t', '  what   p50', '  none   -']);
});
