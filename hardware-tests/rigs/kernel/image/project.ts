import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { NPM, ROOT } from '../../../processes/commands.js';
import type { Archive } from './archive.js';

/** Where the project is in the guest. */
export const PROJECT = 'cpns';

const WORKSPACES = ['shared', 'agent', 'server', 'hardware-tests'];
/** What only compiling needs, although packages name it as theirs. */
const COMPILING = /\/node_modules\/(typescript|@typescript|@types|node-gyp)(\/|$)/;
/** Parts of packages that no program reads: sources and objects of compiled code, builds for other machines, types and maps. */
const UNREAD =
  /\/(better-sqlite3\/(deps|src)|obj\.target|\.deps|prebuilds\/(?!linux-x64)[^/]+|usb\/libusb)$|\.(map|md|d\.[cm]?ts|tsbuildinfo)$/;

/** Adds the built project and the packages that it runs on. */
export async function addProject(archive: Archive): Promise<void> {
  archive.copy(`${PROJECT}/package.json`, join(ROOT, 'package.json'));
  for (const workspace of WORKSPACES) {
    for (const part of ['package.json', 'dist', 'bin']) {
      const path = join(ROOT, workspace, part);
      if (existsSync(path)) archive.copy(`${PROJECT}/${workspace}/${part}`, path, (file) => UNREAD.test(file));
    }
  }
  archive.copy(`${PROJECT}/node_modules/@cpns`, join(ROOT, 'node_modules/@cpns'));
  for (const path of await installedPackages()) {
    // A package within a package is one of its own.
    archive.copy(`${PROJECT}/${relative(ROOT, path)}`, path, (file) => UNREAD.test(file) || file === `${path}/node_modules`);
  }
}

/** Folders of the packages that run, whichever workspace needs them. */
async function installedPackages(): Promise<readonly string[]> {
  // It ends with a complaint where an optional package could not be installed.
  const list = promisify(execFile)(NPM, ['ls', '--omit=dev', '--all', '--parseable'], { cwd: ROOT, maxBuffer: 16 * 1024 * 1024 });
  const { stdout } = await list.catch((error: { stdout: string }) => error);
  const isWanted = (path: string) => path.includes('/node_modules/') && !path.includes('/@cpns/') && !COMPILING.test(path);
  return stdout.split('\n').filter((path) => isWanted(path) && existsSync(path));
}
