import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KeyTree } from '../../../src/security/index.js';

const SOURCE = new URL('../../../src/security/key-tree/', import.meta.url);

/** Places of `key-tree.ts`, each of which stands there once, and what stands there instead. */
export type Edits = readonly (readonly [from: string, to: string])[];

/** The key tree with a fault. */
export async function planted(edits: Edits): Promise<typeof KeyTree> {
  let source = readFileSync(new URL('key-tree.ts', SOURCE), 'utf8');
  for (const [from, to] of edits) {
    if (source.split(from).length !== 2) throw new Error(`not once in key-tree.ts: ${from}`);
    source = source.replace(from, () => to);
  }
  source = source.replaceAll(/from '(\.[^']*)\.js'/g, (_, path) => `from '${new URL(`${path}.ts`, SOURCE).pathname}'`);
  const folder = mkdtempSync(join(tmpdir(), 'cpns-planted-'));
  try {
    const file = join(folder, 'key-tree.ts');
    writeFileSync(file, source);
    const module = (await import(/* @vite-ignore */ file)) as { readonly KeyTree: typeof KeyTree };
    return module.KeyTree;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const FRESH = '    const fresh = this.#fresh(node, before);\n';
const PUT = '    this.#store.put(node, fresh);\n';
const ENTROPY = '  readonly #entropy: Entropy;\n';
const RENEWED = '    const records = this.#renewAbove(touched, epoch);\n    const groupKey = this.#renewGroupKey(epoch);\n';
const RENEW_LEAF = '    this.#store.put(leaf, this.#fresh(leaf, this.#store.get(leaf)));\n';
const kept = (when: string) =>
  `    const fresh = before?.key !== undefined && ${when} ? { node, version: before.version, key: before.key } : this.#fresh(node, before);\n`;

/** What people get wrong in such trees. */
export const FAULTS: Readonly<Record<string, Edits>> = {
  'the root stays when somebody goes': [[FRESH, kept('own.departed && node === nodeAt(this.#store.height(), 0)')]],
  'the Group Key comes under the root of before': [
    [
      RENEWED,
      `    const early = this.#store.get(nodeAt(this.#store.height(), 0))?.key === undefined ? undefined : this.#renewGroupKey(epoch);
    const records = this.#renewAbove(touched, epoch);
    const groupKey = early ?? this.#renewGroupKey(epoch);\n`,
    ],
  ],
  'the lowest node of a path is not renewed': [[FRESH, kept('node < nodeAt(2, 0)')]],
  'a node comes under the keys that its children had before': [
    [ENTROPY, `${ENTROPY}  readonly #before = new Map<number, Held>();\n`],
    [PUT, `    if (before?.key !== undefined) this.#before.set(node, { node, version: before.version, key: before.key });\n${PUT}`],
    ['?.staying !== false);', '?.staying !== false).map((child) => this.#before.get(child.node) ?? child);'],
  ],
  'a path that somebody left is renewed under its own keys of before': [['!departed && before?.key', 'before?.key']],
  'a newcomer gets the keys that were in use before it': [[FRESH, kept('!own.departed')]],
  'a leaf is used again with the key of before': [
    [ENTROPY, `${ENTROPY}  readonly #first = new Map<number, Secret>();\n`],
    [
      RENEW_LEAF,
      `    const fresh = this.#fresh(leaf, this.#store.get(leaf));\n    this.#first.set(leaf, this.#first.get(leaf) ?? fresh.key);\n    this.#store.put(leaf, { ...fresh, key: this.#first.get(leaf) as Secret });\n`,
    ],
  ],
  'versions begin anew with a new member': [
    ['const version = (before?.version ?? 0) + 1;', 'const version = (before?.key === undefined ? 0 : before.version) + 1;'],
  ],
  'a rotation uses the root of before the last change': [
    [ENTROPY, `${ENTROPY}  #rootBefore: TreeNode | undefined;\n`],
    [PUT, `    if (node === nodeAt(this.#store.height(), 0)) this.#rootBefore = before;\n${PUT}`],
    ['    const record = this.#renewGroupKey(epoch);\n', '    const record = this.#renewGroupKey(epoch, this.#rootBefore);\n'],
    [
      '  #renewGroupKey(epoch: bigint): GroupRecord | undefined {\n',
      '  #renewGroupKey(epoch: bigint, other?: TreeNode): GroupRecord | undefined {\n',
    ],
    ['    const root = this.#store.get(node);\n', '    const root = other?.key === undefined ? this.#store.get(node) : other;\n'],
  ],
  'of several who go at once only the path of the first is renewed': [
    [
      '      touched.set(leaf, { departed: true, staying: false });\n    }\n    const joined',
      '      if (touched.size === 0) touched.set(leaf, { departed: true, staying: false });\n    }\n    const joined',
    ],
  ],
  'a resync brings the key of a neighbour': [
    [
      '    let under = own;\n',
      '    const neighbour = this.#store.get(leaf ^ 1);\n    if (neighbour?.key !== undefined) records.push(this.#record(epoch, { node: leaf ^ 1, version: neighbour.version, key: neighbour.key }, own));\n    let under = own;\n',
    ],
  ],
  'the Group Key stays when somebody comes': [
    [
      '    const fresh = this.#fresh(GROUP_KEY_NODE, before);\n',
      '    const fresh = before?.key !== undefined && this.#joins ? { node: GROUP_KEY_NODE, version: before.version + 1, key: before.key } : this.#fresh(GROUP_KEY_NODE, before);\n',
    ],
    [ENTROPY, `${ENTROPY}  #joins = false;\n`],
    ['    const joined: number[] = [];\n', '    const joined: number[] = [];\n    this.#joins = joins > 0 && leaves.length === 0;\n'],
  ],
};
