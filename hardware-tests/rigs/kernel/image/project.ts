import { join, relative } from 'node:path';
import { ROOT } from '../../../processes/commands.js';
import { ADDONS, addonFolders } from './addons.js';
import type { Archive } from './archive.js';
import { bundlePrograms } from './programs.js';

/** Where the project is in the guest. */
export const PROJECT = 'cpns';

/** What programs read beside their own code, and what starts them; from the agent's package the libraries are looked for. */
const FILES = [
  ...['package.json', 'agent/package.json', 'agent/bin', 'server/package.json', 'server/bin', 'hardware-tests/package.json'],
  'node_modules/@cpns/agent',
];
/** Parts of packages that no program reads: sources and objects of compiled code, types and maps. */
const UNREAD = /\/(better-sqlite3\/(deps|src)|Release\/obj(\.target)?|\.deps)$|\.(a|map|md|d\.[cm]?ts)$/;

/** Adds the programs of the built project and the packages that they load. */
export async function addProject(archive: Archive): Promise<void> {
  for (const file of FILES) archive.copy(`${PROJECT}/${file}`, join(ROOT, file));
  for (const { path, text } of await bundlePrograms(`/${PROJECT}`, ADDONS)) archive.file(`${PROJECT}/${path}`, text);
  for (const folder of addonFolders(ROOT)) {
    // A package within a package is one of its own.
    archive.copy(`${PROJECT}/${relative(ROOT, folder)}`, folder, (file) => UNREAD.test(file) || file === `${folder}/node_modules`);
  }
}
