import type { Readable, Writable } from 'node:stream';

/** Where a command reads and writes. */
export interface Terminal {
  readonly input: Readable & { readonly isTTY?: boolean };
  /** Results. */
  readonly output: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  /** Progress, questions and errors. */
  readonly errors: Writable & { readonly isTTY?: boolean; readonly columns?: number };
}

/** A person sits there: questions can be asked. */
export function isInteractive({ input, errors }: Terminal): boolean {
  return input.isTTY === true && errors.isTTY === true;
}

/**
 * Text from elsewhere as one line that cannot steer the terminal: control characters, line breaks and marks that turn the writing
 * direction round are shown as "?".
 */
export function printable(text: string): string {
  return text.replace(STEERING, '?');
}

/** One JSON document on one line that cannot steer the terminal either: the same characters are escaped. */
export function printableJson(value: object): string {
  return JSON.stringify(value).replace(STEERING, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is being replaced
const STEERING = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** Rows as aligned columns, two spaces apart. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  return rows.map((row) => row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0))).join('  '));
}

/** `3 members`, `1 member`. */
export function plural(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
