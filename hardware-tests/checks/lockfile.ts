import { readFile } from 'node:fs/promises';
import type { Check } from './check.js';

interface LockedPackage {
  readonly resolved?: string;
  readonly link?: boolean;
  readonly integrity?: string;
  readonly hasInstallScript?: boolean;
  readonly license?: string;
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** One version, not a range of them. */
const EXACT = /^\d+\.\d+\.\d+(-[0-9A-Za-z.]+)?$/;

/** Licences that may be combined with Apache-2.0 in one product. */
const LICENCES: ReadonlySet<string> = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'MIT OR Apache-2.0',
  '(MIT OR WTFPL)',
  '(BSD-2-Clause OR MIT OR Apache-2.0)',
  'MPL-2.0',
  'Python-2.0',
  'Unlicense',
]);

/** Exact versions, no download addresses, integrity everywhere, install scripts only where they are known, licences that fit (security T21). */
export const lockfile: Check = {
  name: 'lockfile',
  async run(root) {
    const lock = JSON.parse(await readFile(`${root}/package-lock.json`, 'utf8')) as { packages: Record<string, LockedPackage> };
    const allowed = new Set(JSON.parse(await readFile(`${root}/.ci/allowed-scripts.json`, 'utf8')) as string[]);
    const problems: string[] = [];
    for (const [path, entry] of Object.entries(lock.packages)) {
      const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
      if (!path.includes('node_modules/')) problems.push(...inexact(path, entry));
      if (!path.includes('node_modules/') || entry.link) continue;
      if (entry.resolved !== undefined) problems.push(`${path} carries a download address`);
      if (entry.integrity === undefined) problems.push(`${path} has no integrity`);
      if (entry.hasInstallScript && !allowed.has(name))
        problems.push(`${path} runs an install script and is not in .ci/allowed-scripts.json`);
      if (entry.license !== undefined && !LICENCES.has(entry.license)) problems.push(`${path} has the licence ${entry.license}`);
    }
    return problems;
  },
};

/** What a package of this project asks for without naming one version. */
function inexact(path: string, { dependencies = {}, devDependencies = {}, optionalDependencies = {} }: LockedPackage): string[] {
  return Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies })
    .filter(([, version]) => !EXACT.test(version))
    .map(([name, version]) => `${path || 'the workspace'} asks for ${name} ${version}, which is no exact version`);
}
