import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Check } from './check.js';

const MOST_LINES = 400;
const PURE = [/^shared\/src\/(?!node\/)/, /^agent\/src\/(entity|pne|gateway)\//];
/** What the pure core may not even mention; imports and most globals are the compiler's and the linter's business. */
const IMPURE = /\bMath\.random\b|\bfrom ['"]node:|\brequire\(|\bimport\(/;

async function sources(root: string): Promise<string[]> {
  const { stdout } = await promisify(execFile)('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.ts'], { cwd: root });
  return stdout.split('\n').filter((file) => file !== '');
}

/** No file of the product that nobody can take in at once. */
export const fileLength: Check = {
  name: 'file length',
  async run(root) {
    const problems: string[] = [];
    for (const file of await sources(root)) {
      if (/(^|\/)test\//.test(file)) continue;
      const lines = (await readFile(`${root}/${file}`, 'utf8')).split('\n').length;
      if (lines > MOST_LINES) problems.push(`${file} has ${lines} lines: split it by concept`);
    }
    return problems;
  },
};

/** The pure core mentions nothing of the host. */
export const purity: Check = {
  name: 'purity',
  async run(root) {
    const problems: string[] = [];
    for (const file of await sources(root)) {
      if (!PURE.some((pattern) => pattern.test(file))) continue;
      (await readFile(`${root}/${file}`, 'utf8')).split('\n').forEach((line, i) => {
        if (IMPURE.test(line) && !/^\s*(\*|\/\/|\/\*)/.test(line))
          problems.push(`${file}:${i + 1} reaches outside the pure core: ${line.trim()}`);
      });
    }
    return problems;
  },
};
