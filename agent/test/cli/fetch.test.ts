import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { CpnsError, entityId, pnId } from '@cpns/shared';
import { describe, expect, it } from 'vitest';
import { FetchedFile, targetOf } from '../../src/cli/fetched-file.js';
import type { AgentControl } from '../../src/control/agent-control.js';
import type { FetchParams } from '../../src/control/api/contents.js';
import { cli } from '../support/cli.js';
import { serveControl } from '../support/control.js';
import { scratchDirectory } from '../support/scratch.js';

const home = pnId('0123456789abcdef0123456789abcdef');
const board = entityId('board-1');
const content = {
  id: '5e'.repeat(32),
  name: 'menu.txt',
  type: 'text/plain',
  size: 9,
  chargeable: true,
  conditions: 'for \u001bthe family',
};

/** An agent that brings `parts` and then ends as told. */
async function offering(parts: readonly string[], end?: CpnsError) {
  const asked: FetchParams[] = [];
  const fetch: AgentControl['fetch'] = async (params, { emit }) => {
    asked.push(params);
    emit({ type: 'begins', content, parts: parts.length });
    for (const [part, text] of parts.entries()) emit({ type: 'part', part, payload: Buffer.from(text).toString('base64') });
    if (end !== undefined) throw end;
    return { pnId: home, from: board, content, afterMs: 12.3 };
  };
  const { state } = await serveControl({ fetch });
  return { state, asked, directory: await scratchDirectory() };
}

describe('cpns-agent fetch', () => {
  it('puts what came into a file for this user, and shows its conditions', async () => {
    const { state, asked, directory } = await offering(['soup', 'bread']);
    const out = join(directory, 'here.txt');
    const { exit, stdout, stderr } = await cli(['fetch', 'menu.txt', '--from', 'board-1', '--pn', home, '--out', out], { state });
    expect([exit, stdout]).toEqual([0, `menu.txt of board-1 is in ${out}: 9 octets in 12 ms.\n`]);
    expect(stderr).toContain(
      'Fetching menu.txt (text/plain, 9 octets) from board-1.\n  Conditions: for ?the family\n  It is to be paid for.\n',
    );
    expect(await readFile(out, 'utf8')).toBe('soupbread');
    expect((await stat(out)).mode & 0o777).toBe(0o600);
    expect(await readdir(directory)).toEqual(['here.txt']);
    expect(asked).toEqual([{ content: 'menu.txt', from: board, pnId: home }]);
  });

  it('leaves nothing behind when it fails', async () => {
    const altered = new CpnsError('Auth', 'ContentAltered', 'What came is not the "menu.txt" that board-1 offers.');
    const { state, directory } = await offering(['soup'], altered);
    const { exit, stderr } = await cli(['fetch', 'menu.txt', '--from', 'board-1', '--out', join(directory, 'x')], { state });
    expect([exit, stderr.split('\n').at(-2)]).toEqual([4, `cpns-agent: ${altered.message}`]);
    expect(await readdir(directory)).toEqual([]);
  });

  it('replaces no file', async () => {
    const { state, directory } = await offering(['soup', 'bread']);
    const out = join(directory, 'here.txt');
    await writeFile(out, 'mine');
    const { exit, stderr } = await cli(['fetch', 'menu.txt', '--from', 'board-1', '--out', out], { state });
    expect(stderr).toContain(`${out} exists already: name another place with --out FILE.`);
    expect(exit).not.toBe(0);
    expect(await readFile(out, 'utf8')).toBe('mine');
    expect(await readdir(directory)).toEqual(['here.txt']);
  });

  it('replaces no file that appeared meanwhile', async () => {
    const directory = await scratchDirectory();
    const out = join(directory, 'here.txt');
    const file = FetchedFile.begin(targetOf(out, 'menu.txt'));
    file.add(Buffer.from('soup'));
    await writeFile(out, 'mine');
    expect(() => file.finish()).toThrow(expect.objectContaining({ code: 'FileExists' }));
    file.discard();
    expect(await readFile(out, 'utf8')).toBe('mine');
    expect(await readdir(directory)).toEqual(['here.txt']);
  });

  it('says where a directory is missing', async () => {
    const { state, directory } = await offering(['soup']);
    const { exit, stderr } = await cli(['fetch', 'menu.txt', '--from', 'board-1', '--out', join(directory, 'a', 'b')], { state });
    expect(exit).not.toBe(0);
    expect(stderr).toContain(join(directory, 'a', 'b'));
  });

  it.each(['../x', '/etc/passwd', 'a/b', '.bashrc', '..', '', 'a\\b', 'C:x', 'a\nb', 'a\u001b[2J'])(
    'asks for a place where the name is %j',
    (name) => {
      expect(() => targetOf(undefined, name)).toThrow(expect.objectContaining({ code: 'NeedsOut' }));
    },
  );

  it.each(['menu.txt', 'Speisekarte für Müller.pdf', '-rf'])('puts %j under that name where the person is', (name) => {
    expect(basename(targetOf(undefined, name))).toBe(name);
  });
});
