import { SystemClock } from '@cpns/shared/node';
import { describe, expect, it } from 'vitest';
import type { Keeper, Kept } from '../../processes/keeper.js';
import { LogTail } from '../../processes/log-tail.js';
import { Program, type ProgramOptions, runProgram } from '../../processes/program.js';

const clock = new SystemClock();

/** Remembers what it was told to keep. */
function rememberingKeeper() {
  const kept: Kept[] = [];
  const keeper = {
    requireOpen: () => {},
    keep: (what: Kept) => void kept.push(what),
    forget: (what: Kept) =>
      void kept.splice(
        kept.findIndex((other) => JSON.stringify(other) === JSON.stringify(what)),
        1,
      ),
  } as unknown as Keeper;
  return { kept, keeper };
}

function options(script: string, more: Partial<ProgramOptions> = {}): ProgramOptions {
  return { name: 'script', command: [process.execPath, '-e', script], clock, keeper: rememberingKeeper().keeper, ...more };
}

const FOR_EVER = 'setInterval(() => {}, 1000);';

describe('a program', () => {
  it('gives the first line that can be read, also when it came before', async () => {
    const program = new Program(options(`console.log('one'); console.log('{"two":2}'); ${FOR_EVER}`));
    const read = (line: string) => (line.startsWith('{') ? (JSON.parse(line) as unknown) : undefined);
    expect(await program.line(read, 10_000)).toEqual({ two: 2 });
    expect(await program.line(read, 10_000)).toEqual({ two: 2 });
    expect(await program.kill()).toEqual({ code: null, signal: 'SIGKILL' });
  });

  it('says in a sentence that it ended too early, with the last it said', async () => {
    const program = new Program(options(`console.error('the disk is full'); process.exit(5);`));
    await expect(program.line(() => undefined, 10_000)).rejects.toMatchObject({
      code: 'ProgramEnded',
      message: 'script ended too early: the disk is full',
    });
    expect(await program.ended).toEqual({ code: 5, signal: null });
    await expect(program.line(() => undefined, 10_000)).rejects.toMatchObject({ code: 'ProgramEnded' });
  });

  it('is given up when it stays silent', async () => {
    const program = new Program(options(FOR_EVER));
    await expect(program.line(() => true, 50)).rejects.toMatchObject({ code: 'DeadlinePassed' });
    await program.kill();
  });

  it('is told to end', async () => {
    const program = new Program(options(`process.on('SIGTERM', () => process.exit(0)); console.log('ready'); ${FOR_EVER}`));
    await program.line(() => true, 10_000);
    expect(await program.stop()).toEqual({ code: 0, signal: null });
    expect(program.isRunning).toBe(false);
    expect(await program.stop()).toEqual({ code: 0, signal: null });
  });

  it('is kept as long as it runs', async () => {
    const { kept, keeper } = rememberingKeeper();
    const program = new Program(options(FOR_EVER, { keeper }));
    expect(kept).toEqual([{ kind: 'process', pid: program.pid }]);
    await program.kill();
    expect(kept).toEqual([]);
  });

  it('that does not exist has ended', async () => {
    const program = new Program(options('', { command: ['/no/such/program'] }));
    expect(await program.ended).toEqual({ code: null, signal: null });
    expect(program.said).toMatch(/ENOENT/);
  });

  it('keeps secrets out of the log when it is quiet', async () => {
    const log = new LogTail();
    await runProgram(options(`console.log('CPNS1-SECRET'); console.error('no secret');`, { log, quiet: true }));
    expect(log.last().join()).toContain('no secret');
    expect(log.last().join()).not.toContain('SECRET ');
    expect(log.last().join()).not.toContain('CPNS1');
  });
});

describe('running a program to its end', () => {
  it('gives its standard output', async () => {
    const echo = `process.stdin.on('data', (d) => process.stdout.write(String(d).toUpperCase()));`;
    expect(await runProgram({ ...options(echo), input: 'hello\nworld\n' })).toBe('HELLO\nWORLD');
  });

  it('fails with the last line that says something', async () => {
    const script = `console.error('cpns-agent: no such device'); console.error('    at stack (file:1)'); process.exit(2);`;
    await expect(runProgram(options(script))).rejects.toMatchObject({
      code: 'ProgramFailed',
      message: 'script failed with exit code 2: cpns-agent: no such device',
    });
  });

  it('ends a program that does not', async () => {
    const { kept, keeper } = rememberingKeeper();
    await expect(runProgram({ ...options(FOR_EVER, { keeper }), withinMs: 50 })).rejects.toMatchObject({ code: 'DeadlinePassed' });
    expect(kept).toEqual([]);
  });
});

describe('the tail of a log', () => {
  it('keeps the last lines and counts the others', () => {
    const log = new LogTail();
    for (let i = 0; i < 500; i++) log.add(`line ${i}`);
    expect(log.last(2)).toEqual(['(498 earlier lines left out)', 'line 498', 'line 499']);
    expect(log.last()).toHaveLength(401);
  });

  it('cuts a line that is too long', () => {
    const log = new LogTail();
    log.add('x'.repeat(10_000));
    expect(log.last()[0]).toHaveLength(2_004);
  });
});
