import { createHash } from 'node:crypto';
import { mkdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MemoryLogger } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import { ContentShelf } from '../../src/device/content-shelf.js';
import { scratchDirectory } from '../support/scratch.js';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

async function shelfOf(files: Readonly<Record<string, string>>, offered: readonly object[], maxOctets = 1_000_000) {
  const directory = await scratchDirectory();
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
  const settings = offered.map((one) => {
    const { file, ...more } = one as { file: string };
    return { chargeable: false, ...more, file: join(directory, file) };
  });
  const logger = new MemoryLogger();
  const shelf = new ContentShelf(settings, maxOctets, logger);
  const changed = await shelf.refresh();
  return { directory, shelf, changed, logger };
}

describe('the files that a device offers', () => {
  it('are listed with size, SHA-256, and what the settings say of them', async () => {
    const song = 'la'.repeat(50_000);
    const { shelf, changed } = await shelfOf({ 'menu.txt': 'soup', song, empty: '' }, [
      { file: 'menu.txt' },
      { file: 'song', name: 'A song', type: 'audio/ogg', chargeable: true, conditions: 'not before eight' },
      { file: 'empty' },
    ]);
    expect(changed).toBe(true);
    expect(shelf.list()).toEqual([
      { contentId: sha256('soup'), name: 'menu.txt', type: 'text/plain', size: 4, chargeable: false },
      { contentId: sha256(song), name: 'A song', type: 'audio/ogg', size: 100_000, chargeable: true, conditions: 'not before eight' },
      { contentId: sha256(''), name: 'empty', type: 'application/octet-stream', size: 0, chargeable: false },
    ]);
    expect(Buffer.from(await shelf.read(sha256(song), 99_997, 3)).toString()).toBe('ala');
  });

  it('are left out, with the reason, where they cannot be offered', async () => {
    const { directory, shelf, logger } = await shelfOf(
      { 'a.txt': 'soup', 'b.txt': 'soup', 'large.txt': 'x'.repeat(101) },
      [{ file: 'a.txt' }, { file: 'b.txt' }, { file: 'large.txt' }, { file: 'none.txt' }, { file: 'folder' }],
      100,
    );
    await mkdir(join(directory, 'folder'));
    await shelf.refresh();
    expect(shelf.list().map(({ name }) => name)).toEqual(['a.txt']);
    expect(shelf.problems()).toEqual([
      `${directory}/b.txt is not offered: it holds the same as ${directory}/a.txt.`,
      `${directory}/large.txt is not offered: it has 101 octets, more than limits.contentOctets (100).`,
      `${directory}/none.txt is not offered: it does not exist.`,
      `${directory}/folder is not offered: it is not a file.`,
    ]);
    expect(logger.lines.map(({ message }) => message)).toContain(`${directory}/none.txt is not offered: it does not exist.`);
  });

  it('together have no longer names than fit into a hello', async () => {
    const files = Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`${i}`, `${i}`]));
    const offered = Object.keys(files).map((file) => ({ file, conditions: 'x'.repeat(256) }));
    const { shelf } = await shelfOf(files, offered);
    expect(shelf.list().length).toBeGreaterThan(5);
    expect(shelf.list().length + shelf.problems().length).toBe(16);
    expect(shelf.problems()[0]).toContain('the names and conditions of all contents together are too long');
  });

  it('are read as they were looked at, or not at all', async () => {
    const { directory, shelf } = await shelfOf({ 'menu.txt': 'soup' }, [{ file: 'menu.txt' }]);
    await writeFile(join(directory, 'menu.txt'), 'fish');
    await expect(shelf.read(sha256('soup'), 0, 4)).rejects.toMatchObject({ code: 'NotOffered' });
    expect(await shelf.refresh()).toBe(true);
    expect(shelf.list().map(({ contentId }) => contentId)).toEqual([sha256('fish')]);
    expect(Buffer.from(await shelf.read(sha256('fish'), 0, 4)).toString()).toBe('fish');
    await rm(join(directory, 'menu.txt'));
    await expect(shelf.read(sha256('fish'), 0, 4)).rejects.toThrow();
    expect(await shelf.refresh()).toBe(true);
    expect(shelf.list()).toEqual([]);
  });

  it('are the same list when nothing but a time stamp changed', async () => {
    const { directory, shelf } = await shelfOf({ 'menu.txt': 'soup' }, [{ file: 'menu.txt' }]);
    expect(await shelf.refresh()).toBe(false);
    await utimes(join(directory, 'menu.txt'), 1, 1);
    expect(await shelf.refresh()).toBe(false);
    expect(Buffer.from(await shelf.read(sha256('soup'), 0, 4)).toString()).toBe('soup');
  });

  it('are the only ones that can be read', async () => {
    const { directory, shelf } = await shelfOf({ 'menu.txt': 'soup', secret: 'key' }, [{ file: 'menu.txt' }]);
    for (const contentId of [sha256('key'), 'secret', '../secret', join(directory, 'secret'), ''])
      await expect(shelf.read(contentId, 0, 3)).rejects.toMatchObject({ code: 'NotOffered' });
    await rm(join(directory, 'menu.txt'));
    await symlink(join(directory, 'secret'), join(directory, 'menu.txt'));
    await expect(shelf.read(sha256('soup'), 0, 3)).rejects.toMatchObject({ code: 'NotOffered' });
  });
});
