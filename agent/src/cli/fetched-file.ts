import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync, renameSync, unlinkSync, writeSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { CpnsError } from '@cpns/shared';
import { fileError } from '@cpns/shared/node';

/**
 * Where something that was fetched goes: where the person says, else under its name in the working directory. The name comes from
 * another device, so it must be nothing but a name.
 * @throws CpnsError Config/NeedsOut, Config/FileExists
 */
export function targetOf(out: string | undefined, name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is being refused
  if (out === undefined && !/^[^./\\:\u0000-\u001f\u007f-\u009f][^/\\:\u0000-\u001f\u007f-\u009f]*$/.test(name))
    throw new CpnsError('Config', 'NeedsOut', 'It has a name that is no good name for a file: say where to put it, with --out FILE.');
  const path = resolve(out ?? name);
  requireFree(path);
  return path;
}

/** @throws CpnsError Config/FileExists */
function requireFree(path: string): void {
  if (existsSync(path)) throw new CpnsError('Config', 'FileExists', `${path} exists already: name another place with --out FILE.`);
}

/** A file that appears under its name only when it is whole; until then only this user can read it. */
export class FetchedFile {
  readonly #path: string;
  readonly #temporary: string;
  #handle: number | undefined;

  private constructor(path: string) {
    this.#path = path;
    this.#temporary = join(dirname(path), `.cpns-${randomBytes(8).toString('hex')}.part`);
    this.#handle = openSync(this.#temporary, 'wx', 0o600);
  }

  /** @throws CpnsError State/NoAccess and its like */
  static begin(path: string): FetchedFile {
    return trying(path, () => new FetchedFile(path));
  }

  /** Written before it returns, so that no more comes than the disk takes. @throws CpnsError State/DiskFull */
  add(octets: Uint8Array): void {
    const handle = this.#handle;
    if (handle === undefined) return;
    trying(this.#path, () => {
      for (let at = 0; at < octets.length; ) at += writeSync(handle, octets, at);
    });
  }

  /** Gives it its name. @throws CpnsError Config/FileExists, State */
  finish(): string {
    const handle = this.#handle;
    requireFree(this.#path);
    trying(this.#path, () => {
      if (handle !== undefined) fsyncSync(handle);
      this.#close();
      renameSync(this.#temporary, this.#path);
    });
    return this.#path;
  }

  /** Removes what is there, unless it is finished. Never throws. */
  discard(): void {
    try {
      this.#close();
      unlinkSync(this.#temporary);
    } catch {
      // It is finished, or the directory is gone: nothing is left to be removed.
    }
  }

  #close(): void {
    if (this.#handle !== undefined) closeSync(this.#handle);
    this.#handle = undefined;
  }
}

function trying<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw fileError(error, path);
  }
}
