import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('./main.js', import.meta.url));
const LANES = 2;

export interface SideBySideOptions {
  readonly names: readonly string[];
  readonly seconds: number;
  readonly seed: number;
  readonly signal: AbortSignal;
  /** What the run of one target printed, without its count. */
  readonly ended: (name: string, output: string, passed: boolean) => void;
}

/** Fuzzes each target in a process of its own, two at a time: their memory is measured apart, and two cores are used. */
export async function runSideBySide({ names, seconds, seed, signal, ended }: SideBySideOptions): Promise<void> {
  const waiting = [...names];
  const lane = async () => {
    for (let name = waiting.shift(); name !== undefined && !signal.aborted; name = waiting.shift()) {
      const words = [MAIN, name, '--seconds', String(seconds), '--seed', String(seed)];
      const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
      const stop = () => child.kill('SIGTERM');
      signal.addEventListener('abort', stop, { once: true });
      const [output, code] = await Promise.all([outputOf(child), exitOf(child)]);
      signal.removeEventListener('abort', stop);
      ended(name, output.trimEnd().split('\n').slice(0, -1).join('\n'), code === 0);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

async function outputOf(child: ChildProcess): Promise<string> {
  let output = '';
  for await (const chunk of child.stdout ?? []) output += String(chunk);
  return output;
}

async function exitOf(child: ChildProcess): Promise<number | null> {
  const [code] = (await once(child, 'close')) as [number | null];
  return code;
}
