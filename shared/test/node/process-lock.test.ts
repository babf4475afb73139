import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ProcessLock } from '../../src/node/index.js';
import { processStart } from '../../src/node/process-start.js';
import { type BundledProgram, bundleProgram } from '../bundled-process.js';

let holder: BundledProgram;
let state: string;
let lock: string;
const children: ChildProcess[] = [];

/** A process that has answered what became of its wish for the lock. */
async function contender(): Promise<{ child: ChildProcess; answer: string }> {
  const child = holder.start(lock);
  children.push(child);
  const [answer] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
  return { child, answer: answer.toString().trim() };
}

async function killed(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

beforeAll(async () => {
  holder = await bundleProgram(new URL('./lock-holder.ts', import.meta.url));
});
afterAll(() => holder.remove());
beforeEach(async () => {
  state = await mkdtemp(join(tmpdir(), 'cpns-lock-'));
  lock = join(state, 'lock');
});
afterEach(async () => {
  for (const child of children.splice(0)) if (child.exitCode === null && child.signalCode === null) await killed(child);
  await rm(state, { recursive: true, force: true });
});

describe('ProcessLock', () => {
  it('is refused to a second taker, in one sentence that names the process and what to do', async () => {
    const held = await ProcessLock.acquire(lock);
    await expect(ProcessLock.acquire(lock)).rejects.toMatchObject({
      family: 'State',
      code: 'AlreadyRunning',
      message: `${state} is already in use by process ${process.pid}; stop that process or use another state directory.`,
    });
    await held.release();
    await held.release();
    await (await ProcessLock.acquire(lock)).release();
  });

  it('is refused to a second process as long as the first lives', async () => {
    const first = await contender();
    expect(first.answer).toBe('held');
    expect((await contender()).answer).toBe('AlreadyRunning');
    await expect(ProcessLock.acquire(lock)).rejects.toMatchObject({ message: expect.stringContaining(`process ${first.child.pid};`) });
  });

  it('is taken over from a killed process, which leaves nothing behind', async () => {
    const first = await contender();
    await killed(first.child);
    expect(await readdir(lock)).toHaveLength(1);
    const held = await ProcessLock.acquire(lock);
    expect(await readdir(lock)).toHaveLength(1);
    await held.release();
    expect(await readdir(lock)).toEqual([]);
  });

  it('is not mistaken for held when another process got the same id later', async () => {
    const held = await ProcessLock.acquire(lock);
    await held.release();
    await writeFile(join(lock, `${process.pid}.0123456789abcdef.0123456789abcdef`), 'held\n');
    await (await ProcessLock.acquire(lock)).release();
    expect(await readdir(lock)).toEqual([]);
  });

  it('goes to one at most of many that want it at the same moment', async () => {
    for (let round = 0; round < 5; round++) {
      const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => ProcessLock.acquire(lock)));
      const won = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
      expect(won.length).toBeLessThanOrEqual(1);
      for (const held of won) await held.release();
      expect(await readdir(lock)).toEqual([]);
    }
  });

  it('goes to one of several processes that start over a stale lock', async () => {
    await killed((await contender()).child);
    const answers = (await Promise.all([contender(), contender(), contender()])).map(({ answer }) => answer);
    expect(answers.sort()).toEqual(['AlreadyRunning', 'AlreadyRunning', 'held']);
  });

  it('is in a directory of its own that nobody else may enter', async () => {
    const held = await ProcessLock.acquire(lock);
    expect((await stat(lock)).mode & 0o777).toBe(0o700);
    await held.release();
    await chmod(lock, 0o755);
    await expect(ProcessLock.acquire(lock)).rejects.toMatchObject({ code: 'UnsafePermissions' });
  });

  it('ignores what is not a claim', async () => {
    const held = await ProcessLock.acquire(lock);
    await held.release();
    await writeFile(join(lock, 'README'), 'not a claim');
    await (await ProcessLock.acquire(lock)).release();
    expect(await readdir(lock)).toEqual(['README']);
  });

  it('says what is in the way when the place is taken by a file', async () => {
    await writeFile(lock, '');
    await expect(ProcessLock.acquire(lock)).rejects.toMatchObject({ family: 'Config', code: 'NotADirectory' });
  });
});

describe('processStart', () => {
  it('is the same every time, differs between processes and knows who is gone', async () => {
    const { child } = await contender();
    const pid = child.pid as number;
    const start = await processStart(pid);
    expect(start).toMatch(/^[0-9a-f]{16}$|^unknown$/);
    expect(await processStart(pid)).toBe(start);
    await killed(child);
    expect(await processStart(pid)).toBeUndefined();
  });
});
