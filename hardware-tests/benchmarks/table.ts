import type { Table } from './benchmark.js';

/** A table as lines of text: words to the left, numbers to the right. */
export function tableLines({ title, heads, rows }: Table): string[] {
  const texts = [heads, ...rows].map((row) => row.map(String));
  const widths = heads.map((_, column) => Math.max(...texts.map((row) => (row[column] ?? '').length)));
  const line = (row: readonly string[], cells: readonly (string | number)[]) =>
    row
      .map((text, column) => {
        const width = widths[column] ?? 0;
        return typeof cells[column] === 'number' ? text.padStart(width) : text.padEnd(width);
      })
      .join('   ')
      .trimEnd();
  const [head = [], ...body] = texts;
  return [title, `  ${line(head, rows[0] ?? heads)}`, ...body.map((row, i) => `  ${line(row, rows[i] ?? [])}`)];
}
