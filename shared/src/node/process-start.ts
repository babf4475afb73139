import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { systemCode } from './file-errors.js';

/** The platform cannot tell when a process began, only whether one with that id is there. */
export const UNKNOWN_START = 'unknown';

const PS_DEADLINE_MS = 2_000;

/**
 * A mark that distinguishes a process from every other one that has or will have the same id: 16 hex digits from its start time and the
 * boot it belongs to, or {@link UNKNOWN_START}. Undefined when there is no such process.
 */
export async function processStart(pid: number): Promise<string | undefined> {
  if (!exists(pid)) return undefined;
  switch (process.platform) {
    case 'linux':
    case 'android':
      return linuxStart(pid);
    case 'darwin':
    case 'freebsd':
      return psStart(pid);
    default:
      return UNKNOWN_START;
  }
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) !== 'ESRCH';
  }
}

async function linuxStart(pid: number): Promise<string | undefined> {
  let stat: string;
  try {
    stat = await readFile(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return UNKNOWN_START;
  }
  // The name in parentheses may hold anything; after it come the state (field 3) and, as field 22, the start in clock ticks since boot.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'latin1').catch(() => '');
  return mark(`${boot.trim()} ${fields[19]}`);
}

async function psStart(pid: number): Promise<string | undefined> {
  try {
    const options = { timeout: PS_DEADLINE_MS, env: { ...process.env, LC_ALL: 'C' } };
    const { stdout } = await promisify(execFile)('ps', ['-o', 'lstart=', '-p', String(pid)], options);
    return stdout.trim() === '' ? undefined : mark(stdout.trim());
  } catch {
    return UNKNOWN_START;
  }
}

function mark(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
