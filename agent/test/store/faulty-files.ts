import nodeFiles, { type FileHandle } from 'node:fs/promises';
import type { FileSystem } from '@cpns/shared/node';

type Call = keyof FileSystem | 'write' | 'sync' | 'datasync' | 'truncate' | 'close';

/** The real file system, which fails where a test wants it to. */
export class FaultyFiles implements FileSystem {
  /** Octets that the disk still takes; undefined: as many as it really does. */
  freeOctets: number | undefined;
  /** The process has been killed: nothing reaches the disk any more. */
  dead = false;
  /** Error codes of the calls that fail. */
  readonly broken = new Map<Call, string>();
  /** Error codes of the calls that fail the next time only. */
  readonly brokenOnce = new Map<Call, string>();
  /** How often each call was made. */
  readonly count = new Map<Call, number>();

  readonly open = (async (...args: Parameters<FileSystem['open']>) => {
    this.#called('open');
    return this.#handle(await nodeFiles.open(...args));
  }) as FileSystem['open'];

  readonly rename: FileSystem['rename'] = async (from, to) => {
    this.#called('rename');
    const replaced = await nodeFiles.stat(to).catch(() => undefined);
    this.#freed(replaced?.size ?? 0);
    await nodeFiles.rename(from, to);
  };

  readonly unlink: FileSystem['unlink'] = async (path) => {
    this.#called('unlink');
    await nodeFiles.unlink(path);
  };

  #freed(octets: number): void {
    if (this.freeOctets !== undefined) this.freeOctets += octets;
  }

  #called(call: Call): void {
    this.count.set(call, (this.count.get(call) ?? 0) + 1);
    const code = this.dead ? 'EIO' : (this.broken.get(call) ?? this.brokenOnce.get(call));
    this.brokenOnce.delete(call);
    if (code !== undefined) throw Object.assign(new Error(`${code}: ${call}`), { code });
  }

  #handle(handle: FileHandle): FileHandle {
    const intercepted = {
      write: async (octets: Uint8Array, offset: number, length: number, position: number) => {
        this.#called('write');
        const taken = Math.min(length, this.freeOctets ?? length);
        if (taken === 0 && length > 0) throw Object.assign(new Error('ENOSPC: write'), { code: 'ENOSPC' });
        if (this.freeOctets !== undefined) this.freeOctets -= taken;
        return handle.write(octets, offset, taken, position);
      },
      sync: async () => {
        this.#called('sync');
        await handle.sync();
      },
      datasync: async () => {
        this.#called('datasync');
        await handle.datasync();
      },
      truncate: async (length: number) => {
        this.#called('truncate');
        this.#freed((await handle.stat()).size - length);
        await handle.truncate(length);
      },
      // A killed process closes its files.
      close: () => handle.close(),
    };
    return intercepted as unknown as FileHandle;
  }
}
