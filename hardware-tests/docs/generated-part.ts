import { readFile, writeFile } from 'node:fs/promises';

/** A part of a document that comes from the code. It stands between `<!-- begin NAME -->` and `<!-- end NAME -->`. */
export interface GeneratedPart {
  readonly file: string;
  readonly name: string;
  make(): string;
}

/** True: the document held exactly this. Otherwise it is rewritten, or with `check` left alone. @throws Error when a mark is missing */
export async function bringUpToDate({ file, name, make }: GeneratedPart, check: boolean): Promise<boolean> {
  const text = await readFile(file, 'utf8');
  const [begin, end] = [`<!-- begin ${name} -->`, `<!-- end ${name} -->`];
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${file} has no part "${name}": add the lines ${begin} and ${end}.`);
  const fresh = `${text.slice(0, from + begin.length)}\n\n${make().trim()}\n\n${text.slice(to)}`;
  if (fresh === text) return true;
  if (!check) await writeFile(file, fresh);
  return false;
}
