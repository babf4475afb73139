import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/*
 * What the kernel of a host does to a process that uses its adapters, beside what the controller does. It stands in files of the host's
 * directory, so that a process that begins anew finds it, too.
 */

const HANG = 'connect-hangs';
const FORBIDDEN = 'forbidden';

/** The next attempt to connect blocks its process for so many milliseconds, as the native call of the library can. */
export function hangConnect(directory: string, ms: number): void {
  writeFileSync(join(directory, HANG), String(ms));
}

/** How long an attempt to connect that begins now blocks; the one after it does not. */
export function takeHang(directory: string): number {
  const file = join(directory, HANG);
  try {
    const ms = Number(readFileSync(file, 'utf8'));
    rmSync(file);
    return ms;
  } catch {
    return 0;
  }
}

/** Whether processes of the host lack the permission to send to its adapters. */
export function forbidAdapters(directory: string, isForbidden: boolean): void {
  if (isForbidden) writeFileSync(join(directory, FORBIDDEN), '');
  else rmSync(join(directory, FORBIDDEN), { force: true });
}

export function areAdaptersForbidden(directory: string): boolean {
  return existsSync(join(directory, FORBIDDEN));
}
