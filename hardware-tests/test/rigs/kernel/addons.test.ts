import { existsSync } from 'node:fs';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ADDONS, addonFolders } from '../../../rigs/kernel/image/addons.js';

const nameOf = (folder: string) => folder.split(`${sep}node_modules${sep}`).at(-1)?.replaceAll(sep, '/');

describe('the packages with compiled code', () => {
  const folders = addonFolders(fileURLToPath(new URL('../../../../', import.meta.url)));

  it('are all there, with what they load', () => {
    expect(folders.map(nameOf)).toEqual(expect.arrayContaining([...ADDONS, 'bindings', 'file-uri-to-path', 'debug', 'ms']));
    expect(folders.filter((folder) => !existsSync(join(folder, 'package.json')))).toEqual([]);
  });

  it('come without what compiled them', () => {
    expect(folders.map(nameOf).filter((name) => /gyp|prebuild|nan$|addon-api/.test(name ?? ''))).toEqual([]);
  });
});
