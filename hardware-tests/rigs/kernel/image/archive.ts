import { closeSync, lstatSync, openSync, readdirSync, readFileSync, readlinkSync, writeSync } from 'node:fs';
import { posix } from 'node:path';

const MAGIC = '070701';
const ALIGNMENT = 4;
const END = 'TRAILER!!!';
const TYPE = { directory: 0o040000, file: 0o100000, link: 0o120000 } as const;

/**
 * Writes an initramfs: a cpio archive of the format "newc" (Linux, Documentation/driver-api/early-userspace/buffer-format.rst).
 * Everything in it belongs to root. The kernel unpacks several such archives that stand one after another in one file.
 */
export class Archive {
  readonly #file: number;
  readonly #directories = new Set<string>();
  #entries = 0;

  constructor(path: string) {
    this.#file = openSync(path, 'w', 0o600);
  }

  /** Directories above are added as needed. */
  directory(name: string): void {
    if (name === '.' || name === '' || this.#directories.has(name)) return;
    this.directory(posix.dirname(name));
    this.#directories.add(name);
    this.#entry(name, TYPE.directory | 0o755);
  }

  file(name: string, content: Uint8Array | string, executable = false): void {
    this.directory(posix.dirname(name));
    this.#entry(name, TYPE.file | (executable ? 0o755 : 0o644), Buffer.from(content));
  }

  link(name: string, target: string): void {
    this.directory(posix.dirname(name));
    this.#entry(name, TYPE.link | 0o777, Buffer.from(target));
  }

  /** Adds a file, a link or a whole directory of this machine; `omits` says what of it stays out. */
  copy(name: string, path: string, omits: (path: string) => boolean = () => false): void {
    if (omits(path)) return;
    const status = lstatSync(path);
    if (status.isSymbolicLink()) this.link(name, readlinkSync(path));
    else if (status.isFile()) this.file(name, readFileSync(path), (status.mode & 0o111) !== 0);
    else if (status.isDirectory()) {
      this.directory(name);
      for (const entry of readdirSync(path).sort()) this.copy(`${name}/${entry}`, `${path}/${entry}`, omits);
    }
  }

  close(): void {
    this.#entry(END, 0);
    closeSync(this.#file);
  }

  #entry(name: string, mode: number, content: Uint8Array = new Uint8Array()): void {
    const named = Buffer.from(`${name}\0`);
    const links = mode === TYPE.directory ? 2 : 1;
    const fields = [++this.#entries, mode, 0, 0, links, 0, content.length, 0, 0, 0, 0, named.length, 0];
    const header = MAGIC + fields.map((field) => field.toString(16).padStart(8, '0')).join('');
    writeSync(this.#file, padded(Buffer.concat([Buffer.from(header), named])));
    if (content.length > 0) writeSync(this.#file, padded(content));
  }
}

function padded(octets: Uint8Array): Uint8Array {
  const missing = -octets.length & (ALIGNMENT - 1);
  return missing === 0 ? octets : Buffer.concat([octets, Buffer.alloc(missing)]);
}
