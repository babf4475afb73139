import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Archive } from '../../../rigs/kernel/image/archive.js';

interface Entry {
  readonly name: string;
  readonly mode: number;
  readonly content: string;
}

/** Reads an archive as the format says. */
function entriesOf(path: string): Entry[] {
  const octets = readFileSync(path);
  const entries: Entry[] = [];
  const aligned = (at: number) => at + (-at & 3);
  for (let at = 0; at < octets.length; ) {
    expect(octets.toString('latin1', at, at + 6)).toBe('070701');
    const field = (n: number) => Number.parseInt(octets.toString('latin1', at + 6 + n * 8, at + 14 + n * 8), 16);
    const nameAt = at + 110;
    const contentAt = aligned(nameAt + field(11));
    const name = octets.toString('utf8', nameAt, nameAt + field(11) - 1);
    entries.push({ name, mode: field(1), content: octets.toString('utf8', contentAt, contentAt + field(6)) });
    at = aligned(contentAt + field(6));
  }
  return entries;
}

describe('the archive that the kernel unpacks', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'cpns-archive-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it('holds files, links and each directory once, and ends as the format says', () => {
    const path = join(directory, 'archive');
    const archive = new Archive(path);
    archive.file('bin/init', '#!/bin/sh\n', true);
    archive.file('bin/odd', 'x');
    archive.link('bin/sh', '/bin/busybox');
    archive.close();
    expect(entriesOf(path)).toEqual([
      { name: 'bin', mode: 0o040755, content: '' },
      { name: 'bin/init', mode: 0o100755, content: '#!/bin/sh\n' },
      { name: 'bin/odd', mode: 0o100644, content: 'x' },
      { name: 'bin/sh', mode: 0o120777, content: '/bin/busybox' },
      { name: 'TRAILER!!!', mode: 0, content: '' },
    ]);
  });

  it('takes in a directory of this machine but for what is left out', () => {
    const source = join(directory, 'source');
    mkdirSync(join(source, 'lib'), { recursive: true });
    writeFileSync(join(source, 'lib/a.js'), 'a');
    writeFileSync(join(source, 'lib/a.js.map'), 'map');
    symlinkSync('lib/a.js', join(source, 'main.js'));
    const path = join(directory, 'archive');
    const archive = new Archive(path);
    archive.copy('opt/app', source, (file) => file.endsWith('.map'));
    archive.close();
    const found = entriesOf(path).map(({ name, content }) => [name, content]);
    expect(found).toContainEqual(['opt/app/lib/a.js', 'a']);
    expect(found).toContainEqual(['opt/app/main.js', 'lib/a.js']);
    expect(found.map(([name]) => name)).not.toContain('opt/app/lib/a.js.map');
  });
});
