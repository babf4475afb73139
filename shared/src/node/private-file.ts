import { randomBytes } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import nodeFiles, { type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CpnsError } from '../errors.js';
import { fileError, systemCode } from './file-errors.js';

/** The part of `node:fs/promises` that durable state is written with; a test may pass one that fails. */
export type FileSystem = Pick<typeof nodeFiles, 'open' | 'rename' | 'unlink'>;

/** Does not block on a FIFO somebody put in the place of a file. Windows knows no such flag. */
const READ = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/**
 * Refuses what others can read or change, as ssh does with its keys: a file looser than 0600, a directory looser than 0700, or one that
 * belongs to neither this user nor root. Windows protects the user's profile by other means, so nothing is checked there.
 * @throws CpnsError Config/UnsafePermissions, Config/UnsafeOwner
 */
export function requirePrivate(path: string, stats: Stats): void {
  const ownUid = process.getuid?.();
  if (ownUid === undefined) return;
  if (stats.uid !== ownUid && stats.uid !== 0) {
    const sentence = `${path} belongs to another user (user id ${stats.uid}); make it yours with: sudo chown ${ownUid} ${shellQuoted(path)}`;
    throw new CpnsError('Config', 'UnsafeOwner', sentence);
  }
  if ((stats.mode & 0o077) !== 0) {
    const mode = (stats.mode & 0o777).toString(8).padStart(4, '0');
    const cure = `chmod ${stats.isDirectory() ? '700' : '600'} ${shellQuoted(path)}`;
    throw new CpnsError(
      'Config',
      'UnsafePermissions',
      `${path} is open to other users of this computer (mode ${mode}); close it with: ${cure}`,
    );
  }
}

/** Creates a directory that only this user can enter, or checks one that is there. @throws CpnsError as {@link requirePrivate}, State/... */
export async function ensurePrivateDirectory(path: string): Promise<void> {
  try {
    const created = await nodeFiles.mkdir(path, { recursive: true, mode: 0o700 });
    if (created !== undefined) await syncDirectory(dirname(created));
    requirePrivate(path, await nodeFiles.stat(path));
  } catch (error) {
    if (systemCode(error) === 'EEXIST' || systemCode(error) === 'ENOTDIR') {
      throw new CpnsError('Config', 'NotADirectory', `${path} cannot be a directory because a file is in the way; choose another place.`, {
        cause: error,
      });
    }
    throw fileError(error, path);
  }
}

/**
 * The octets of a private file; undefined when there is none.
 * @throws CpnsError as {@link requirePrivate}; Config/NotAFile, Config/FileTooLarge; State/... when it cannot be read
 */
export async function readPrivateFile(path: string, maxOctets: number): Promise<Uint8Array | undefined> {
  let handle: FileHandle | undefined;
  try {
    handle = await nodeFiles.open(path, READ);
    const stats = await handle.stat();
    if (!stats.isFile()) throw new CpnsError('Config', 'NotAFile', `${path} is not a file; remove it or choose another name.`);
    requirePrivate(path, stats);
    const buffer = new Uint8Array(Math.min(stats.size, maxOctets) + 1);
    let length = 0;
    while (length < buffer.length) {
      const { bytesRead } = await handle.read(buffer, length, buffer.length - length, length);
      if (bytesRead === 0) return buffer.subarray(0, length);
      length += bytesRead;
    }
    throw new CpnsError('Config', 'FileTooLarge', `${path} is larger than ${maxOctets} octets, so it is not what it should be.`);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw fileError(error, path);
  } finally {
    await handle?.close();
  }
}

/**
 * Replaces a file, mode 0600, so that after a crash at any moment either the old one or the new one is there, whole.
 * @throws CpnsError State/DiskFull, State/... ; the old file is untouched then
 */
export async function writePrivateFile(path: string, octets: Uint8Array, files: FileSystem = nodeFiles): Promise<void> {
  const temporary = await writeTemporary(path, (handle) => handle.writeFile(octets), files);
  try {
    await files.rename(temporary, path);
  } catch (error) {
    await files.unlink(temporary).catch(() => {});
    throw fileError(error, path);
  }
  await syncDirectory(dirname(path), files).catch((error: unknown) => Promise.reject(fileError(error, path)));
}

/** How a file ends that was not renamed to its final name yet; a killed process may leave one behind. */
export const TEMPORARY_SUFFIX = '.tmp';

/**
 * Writes a durable file, mode 0600, beside `path`, to be renamed to it. Resolves with its name, which is `path`, a random part and
 * {@link TEMPORARY_SUFFIX}. @throws CpnsError State/DiskFull, State/... ; nothing is left then
 */
export async function writeTemporary(
  path: string,
  write: (handle: FileHandle) => Promise<void>,
  files: FileSystem = nodeFiles,
): Promise<string> {
  const temporary = `${path}.${randomBytes(8).toString('hex')}${TEMPORARY_SUFFIX}`;
  let handle: FileHandle | undefined;
  try {
    handle = await files.open(temporary, 'wx', 0o600);
    await write(handle);
    await handle.sync();
    await handle.close();
    return temporary;
  } catch (error) {
    await handle?.close().catch(() => {});
    if (handle !== undefined) await files.unlink(temporary).catch(() => {});
    throw fileError(error, path);
  }
}

/** Makes created, renamed and deleted names durable. Some file systems, and Windows, cannot and need not. */
export async function syncDirectory(path: string, files: Pick<FileSystem, 'open'> = nodeFiles): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await files.open(path, 'r');
  try {
    await handle.sync();
  } catch (error) {
    if (!['EINVAL', 'ENOTSUP', 'ENOSYS'].includes(systemCode(error) ?? '')) throw error;
  } finally {
    await handle.close();
  }
}

function shellQuoted(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
