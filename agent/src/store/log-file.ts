import { randomBytes } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CpnsError, type StoreChanges } from '@cpns/shared';
import { type FileSystem, fileError, syncDirectory, writeTemporary } from '@cpns/shared/node';
import { encodeFrame, encodeHeader, FILE_ID_LENGTH, HEADER_LENGTH } from './log-format.js';

/** Changes of a snapshot go into frames of about so many octets, so that writing it needs little memory. */
const SNAPSHOT_FRAME_OCTETS = 256 * 1024;

/** Everything that is to be in a fresh file. */
export type Snapshot = () => Iterable<[string, Uint8Array]>;

/** Which file it is and where the next frame goes. */
export interface LogPosition {
  readonly fileId: Uint8Array;
  readonly nextSequence: number;
  readonly end: number;
}

/**
 * The state file, open for appending. After a failure that leaves it unsure what the disk holds, it asks to be rewritten
 * ({@link LogFile.unsure}) and takes nothing until that has succeeded.
 */
export class LogFile {
  readonly #path: string;
  readonly #files: FileSystem;
  #position: LogPosition;
  #handle: FileHandle | undefined;
  #unsure = false;

  private constructor(path: string, files: FileSystem, position: LogPosition, handle: FileHandle) {
    this.#path = path;
    this.#files = files;
    this.#position = position;
    this.#handle = handle;
  }

  /** Makes a new, empty file. @throws CpnsError State/... */
  static async create(path: string, files: FileSystem): Promise<LogFile> {
    try {
      const { temporary, position } = await writeSnapshot(path, () => [], files);
      await files.rename(temporary, path);
      await syncDirectory(dirname(path), files);
      return new LogFile(path, files, position, await files.open(path, 'r+'));
    } catch (error) {
      throw fileError(error, path);
    }
  }

  /** Goes on with a file that was read, and cuts off what stands behind its last whole frame. @throws CpnsError State/... */
  static async resume(path: string, files: FileSystem, position: LogPosition): Promise<LogFile> {
    let handle: FileHandle | undefined;
    try {
      handle = await files.open(path, 'r+');
      await handle.truncate(position.end);
      await handle.datasync();
      return new LogFile(path, files, position, handle);
    } catch (error) {
      await handle?.close().catch(() => {});
      throw fileError(error, path);
    }
  }

  /** Octets of the file. */
  get size(): number {
    return this.#position.end;
  }

  /** The file must be rewritten before anything can be appended. */
  get unsure(): boolean {
    return this.#unsure;
  }

  /** Makes changes durable: all of them when the promise resolves, none when it rejects. @throws CpnsError State/... */
  async append(changes: StoreChanges): Promise<void> {
    const { fileId, nextSequence, end } = this.#position;
    const handle = this.#handle;
    if (handle === undefined || this.#unsure) throw new CpnsError('Internal', 'LogUnsure', 'The state file must be rewritten first.');
    const frame = encodeFrame(fileId, nextSequence, changes);
    let written = false;
    try {
      await writeAt(handle, frame, end);
      written = true;
      await handle.datasync();
      this.#position = { fileId, nextSequence: nextSequence + 1, end: end + frame.length };
    } catch (error) {
      // Once syncing has failed the system may have dropped the pages and call them clean: no later sync of this file can be believed.
      this.#unsure = written;
      await this.#cutBack(handle);
      throw fileError(error, this.#path);
    } finally {
      frame.fill(0);
    }
  }

  /** Writes `snapshot` to a new file and puts that in the place of this one. @throws CpnsError State/... ; nothing is lost then */
  async rewrite(snapshot: Snapshot): Promise<void> {
    const { temporary, position } = await writeSnapshot(this.#path, snapshot, this.#files);
    // Windows renames over nothing that is open.
    await this.close();
    try {
      await this.#files.rename(temporary, this.#path);
    } catch (error) {
      await this.#files.unlink(temporary).catch(() => {});
      throw fileError(error, this.#path);
    }
    try {
      this.#position = position;
      this.#handle = await this.#files.open(this.#path, 'r+');
      await syncDirectory(dirname(this.#path), this.#files);
      this.#unsure = false;
    } catch (error) {
      throw fileError(error, this.#path);
    }
  }

  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    this.#unsure = true;
    await handle?.close().catch(() => {});
  }

  async #cutBack(handle: FileHandle): Promise<void> {
    try {
      await handle.truncate(this.#position.end);
      await handle.datasync();
    } catch {
      this.#unsure = true;
    }
  }
}

async function writeSnapshot(path: string, snapshot: Snapshot, files: FileSystem): Promise<{ temporary: string; position: LogPosition }> {
  const fileId = new Uint8Array(randomBytes(FILE_ID_LENGTH));
  let position: LogPosition = { fileId, nextSequence: 0, end: HEADER_LENGTH };
  const temporary = await writeTemporary(
    path,
    async (handle) => {
      for (const changes of inFrames(snapshot())) {
        const frame = encodeFrame(fileId, position.nextSequence, changes);
        await writeAt(handle, frame, position.end);
        position = { fileId, nextSequence: position.nextSequence + 1, end: position.end + frame.length };
        frame.fill(0);
      }
      await writeAt(handle, encodeHeader(fileId, position.end), 0);
    },
    files,
  );
  return { temporary, position };
}

function* inFrames(entries: Iterable<[string, Uint8Array]>): Generator<StoreChanges> {
  let changes = new Map<string, Uint8Array>();
  let octets = 0;
  for (const [key, value] of entries) {
    changes.set(key, value);
    octets += key.length + value.length;
    if (octets < SNAPSHOT_FRAME_OCTETS) continue;
    yield changes;
    changes = new Map();
    octets = 0;
  }
  if (changes.size > 0) yield changes;
}

async function writeAt(handle: FileHandle, octets: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < octets.length; ) {
    const { bytesWritten } = await handle.write(octets, done, octets.length - done, position + done);
    if (bytesWritten === 0) throw new CpnsError('State', 'StoreFailed', 'The disk took nothing of what was to be written; check it.');
    done += bytesWritten;
  }
}
