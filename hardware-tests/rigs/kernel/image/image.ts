import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, realpath, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from '../../../processes/commands.js';
import { Archive } from './archive.js';
import { type DebianPackages, offeredPackages, unpackPackages } from './debian.js';
import { MODULES, neededModules } from './modules.js';

/** What QEMU boots, but for the project. */
export interface BaseImage {
  readonly vmlinuz: string;
  readonly initramfs: string;
  /** Such as `6.1.0-56-amd64`. */
  readonly kernel: string;
}

const run = promisify(execFile);
const INIT = join(ROOT, 'hardware-tests/rigs/kernel/init');
const CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'cpns', 'kernel-rig');
const DEBIAN_PROGRAMS = ['usr/bin/btvirt', 'bin/hciconfig'];
const PLACES = ['proc', 'sys', 'dev', 'tmp', 'root', 'run', 'sbin', 'usr/bin'];

/**
 * Linux, its Bluetooth modules and BlueZ's tools from Debian packages, and Node as on this machine, as an initramfs. Built once for
 * each set of versions and kept in the user's cache directory.
 * @throws CpnsError Config/NoPackages, Config/NoModule, Transport/NoDownload
 */
export async function baseImage(say: (text: string) => void): Promise<BaseImage> {
  const packages = await offeredPackages();
  const init = (await readFile(INIT, 'utf8')).replace('@MODULES@', MODULES.join(' '));
  const key = createHash('sha256')
    .update(JSON.stringify([packages, process.version, process.arch, init, DEBIAN_PROGRAMS]))
    .digest('hex');
  const directory = join(CACHE, key.slice(0, 16));
  if (!existsSync(directory)) {
    say(`Building the guest's image from ${packages.files.join(', ')} ...`);
    await build(packages, init, directory);
  }
  return { vmlinuz: join(directory, 'vmlinuz'), initramfs: join(directory, 'initramfs'), kernel: packages.kernel };
}

async function build(packages: DebianPackages, init: string, directory: string): Promise<void> {
  await mkdir(CACHE, { recursive: true });
  const work = await mkdtemp(join(CACHE, 'building-'));
  try {
    const [unpacked, image] = [join(work, 'unpacked'), join(work, 'image')];
    await unpackPackages(packages, join(work, 'packages'), unpacked);
    await mkdir(image);
    await copyFile(join(unpacked, 'boot', `vmlinuz-${packages.kernel}`), join(image, 'vmlinuz'));
    const archive = new Archive(join(image, 'initramfs'));
    for (const place of PLACES) archive.directory(place);
    archive.file('init', init, true);
    await addBusybox(archive, join(unpacked, 'bin/busybox'));
    await addModules(archive, unpacked, packages.kernel);
    const programs = [
      ...DEBIAN_PROGRAMS.map((program) => [program, join(unpacked, program)] as const),
      ['bin/node', process.execPath] as const,
    ];
    for (const [name, path] of programs) archive.copy(name, await realpath(path));
    for (const library of await libraries(programs.map(([, path]) => path))) archive.copy(library.slice(1), await realpath(library));
    archive.close();
    // Another process may have been as fast.
    await rename(image, directory).catch((error: unknown) => {
      if (!existsSync(directory)) throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function addBusybox(archive: Archive, path: string): Promise<void> {
  archive.copy('bin/busybox', path);
  const { stdout } = await run(path, ['--list']);
  for (const applet of stdout.split('\n')) if (applet !== '' && applet !== 'busybox') archive.link(`bin/${applet}`, '/bin/busybox');
  // Where the kernel looks when it needs a module by itself.
  archive.link('sbin/modprobe', '/bin/busybox');
}

async function addModules(archive: Archive, unpacked: string, kernel: string): Promise<void> {
  const directory = `lib/modules/${kernel}`;
  for (const file of await neededModules(unpacked, kernel)) archive.copy(`${directory}/${file}`, join(unpacked, directory, file));
  for (const index of ['dep', 'alias', 'symbols', 'builtin']) {
    const file = `${directory}/modules.${index}`;
    archive.copy(file, join(unpacked, file));
  }
}

/** Paths of the shared libraries that programs load on this machine, the loader among them. */
async function libraries(programs: readonly string[]): Promise<readonly string[]> {
  const { stdout } = await run('ldd', programs);
  return [...new Set([...stdout.matchAll(/(?:=> |^\s+)(\/\S+) \(0x/gm)].flatMap(([, path]) => path ?? []))];
}
