import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, inject } from 'vitest';

/** Runs in each test file before anything else: which check is broken there, and which are reached when none is. */
const broken = inject('brokenCheck');
const directory = inject('reachedDirectory');
const reached = new Set<number>();

Object.assign(globalThis, {
  __broken: (check: number): boolean => {
    reached.add(check);
    return check === broken;
  },
});

if (directory !== '') {
  afterAll(() => {
    const file = expect.getState().testPath ?? '';
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, `${file.replaceAll(/[^a-z0-9]+/gi, '-')}.json`), JSON.stringify({ file, reached: [...reached] }));
  });
}
