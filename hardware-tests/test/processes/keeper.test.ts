import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Keeper } from '../../processes/keeper.js';

/** Made by the build in front of every `npm test`. */
const COMPILED = fileURLToPath(new URL('../../dist/processes/', import.meta.url));
const MAIN = join(COMPILED, 'keeper-main.js');

const isAlive = async (pid: number) => {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => undefined);
  return stat !== undefined && !stat.includes(') Z ');
};

function sleeper(): Promise<{ pid: number; gone: Promise<void> }> {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true, stdio: 'ignore' });
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return new Promise((resolve) => child.once('spawn', () => resolve({ pid: child.pid ?? 0, gone })));
}

describe('the keeper', () => {
  it('ends what is left and removes directories when it is closed', async () => {
    const keeper = new Keeper(MAIN);
    const directory = await mkdtemp(join(tmpdir(), 'cpns-keeper-'));
    await writeFile(join(directory, 'file'), 'x');
    const { pid, gone } = await sleeper();
    keeper.keep({ kind: 'directory', path: directory });
    keeper.keep({ kind: 'process', pid });
    await keeper.close();
    await gone;
    expect(existsSync(directory)).toBe(false);
    await keeper.close();
    expect(() => keeper.requireOpen()).toThrow('nothing new is started');
  });

  it('leaves alone what it was told to forget', async () => {
    const keeper = new Keeper(MAIN);
    const { pid } = await sleeper();
    keeper.keep({ kind: 'process', pid });
    keeper.forget({ kind: 'process', pid });
    await keeper.close();
    expect(await isAlive(pid)).toBe(true);
    process.kill(-pid, 'SIGKILL');
  });

  it('clears up after a process that was killed without a word', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'cpns-keeper-'));
    const script = `
      import { spawn } from 'node:child_process';
      const { Keeper } = await import(${JSON.stringify(pathToFileURL(join(COMPILED, 'keeper.js')).href)});
      const keeper = new Keeper();
      keeper.keep({ kind: 'directory', path: ${JSON.stringify(directory)} });
      const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true, stdio: 'ignore' });
      keeper.keep({ kind: 'process', pid: child.pid });
      // What is in the pipe outlives its writer.
      console.log(child.pid);
      setInterval(() => {}, 1000);
    `;
    const owner = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const child = await new Promise<number>((resolve) => {
      createInterface({ input: owner.stdout }).once('line', (line) => resolve(Number(line)));
    });
    expect(await isAlive(child)).toBe(true);
    owner.kill('SIGKILL');
    await expect.poll(() => existsSync(directory), { timeout: 10_000 }).toBe(false);
    await expect.poll(() => isAlive(child), { timeout: 10_000 }).toBe(false);
  });
});
