import * as v from 'valibot';
import { stringify } from 'yaml';
import type { SettingsTable } from './load.js';

/** One setting, or a group of them, as documented. */
export interface SettingDoc {
  /** From the top, such as `['pan', 'lan', 'port']`. */
  readonly path: readonly string[];
  readonly doc: string;
  readonly group: boolean;
  /** `undefined`: none; the setting is absent unless it is set. */
  readonly fallback: unknown;
}

/** Every group and setting, in the order of the table. */
export function describeSettings(table: SettingsTable): SettingDoc[] {
  return [...walk(table.entries, [])];
}

function* walk(entries: v.ObjectEntries, above: readonly string[]): Generator<SettingDoc> {
  for (const [name, schema] of Object.entries(entries)) {
    const path = [...above, name];
    const wrapped = (schema as { wrapped?: v.GenericSchema & { entries?: v.ObjectEntries } }).wrapped;
    const inner = wrapped?.entries;
    const doc = v.getDescription(schema as v.GenericSchema) ?? '';
    yield { path, doc, group: inner !== undefined, fallback: inner === undefined ? v.getDefault(schema as v.GenericSchema) : undefined };
    if (inner !== undefined) yield* walk(inner, path);
  }
}

/**
 * A configuration file in which every setting is explained and stands at its default, or at the value that `chosen` has for its dotted
 * path (`uplink.port`). Reading it gives the defaults and the chosen values.
 */
export function documentedFile(
  table: SettingsTable,
  heading: string,
  chosen: Readonly<Record<string, string | number | boolean>> = {},
): string {
  const lines = [`# ${heading}`, ''];
  for (const { path, doc, group, fallback } of describeSettings(table)) {
    const indent = '  '.repeat(path.length - 1);
    if (group && path.length === 1) lines.push('');
    lines.push(...wrap(doc, 100).map((line) => `${indent}# ${line}`));
    const name = path.at(-1);
    const value = chosen[path.join('.')] ?? fallback;
    if (group) lines.push(`${indent}${name}:`);
    else if (value === undefined) lines.push(`${indent}# ${name}:`);
    else lines.push(`${indent}${name}: ${stringify(value).trim()}`);
  }
  return `${lines.join('\n')}\n`;
}

function wrap(doc: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of doc.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = '';
    }
    line += line === '' ? word : ` ${word}`;
  }
  return [...lines, line];
}
