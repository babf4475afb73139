import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Packages with compiled code. They find its parts by where they are, so they stay as npm has installed them. */
export const ADDONS = ['better-sqlite3', '@abandonware/bluetooth-hci-socket', '@abandonware/noble', '@abandonware/bleno'];

/** What only installing needs, or only other systems, although packages name it as theirs. */
const NOT_RUN = new Set(['node-gyp', 'node-gyp-build', '@mapbox/node-pre-gyp', 'prebuild-install', 'nan', 'node-addon-api', 'usb']);

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** Folders of {@link ADDONS} and of every package that they load. `root`: the project's folder. */
export function addonFolders(root: string): readonly string[] {
  const folders = new Set<string>();
  const add = (name: string, from: string) => {
    const folder = NOT_RUN.has(name) ? undefined : folderOf(name, from);
    if (folder === undefined || folders.has(folder)) return;
    folders.add(folder);
    const { dependencies, optionalDependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
    for (const needed of Object.keys({ ...dependencies, ...optionalDependencies })) add(needed, folder);
  };
  // Whichever of them could not be installed is missing here as it is missing there.
  for (const name of ADDONS) add(name, join(root, 'agent'));
  return [...folders];
}

/** The folder that a file in `from` gets for `name`. */
function folderOf(name: string, from: string): string | undefined {
  const folder = join(from, 'node_modules', name);
  if (existsSync(join(folder, 'package.json'))) return folder;
  return dirname(from) === from ? undefined : folderOf(name, dirname(from));
}
