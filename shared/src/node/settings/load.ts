import { open } from 'node:fs/promises';
import * as v from 'valibot';
import { isMap, isScalar, LineCounter, parseDocument, type Scalar } from 'yaml';
import { CpnsError } from '../../errors.js';
import { systemCode } from '../file-errors.js';

/** Longest configuration file that is read, in octets. */
const MAX_FILE_OCTETS = 65_536;

/** A table made with `settingsFile`. */
export type SettingsTable = v.GenericSchema & { readonly entries: v.ObjectEntries };

/**
 * The settings in `file`. A file that does not exist gives the defaults unless `required`.
 * @throws CpnsError Config/BadConfiguration with file, line, name of the setting and what is wrong with it
 */
export async function loadSettings<T extends SettingsTable>(table: T, file: string, required: boolean): Promise<v.InferOutput<T>> {
  const content = await readBounded(file);
  if (content === undefined && required) throw bad(file, ' does not exist; give another file with --config or leave it out.');
  return parseSettings(table, content ?? '', file);
}

/** The settings in the text of a file. @throws CpnsError Config/BadConfiguration */
export function parseSettings<T extends SettingsTable>(table: T, content: string, file: string): v.InferOutput<T> {
  const lines = new LineCounter();
  const document = parseDocument(content, { lineCounter: lines, prettyErrors: false, strict: true, uniqueKeys: true, stringKeys: true });
  const at = (offset: number) => `${file}:${lines.linePos(offset).line}`;
  const [error] = document.errors;
  if (error?.code === 'NON_STRING_KEY') throw bad(at(error.pos[0]), ': the name of a setting is plain text.', error);
  if (error !== undefined) throw bad(at(error.pos[0]), `: is not YAML: ${firstLine(error.message)}.`, error);
  let value: unknown;
  try {
    // No aliases: settings need none, and a few nested ones unfold to gigabytes.
    value = document.toJS({ maxAliasCount: 0 }) ?? {};
  } catch (cause) {
    throw bad(file, ': aliases (*name) are not supported.', cause);
  }
  if (typeof value !== 'object' || Array.isArray(value)) throw bad(file, ': it must hold names with values, not a list or a single value.');
  const checked = v.safeParse(table, withoutNulls(value));
  if (checked.success) return checked.output;
  const [issue] = checked.issues;
  const path = (issue.path ?? []).map((item) => item.key as string | number);
  const offset = offsetOf(document, path);
  throw bad(offset === undefined ? file : at(offset), `: ${path.length === 0 ? 'the file' : path.join('.')} ${issue.message}.`);
}

/** A name without a value stands for its default, so that a group may be left with everything in it commented out. */
function withoutNulls(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const kept = Object.entries(value).filter(([, inner]) => inner !== null);
  return Object.fromEntries(kept.map(([name, inner]) => [name, withoutNulls(inner)]));
}

/** Where the name of the wrong setting stands. */
function offsetOf(document: ReturnType<typeof parseDocument>, path: readonly (string | number)[]): number | undefined {
  const depth = path.findLastIndex((name) => typeof name === 'string');
  const parent = depth <= 0 ? document.contents : document.getIn(path.slice(0, depth), true);
  if (!isMap(parent)) return undefined;
  const pair = parent.items.find(({ key }) => isScalar(key) && String(key.value) === path[depth]);
  return (pair?.key as Scalar | undefined)?.range?.[0];
}

function firstLine(message: string): string {
  return (message.split('\n')[0] ?? '').replace(/[.:]$/, '');
}

async function readBounded(file: string): Promise<string | undefined> {
  try {
    const handle = await open(file);
    try {
      const { size } = await handle.stat();
      if (size > MAX_FILE_OCTETS) throw bad(file, ` has more than ${MAX_FILE_OCTETS} octets; it is no configuration.`);
      return await handle.readFile('utf8');
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof CpnsError) throw error;
    if (systemCode(error) === 'ENOENT') return undefined;
    throw bad(file, ' cannot be read; check its permissions.', error);
  }
}

function bad(where: string, detail: string, cause?: unknown): CpnsError {
  return new CpnsError('Config', 'BadConfiguration', `${where}${detail}`, { cause });
}
