import { readdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { CpnsError } from '@cpns/shared';
import { requirePrivate, systemCode } from '@cpns/shared/node';
import type { DoctorCheck } from '../control/api/doctor.js';
import { type Check, ok, problem, warning } from './check.js';

const OLDEST_NODE = [20, 19] as const;
/** Below this, messages and keys may soon not be kept. */
const FEW_FREE_OCTETS = 64 * 1024 * 1024;
/** Entries of the state directory that are looked at. */
const MAX_ENTRIES = 1000;

export const checkNode: Check = async () => {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const recent = major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1]);
  if (recent) return [ok('Node.js', `version ${process.versions.node}`)];
  const says = `version ${process.versions.node} is too old; ${OLDEST_NODE.join('.')} or newer is needed`;
  return [problem('Node.js', says, 'install it from https://nodejs.org, then: npm ci')];
};

export const checkAgent: Check = async ({ running }) => [
  running ? ok('agent', 'is running') : warning('agent', 'is not running; what only a running agent knows was left out', 'cpns-agent run'),
];

/** Owner and modes of the state directory and everything in it, and room on its disk. */
export const checkState: Check = async ({ stateDirectory }) => {
  const name = 'state directory';
  try {
    requirePrivate(stateDirectory, await stat(stateDirectory));
    for (const entry of (await readdir(stateDirectory, { withFileTypes: true })).slice(0, MAX_ENTRIES)) {
      const path = join(stateDirectory, entry.name);
      if (entry.isFile() || entry.isDirectory()) requirePrivate(path, await stat(path));
    }
    return [ok(name, `${stateDirectory} is for this user alone`), ...(await checkDisk(stateDirectory))];
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [ok(name, `${stateDirectory} does not exist yet; enrolment makes it`)];
    if (error instanceof CpnsError) return [problem(name, error.message)];
    return [
      problem(name, `${stateDirectory} cannot be read (${systemCode(error) ?? 'unknown'})`, 'run the command as the user of the agent'),
    ];
  }
};

async function checkDisk(directory: string): Promise<DoctorCheck[]> {
  const { bavail, bsize } = await statfs(directory);
  const free = bavail * bsize;
  if (free >= FEW_FREE_OCTETS) return [];
  return [warning('disk', `only ${Math.floor(free / 1_048_576)} MiB are free where ${directory} is`, 'free some space on that disk')];
}
