import { randomBytes, randomInt } from 'node:crypto';
import { readdir, readFile, unlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { CpnsError } from '../errors.js';
import { fileError, systemCode } from './file-errors.js';
import { ensurePrivateDirectory } from './private-file.js';
import { processStart, UNKNOWN_START } from './process-start.js';

/** Name of a claim: process id, start mark, and something that makes it unique. */
const CLAIM = /^([1-9][0-9]{0,9})\.([0-9a-f]{16}|unknown)\.[0-9a-f]{16}$/;
const HELD = 'held\n';
/** Two processes that begin at the same moment both step back and try again, so often and with pauses up to so long. */
const ATTEMPTS = 12;
const LONGEST_PAUSE_MS = 40;

interface Rival {
  readonly pid: number;
  readonly certain: boolean;
  readonly held: boolean;
}

/**
 * Keeps a second process from using the same state. The lock is a directory of claims, one file per process, named by process id and
 * start time. A process first makes its claim, then looks for others: of any two, the later one to look sees the other, so never both
 * go on. A claim of a process that is gone is simply removed; as names are never used twice, nobody can remove a living one by mistake.
 */
export class ProcessLock {
  readonly #claim: string;

  private constructor(claim: string) {
    this.#claim = claim;
  }

  /**
   * Takes the lock `directory`, which is made if it is missing.
   * @throws CpnsError State/AlreadyRunning when a living process has it, this one included
   */
  static async acquire(directory: string): Promise<ProcessLock> {
    await ensurePrivateDirectory(directory);
    try {
      const start = (await processStart(process.pid)) ?? UNKNOWN_START;
      for (let attempt = 1; ; attempt++) {
        const name = `${process.pid}.${start}.${randomBytes(8).toString('hex')}`;
        const claim = join(directory, name);
        await writeFile(claim, '', { flag: 'wx', mode: 0o600 });
        const withdraw = async (error: unknown): Promise<never> => {
          await removeClaim(claim);
          throw error;
        };
        const rival = await findRival(directory, name).catch(withdraw);
        if (rival === undefined) {
          await writeFile(claim, HELD).catch(withdraw);
          return new ProcessLock(claim);
        }
        await removeClaim(claim);
        if (rival.held || attempt === ATTEMPTS) throw alreadyRunning(directory, rival);
        await wait(randomInt(1, LONGEST_PAUSE_MS));
      }
    } catch (error) {
      throw fileError(error, directory);
    }
  }

  /** Gives the lock back. Harmless when called twice. */
  release(): Promise<void> {
    return removeClaim(this.#claim);
  }
}

/** The process that has or wants the lock, if any; claims of dead ones are cleared away. */
async function findRival(directory: string, own: string): Promise<Rival | undefined> {
  let wanting: Rival | undefined;
  for (const name of await readdir(directory)) {
    const [, pid, start] = CLAIM.exec(name) ?? [];
    if (name === own || pid === undefined) continue;
    const path = join(directory, name);
    const present = await processStart(Number(pid));
    const alive = present !== undefined && (present === start || present === UNKNOWN_START || start === UNKNOWN_START);
    if (!alive) {
      await removeClaim(path);
      continue;
    }
    const content = await readFile(path, 'latin1').catch(() => undefined);
    if (content === undefined) continue;
    const rival = { pid: Number(pid), certain: present === start && start !== UNKNOWN_START, held: content !== '' };
    if (rival.held) return rival;
    wanting = rival;
  }
  return wanting;
}

async function removeClaim(path: string): Promise<void> {
  await unlink(path).catch((error: unknown) => {
    if (systemCode(error) !== 'ENOENT') throw error;
  });
}

function alreadyRunning(directory: string, rival: Rival): CpnsError {
  const unsure = rival.certain ? '' : ` (if that is another program, delete ${directory})`;
  const cure = `stop that process${unsure} or use another state directory`;
  return new CpnsError('State', 'AlreadyRunning', `${dirname(directory)} is already in use by process ${rival.pid}; ${cure}.`);
}
