import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CpnsError } from '@cpns/shared';

/** One deliberate fault in the product. */
export interface Mutant {
  readonly name: string;
  /** From the top of the source tree, such as `shared/src/security/pairing.ts`. */
  readonly file: string;
  /** Must be in the file exactly once. */
  readonly find: string;
  readonly replace: string;
}

/** How a program in the workshop ended. */
export interface Ended {
  /** Undefined: it was ended because its time was over. */
  readonly code: number | undefined;
  /** Both outputs, in the order in which they came. */
  readonly output: string;
}

const PACKAGES = ['shared', 'agent', 'server', 'hardware-tests'];
const TOP_FILES = ['package.json', 'tsconfig.json', 'tsconfig.tests.json', 'vitest.config.ts'];
/** A compiled copy makes `tsc -b` compile only what a mutant changed. */
const LEFT_OUT = new Set(['node_modules', '.vite', '.vite-temp', 'peers']);

/** The top of the source tree that this program was compiled or run from. */
export function sourceTree(): string {
  const [top] = fileURLToPath(import.meta.url).split(`${sep}hardware-tests${sep}`);
  return top as string;
}

/**
 * A copy of the source tree in which faults are planted, one at a time. Packages of others are links into the original; `@cpns/*` are
 * links within the copy, so that nothing of the original runs.
 */
export class Workshop {
  readonly directory: string;
  /** Files with a fault in them, and what they were before. */
  readonly #originals = new Map<string, string>();

  private constructor(directory: string) {
    this.directory = directory;
  }

  /** @param tree top of the source tree, with its node_modules */
  static async open(tree: string = sourceTree()): Promise<Workshop> {
    const directory = await mkdtemp(join(tmpdir(), 'cpns-workshop-'));
    try {
      for (const file of TOP_FILES) await cp(join(tree, file), join(directory, file));
      for (const name of PACKAGES) {
        await cp(join(tree, name), join(directory, name), {
          recursive: true,
          preserveTimestamps: true,
          filter: (path) => !LEFT_OUT.has(basename(path)),
        });
        await linkPackages(join(tree, name, 'node_modules'), join(directory, name, 'node_modules'));
      }
      await linkPackages(join(tree, 'node_modules'), join(directory, 'node_modules'));
      return new Workshop(directory);
    } catch (error) {
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }

  /** @throws CpnsError Config/MutantLost when the text is not in the file exactly once */
  async plant({ name, file, find, replace }: Mutant): Promise<void> {
    const path = join(this.directory, file);
    const text = await readFile(path, 'utf8').catch((cause) => {
      throw new CpnsError('Config', 'MutantLost', `The mutant "${name}" belongs into ${file}, which is not there: adapt it.`, { cause });
    });
    const times = text.split(find).length - 1;
    if (times !== 1) {
      const where = `in ${file} exactly once, and it is there ${times} times`;
      throw new CpnsError('Config', 'MutantLost', `The text of the mutant "${name}" must be ${where}: adapt it.`);
    }
    if (!this.#originals.has(path)) this.#originals.set(path, text);
    await writeFile(
      path,
      text.replace(find, () => replace),
    );
  }

  /** Takes every fault out again. */
  async restore(): Promise<void> {
    for (const [path, text] of this.#originals) await writeFile(path, text);
    this.#originals.clear();
  }

  /**
   * Runs the tests in these files, from source; no build is needed. Exit code 0: no test noticed anything.
   * @throws CpnsError Config/NoTests when there is no such file: a test that does not run must not count as one that noticed
   */
  async vitest(files: readonly string[], timeoutMs: number): Promise<Ended> {
    const ended = await this.run(join(this.directory, 'node_modules/vitest/vitest.mjs'), ['run', '--reporter=dot', ...files], timeoutMs);
    if (!ended.output.includes('No test files found')) return ended;
    throw new CpnsError('Config', 'NoTests', `There are no tests in ${files.join(', ')}: name files of the source tree.`);
  }

  /** Compiles what has changed. Exit code 0: it compiles. */
  build(timeoutMs: number): Promise<Ended> {
    return this.run(join(this.directory, 'node_modules/typescript/bin/tsc'), ['-b'], timeoutMs);
  }

  /** Runs a JavaScript file with this Node; a relative one lies in the copy. */
  run(file: string, words: readonly string[], timeoutMs: number): Promise<Ended> {
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [file, ...words], {
        cwd: this.directory,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, FORCE_COLOR: '0' },
        detached: true,
      });
      let output = '';
      let late = false;
      const add = (octets: Buffer) => {
        output += octets.toString();
      };
      child.stdout.on('data', add);
      child.stderr.on('data', add);
      const timer = setTimeout(() => {
        late = true;
        // Its workers, too.
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      }, timeoutMs);
      child.once('error', reject);
      child.once('close', (code) => {
        clearTimeout(timer);
        resolve({ code: late ? undefined : (code ?? undefined), output });
      });
    });
  }

  /** Removes the copy. */
  close(): Promise<void> {
    return rm(this.directory, { recursive: true, force: true });
  }
}

/** Fills a node_modules with links to everything in another one; what links to a workspace there becomes the same link here. */
async function linkPackages(from: string, to: string): Promise<void> {
  const entries = await readdir(from, { withFileTypes: true }).catch(() => []);
  if (entries.length > 0) await mkdir(to, { recursive: true });
  for (const entry of entries) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.name === '@cpns') {
      await mkdir(target);
      for (const name of await readdir(source)) await symlink(await readlink(join(source, name)), join(target, name));
    } else if (!LEFT_OUT.has(entry.name)) {
      await symlink(source, target);
    }
  }
}
