import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { CpnsError } from '@cpns/shared';
import { createVitest, type TestSpecification, type Vitest } from 'vitest/node';
import { instrumented } from './checks.js';
import { type BrokenFile, testsFor } from './scope.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** Number of the check that is broken; -1: none. */
    brokenCheck: number;
    /** Where each test file writes which checks it has reached; empty: nowhere. */
    reachedDirectory: string;
  }
}

/** A test file, how long it takes, and the checks that it reaches. */
export interface Witness {
  readonly file: string;
  readonly ms: number;
  readonly reached: readonly number[];
}

/** Runs tests against sources in which one check at a time is broken. */
export class Trials {
  readonly #vitest: Vitest;
  readonly #specifications: ReadonlyMap<string, TestSpecification>;

  private constructor(vitest: Vitest, specifications: ReadonlyMap<string, TestSpecification>) {
    this.#vitest = vitest;
    this.#specifications = specifications;
  }

  static async open(root: string, files: readonly BrokenFile[], workers: number): Promise<Trials> {
    const sources = new Map(files.map(({ file, source, checks, first }) => [join(root, file), instrumented(source, checks, first)]));
    const plugin = {
      name: 'broken-checks',
      enforce: 'pre' as const,
      load: (id: string) => sources.get(id),
    };
    const vitest = await createVitest(
      'test',
      {
        root,
        watch: false,
        config: join(root, 'vitest.config.ts'),
        reporters: [{}],
        setupFiles: [join(root, 'hardware-tests/mutants/setup.ts')],
        maxWorkers: workers,
        bail: 1,
        testTimeout: 60_000,
      },
      { plugins: [plugin] },
    );
    const specifications = await vitest.globTestSpecifications(testsFor(files).map((folder) => join(root, folder)));
    return new Trials(vitest, new Map(specifications.map((one) => [relative(root, one.moduleId), one])));
  }

  /** All tests with nothing broken. @throws CpnsError State/TestsFail, Internal/NoTests */
  async baseline(root: string): Promise<Witness[]> {
    const directory = mkdtempSync(join(tmpdir(), 'cpns-mutants-'));
    try {
      this.#vitest.provide('brokenCheck', -1);
      this.#vitest.provide('reachedDirectory', directory);
      const { testModules, unhandledErrors } = await this.#vitest.runTestSpecifications([...this.#specifications.values()]);
      if (testModules.length === 0) throw new CpnsError('Internal', 'NoTests', 'There are no tests that could notice anything.');
      const failed = testModules.filter((module) => !module.ok()).map(({ moduleId }) => relative(root, moduleId));
      if (failed.length > 0 || unhandledErrors.length > 0) {
        throw new CpnsError(
          'State',
          'TestsFail',
          `Mend the tests first; with nothing broken these fail: ${failed.join(', ') || unhandledErrors}.`,
        );
      }
      const ms = new Map(
        testModules.map((module) => [module.moduleId, module.diagnostic().duration + module.diagnostic().collectDuration]),
      );
      return readdirSync(directory).map((name) => {
        const { file, reached } = JSON.parse(readFileSync(join(directory, name), 'utf8')) as { file: string; reached: number[] };
        return { file: relative(root, file), ms: ms.get(file) ?? 0, reached };
      });
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }

  /** The first of these test files that fails when the check is broken; undefined: none does. */
  async noticed(check: number, witnesses: readonly Witness[]): Promise<string | undefined> {
    this.#vitest.provide('brokenCheck', check);
    this.#vitest.provide('reachedDirectory', '');
    const reaching = witnesses.filter(({ reached }) => reached.includes(check)).sort((a, b) => a.ms - b.ms);
    for (const { file } of reaching) {
      const specification = this.#specifications.get(file) as TestSpecification;
      const { testModules, unhandledErrors } = await this.#vitest.runTestSpecifications([specification]);
      const module = testModules.find(({ moduleId }) => moduleId === specification.moduleId);
      if (module?.ok() !== true || unhandledErrors.length > 0) return file;
    }
    return undefined;
  }

  async close(): Promise<void> {
    await this.#vitest.close();
  }
}
