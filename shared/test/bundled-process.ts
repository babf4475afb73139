import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The part of Vite that is used here. Vitest brings it. */
interface Bundler {
  build(options: object): Promise<unknown>;
}

/** A TypeScript program made into one file, to be run as processes of its own: for what a test does to whole processes. */
export interface BundledProgram {
  /** Starts it with standard input, output and error as pipes. Whoever starts it ends it. */
  start(...args: string[]): ChildProcess;
  remove(): Promise<void>;
}

/** Bundles the program at `entry` without a build of the workspace. Packages are left to be found in `node_modules`. */
export async function bundleProgram(entry: URL): Promise<BundledProgram> {
  const ofVitest = createRequire(createRequire(import.meta.url).resolve('vitest/package.json'));
  const vite = (await import(ofVitest.resolve('vite'))) as Bundler;
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const outDir = join(root, 'node_modules', '.cache', 'cpns-tests', randomBytes(8).toString('hex'));
  const source = fileURLToPath(entry);
  await vite.build({
    root,
    configFile: false,
    logLevel: 'error',
    ssr: { resolve: { conditions: ['cpns-source', 'node', 'import', 'default'] } },
    build: { ssr: source, outDir, emptyOutDir: true, target: 'node20', minify: false },
  });
  const file = join(outDir, basename(source).replace(/\.ts$/, '.js'));
  return {
    start: (...args) => spawn(process.execPath, [file, ...args], { stdio: 'pipe' }),
    remove: () => rm(outDir, { recursive: true, force: true }),
  };
}
