import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import { obedient, shellCommand } from '../../../rigs/bench/shell.js';

const WORDS = ['plain', 'two words', "it's", '$HOME', '`id`', '"', '\\', 'a\nb', '*', '', ';rm', '-n', 'ü', "'"];
const PRINT = 'process.stdout.write(JSON.stringify(process.argv.slice(1)))';

describe.skipIf(process.platform === 'win32')('words for a shell', () => {
  it('arrive as they were, whatever is in them', () => {
    const command = shellCommand([process.execPath, '-e', PRINT, '--', ...WORDS]);
    expect(JSON.parse(execFileSync('sh', ['-c', command], { encoding: 'utf8' }))).toEqual(WORDS);
  });
});

describe.skipIf(process.platform === 'win32')('an obedient program', () => {
  /** Says its process id and how it was asked to end; without an order it goes on. */
  const PROGRAM = "process.on('SIGTERM', () => process.exit(7)); setInterval(() => {}, 1000); console.log(process.pid)";

  async function started() {
    const shell = spawn('sh', ['-c', obedient([process.execPath, '-e', PROGRAM])], { stdio: ['pipe', 'pipe', 'ignore'] });
    const [line] = (await once(createInterface({ input: shell.stdout }), 'line')) as [string];
    return { shell, pid: Number(line) };
  }

  it('ends by itself with its exit code', async () => {
    const shell = spawn('sh', ['-c', obedient([process.execPath, '-e', 'process.exit(3)'])], { stdio: 'pipe' });
    expect((await once(shell, 'close'))[0]).toBe(3);
  });

  it('gets the signals that come as lines', async () => {
    const { shell } = await started();
    shell.stdin.write('TERM\n');
    expect((await once(shell, 'close'))[0]).toBe(7);
    const killed = await started();
    killed.shell.stdin.write('KILL\n');
    expect((await once(killed.shell, 'close'))[0]).toBe(128 + 9);
  });

  it('does not outlive its standard input', async () => {
    const { shell, pid } = await started();
    shell.stdin.end();
    await once(shell, 'close');
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });
});
