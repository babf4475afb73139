import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import type { Logger } from '@cpns/shared';
import { type Content, contents, MAX_CONTENTS_OCTETS, octetCount } from '@cpns/shared/messages';
import { systemCode } from '@cpns/shared/node';
import type { Settings } from '../config/settings.js';
import { type ContentSource, notOffered } from '../entity/content-source.js';

type OfferedFile = Settings['contents'][number];

/** Does not block on a FIFO in the place of a file. Windows knows no such flag. */
const READ = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);
const CHUNK_OCTETS = 65_536;

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  '.csv': 'text/csv',
  '.gif': 'image/gif',
  '.html': 'text/html',
  '.jpeg': 'image/jpeg',
  '.jpg': 'image/jpeg',
  '.json': 'application/json',
  '.md': 'text/markdown',
  '.mp3': 'audio/mpeg',
  '.mp4': 'video/mp4',
  '.ogg': 'audio/ogg',
  '.pdf': 'application/pdf',
  '.png': 'image/png',
  '.txt': 'text/plain',
  '.webm': 'video/webm',
  '.zip': 'application/zip',
};

/** A file as it was when its SHA-256 was made. */
interface Shelved {
  readonly content: Content;
  readonly file: string;
  /** Tells this state of the file from any other. */
  readonly stamp: string;
}

/** Files of this computer that the device offers: those of the settings and no others, as long as they stay as they were looked at. */
export class ContentShelf implements ContentSource {
  readonly #offered: readonly OfferedFile[];
  readonly #maxOctets: number;
  readonly #logger: Logger;
  #shelved: readonly Shelved[] = [];
  #problems: readonly string[] = [];

  constructor(offered: readonly OfferedFile[], maxOctets: number, logger: Logger) {
    this.#offered = offered;
    this.#maxOctets = maxOctets;
    this.#logger = logger;
  }

  list(): readonly Content[] {
    return this.#shelved.map(({ content }) => content);
  }

  problems(): readonly string[] {
    return this.#problems;
  }

  /** Looks at all files again; only those that changed are read. True: the list is another one now. Never rejects. */
  async refresh(): Promise<boolean> {
    const shelved: Shelved[] = [];
    const problems: string[] = [];
    for (const offered of this.#offered) {
      const found = await this.#look(offered);
      const why = typeof found === 'string' ? found : whyNotBeside(shelved, found);
      if (why !== undefined) problems.push(`${offered.file} is not offered: ${why}.`);
      else shelved.push(found as Shelved);
    }
    for (const problem of problems) if (!this.#problems.includes(problem)) this.#logger.warn(problem);
    const before = this.#shelved.map(({ content }) => content.contentId).join();
    this.#shelved = shelved;
    this.#problems = problems;
    return shelved.map(({ content }) => content.contentId).join() !== before;
  }

  async read(contentId: string, offset: number, length: number): Promise<Uint8Array> {
    const shelved = this.#shelved.find(({ content }) => content.contentId === contentId);
    if (shelved === undefined) throw notOffered(contentId);
    const handle = await open(shelved.file, READ);
    try {
      if ((await stampOf(handle)).stamp !== shelved.stamp) throw notOffered(contentId);
      const octets = new Uint8Array(length);
      if ((await fill(handle, octets, offset)) < length) throw notOffered(contentId);
      return octets;
    } finally {
      await handle.close();
    }
  }

  /** The file as it can be offered, or why it cannot. */
  async #look(offered: OfferedFile): Promise<Shelved | string> {
    const { file } = offered;
    let handle: FileHandle | undefined;
    try {
      handle = await open(file, READ);
      const { stamp, size, isFile } = await stampOf(handle);
      if (!isFile) return 'it is not a file';
      if (size > this.#maxOctets) return `it has ${size} octets, more than limits.contentOctets (${this.#maxOctets})`;
      const known = this.#shelved.find((shelved) => shelved.file === file && shelved.stamp === stamp);
      if (known !== undefined) return known;
      const contentId = await sha256Of(handle, size);
      if ((await stampOf(handle)).stamp !== stamp) return 'it changed while it was read';
      return { content: contentOf(offered, contentId, size), file, stamp };
    } catch (error) {
      return whyUnreadable(systemCode(error));
    } finally {
      await handle?.close().catch(() => undefined);
    }
  }
}

function contentOf({ file, name = basename(file), type, chargeable, conditions }: OfferedFile, contentId: string, size: number): Content {
  return {
    contentId,
    name: name.slice(0, 128),
    type: type ?? MEDIA_TYPES[extname(name).toLowerCase()] ?? 'application/octet-stream',
    size,
    chargeable,
    ...(conditions !== undefined && { conditions }),
  };
}

function whyNotBeside(shelved: readonly Shelved[], found: Shelved | string): string | undefined {
  if (typeof found === 'string') return found;
  const same = shelved.find(({ content }) => content.contentId === found.content.contentId);
  if (same !== undefined) return `it holds the same as ${same.file}`;
  const octets = octetCount(
    contents,
    [...shelved, found].map(({ content }) => content),
  );
  return octets > MAX_CONTENTS_OCTETS ? 'the names and conditions of all contents together are too long' : undefined;
}

function whyUnreadable(code: string | undefined): string {
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'it does not exist';
  if (code === 'EACCES' || code === 'EPERM') return 'this user may not read it';
  return `it cannot be read (${code ?? 'unknown'})`;
}

async function stampOf(handle: FileHandle): Promise<{ readonly stamp: string; readonly size: number; readonly isFile: boolean }> {
  const stats = await handle.stat({ bigint: true });
  const { dev, ino, size, mtimeNs, ctimeNs } = stats;
  return { stamp: [dev, ino, size, mtimeNs, ctimeNs].join(), size: Number(size), isFile: stats.isFile() };
}

async function sha256Of(handle: FileHandle, size: number): Promise<string> {
  const hash = createHash('sha256');
  const chunk = new Uint8Array(CHUNK_OCTETS);
  for (let offset = 0; offset < size; offset += chunk.length) {
    const part = chunk.subarray(0, Math.min(chunk.length, size - offset));
    hash.update(part.subarray(0, await fill(handle, part, offset)));
  }
  return hash.digest('hex');
}

/** Reads until `octets` is full or the file has ended; how many octets there were. */
async function fill(handle: FileHandle, octets: Uint8Array, offset: number): Promise<number> {
  let length = 0;
  while (length < octets.length) {
    const { bytesRead } = await handle.read(octets, length, octets.length - length, offset + length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return length;
}
