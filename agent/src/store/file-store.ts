import nodeFiles, { readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Clock,
  CpnsError,
  describeError,
  type Logger,
  ownChanges,
  STORE_LIMITS,
  type Store,
  type StoreChanges,
  StoreContents,
} from '@cpns/shared';
import { ensurePrivateDirectory, type FileSystem, fileError, readPrivateFile, TEMPORARY_SUFFIX } from '@cpns/shared/node';
import { LogFile } from './log-file.js';
import { CHANGE_OVERHEAD, readLog } from './log-format.js';

export interface FileStoreOptions {
  /** Made when missing. The process must hold the lock of the state it belongs to: two stores in one directory destroy each other. */
  readonly directory: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Bound of all keys and values together, in octets. Default: 64 MiB. */
  readonly maxTotalOctets?: number;
  /** How soon after a deletion the deleted value is gone from the file. Default: 1 s. */
  readonly forgetDeletedMs?: number;
  /** The same for values that were replaced. Default: 10 min. */
  readonly forgetReplacedMs?: number;
  /** Default: `node:fs/promises`. */
  readonly files?: FileSystem;
}

interface Waiting {
  readonly changes: Map<string, Uint8Array | undefined>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

const FILE_NAME = 'state.log';
/** Commits made durable with one sync. */
const MAX_GROUP = 64;
/** A file larger than this and than twice what it holds is rewritten. */
const SMALL_FILE_OCTETS = 256 * 1024;
/** After a rewriting that failed, the next try is so much later. */
const RETRY_REWRITE_MS = 60_000;

/**
 * The durable store of a device: a log of commits in one file, read into memory when it is opened. Commits that wait at the same time
 * share one sync of the disk. The file is rewritten, without what was deleted or replaced, when it has grown and soon after a deletion,
 * so that deleted keys do not stay on the disk (as far as the disk overwrites what is deleted; flash memory and journals may not).
 */
export class FileStore implements Store {
  readonly #path: string;
  readonly #options: FileStoreOptions;
  readonly #log: LogFile;
  readonly #contents: StoreContents;
  readonly #waiting: Waiting[] = [];
  #busy = false;
  #working: Promise<void> = Promise.resolve();
  #closed = false;
  #closing: Promise<void> | undefined;
  /** What was deleted or replaced is still in the file. */
  #garbage = false;
  #rewriteNow = false;
  /** A rewriting has failed; growth alone is no reason to try again before. */
  #rewriteAgainMs = 0;
  #rewriteTimer: { readonly dueMs: number; readonly cancel: () => void } | undefined;

  private constructor(path: string, options: FileStoreOptions, log: LogFile, contents: StoreContents) {
    this.#path = path;
    this.#options = options;
    this.#log = log;
    this.#contents = contents;
  }

  /**
   * Opens the store of a directory, or makes it. What a killed process left of a commit that had not ended is dropped.
   * @throws CpnsError Config/UnsafePermissions, Config/UnsafeOwner when others could read it; State/StoreDamaged, State/StoreTooNew, State/...
   */
  static async open(options: FileStoreOptions): Promise<FileStore> {
    const { directory, logger, files = nodeFiles, maxTotalOctets = STORE_LIMITS.maxTotalOctets } = options;
    const path = join(directory, FILE_NAME);
    await ensurePrivateDirectory(directory);
    await removeUnfinished(directory);
    const contents = new StoreContents({ ...STORE_LIMITS, maxTotalOctets });
    const octets = await readPrivateFile(path, 4 * Math.max(maxTotalOctets, STORE_LIMITS.maxTotalOctets));
    if (octets === undefined) return new FileStore(path, options, await LogFile.create(path, files), contents);
    let replaced = false;
    try {
      const position = readLog(Buffer.from(octets.buffer, octets.byteOffset, octets.length), path, (changes) => {
        replaced ||= replacesAny(contents, changes);
        contents.apply(changes);
      });
      const tornOctets = octets.length - position.end;
      if (tornOctets > 0)
        logger.notice('Dropped the rest of a commit that had not ended when the device stopped', { path, octets: tornOctets });
      const store = new FileStore(path, options, await LogFile.resume(path, files, position), contents);
      if (replaced) store.#collectGarbage(options.forgetDeletedMs ?? 1_000);
      return store;
    } catch (error) {
      contents.wipe();
      throw error;
    } finally {
      octets.fill(0);
    }
  }

  get(key: string): Uint8Array | undefined {
    this.#requireOpen();
    return this.#contents.get(key);
  }

  keys(prefix: string): string[] {
    this.#requireOpen();
    return this.#contents.keys(prefix);
  }

  async commit(changes: StoreChanges): Promise<void> {
    this.#requireOpen();
    const own = ownChanges(changes);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ changes: own, resolve, reject });
      this.#work();
    });
  }

  /** Resolves when nothing is being written. */
  async idle(): Promise<void> {
    while (this.#busy) await this.#working;
  }

  /** Ends commits under way, leaves nothing deleted in the file, and wipes the memory. Harmless when called twice. */
  close(): Promise<void> {
    this.#closing ??= this.#shutDown();
    return this.#closing;
  }

  async #shutDown(): Promise<void> {
    this.#closed = true;
    this.#rewriteNow = this.#garbage;
    this.#work();
    await this.idle();
    this.#rewriteTimer?.cancel();
    await this.#log.close();
    this.#contents.wipe();
  }

  #requireOpen(): void {
    if (this.#closed) throw new CpnsError('State', 'StoreClosed', 'The state of this device was closed because the agent is stopping.');
  }

  #work(): void {
    if (this.#busy) return;
    this.#busy = true;
    this.#working = this.#writeEverything();
  }

  async #writeEverything(): Promise<void> {
    // Commits of the same moment come together.
    await undefined;
    while (this.#waiting.length > 0 || this.#rewriteNow) {
      if (this.#waiting.length > 0) await this.#writeGroup(this.#waiting.splice(0, MAX_GROUP));
      else await this.#rewriteInBackground();
    }
    this.#busy = false;
  }

  async #writeGroup(group: readonly Waiting[]): Promise<void> {
    const draft = this.#contents.draft();
    const taken = group.filter((commit) => {
      try {
        draft.add(commit.changes);
        return true;
      } catch (error) {
        commit.reject(error);
        return false;
      }
    });
    try {
      if (draft.changes.size > 0) await this.#append(draft.changes);
      const replaces = replacesAny(this.#contents, draft.changes);
      const deletes = replaces && [...draft.changes.values()].includes(undefined);
      this.#contents.apply(draft.changes);
      for (const commit of taken) commit.resolve();
      this.#afterCommit(replaces, deletes);
    } catch (error) {
      for (const commit of taken) commit.reject(error);
    } finally {
      for (const { changes } of group) for (const value of changes.values()) value?.fill(0);
    }
  }

  /** Appends to the log; where the disk is full of what was deleted, after making room. */
  async #append(changes: StoreChanges): Promise<void> {
    if (this.#log.unsure) await this.#rewrite();
    try {
      await this.#log.append(changes);
    } catch (error) {
      if (!this.#garbage || !(error instanceof CpnsError) || error.code !== 'DiskFull') throw error;
      await this.#rewrite();
      await this.#log.append(changes);
    }
  }

  #afterCommit(replaces: boolean, deletes: boolean): void {
    const { forgetDeletedMs = 1_000, forgetReplacedMs = 600_000 } = this.#options;
    if (replaces) this.#collectGarbage(deletes ? forgetDeletedMs : forgetReplacedMs);
    const neededOctets = this.#contents.totalOctets + this.#contents.size * CHANGE_OVERHEAD;
    const mayTry = this.#garbage && this.#options.clock.monotonicMs() >= this.#rewriteAgainMs;
    if (mayTry && this.#log.size > Math.max(SMALL_FILE_OCTETS, 2 * neededOctets)) this.#rewriteNow = true;
  }

  /** Has the file rewritten within `ms`. */
  #collectGarbage(ms: number): void {
    this.#garbage = true;
    const dueMs = this.#options.clock.monotonicMs() + ms;
    if (this.#rewriteTimer !== undefined && this.#rewriteTimer.dueMs <= dueMs) return;
    this.#rewriteTimer?.cancel();
    const cancel = this.#options.clock.after(ms, () => {
      this.#rewriteTimer = undefined;
      this.#rewriteNow = true;
      this.#work();
    });
    this.#rewriteTimer = { dueMs, cancel };
  }

  async #rewriteInBackground(): Promise<void> {
    this.#rewriteNow = false;
    try {
      await this.#rewrite();
    } catch (error) {
      this.#options.logger.warn(
        'Deleted values are still in the state file because it could not be rewritten; free some space on its disk',
        {
          path: this.#path,
          error: describeError(error),
        },
      );
      this.#rewriteAgainMs = this.#options.clock.monotonicMs() + RETRY_REWRITE_MS;
      if (!this.#closed) this.#collectGarbage(RETRY_REWRITE_MS);
    }
  }

  async #rewrite(): Promise<void> {
    await this.#log.rewrite(() => this.#contents.entries());
    this.#garbage = false;
    this.#rewriteTimer?.cancel();
    this.#rewriteTimer = undefined;
  }
}

function replacesAny(contents: StoreContents, changes: StoreChanges): boolean {
  for (const key of changes.keys()) if (contents.has(key)) return true;
  return false;
}

/** A process that was killed while it rewrote the file leaves a part of it, with keys in it. */
async function removeUnfinished(directory: string): Promise<void> {
  try {
    for (const name of await readdir(directory)) {
      if (name.startsWith(`${FILE_NAME}.`) && name.endsWith(TEMPORARY_SUFFIX)) await unlink(join(directory, name));
    }
  } catch (error) {
    throw fileError(error, directory);
  }
}
