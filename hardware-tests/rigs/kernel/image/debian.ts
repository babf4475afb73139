import { execFile } from 'node:child_process';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CpnsError } from '@cpns/shared';

const run = promisify(execFile);
const OUTPUT = { maxBuffer: 16 * 1024 * 1024, env: { ...process.env, LC_ALL: 'C' } };

/** What the guest takes from Debian; the kernel's package has its version in its name. */
const PACKAGES = ['busybox-static', 'bluez', 'bluez-test-tools'];
const KERNEL = 'linux-image-amd64';

/** Debian packages of certain versions. */
export interface DebianPackages {
  readonly names: readonly string[];
  /** File names, with the versions. */
  readonly files: readonly string[];
  /** Such as `6.1.0-56-amd64`. */
  readonly kernel: string;
}

/**
 * Which versions Debian offers at present; where the package lists are missing, they are fetched.
 * @throws CpnsError Config/NoPackages
 */
export async function offeredPackages(): Promise<DebianPackages> {
  try {
    return await askedPackages();
  } catch {
    // Debian's containers come without package lists.
    await run('apt-get', ['update', '-qq'], OUTPUT).catch(() => {});
  }
  try {
    return await askedPackages();
  } catch (cause) {
    throw new CpnsError(
      'Config',
      'NoPackages',
      `The packages ${[...PACKAGES, KERNEL].join(', ')} cannot be found: this rig needs Debian's package sources.`,
      { cause },
    );
  }
}

async function askedPackages(): Promise<DebianPackages> {
  const { stdout: depends } = await run('apt-cache', ['depends', KERNEL], OUTPUT);
  const image = /Depends: (linux-image-(\S+))/.exec(depends);
  if (image?.[1] === undefined || image[2] === undefined) throw new CpnsError('Config', 'NoPackages', `${KERNEL} names no kernel.`);
  const names = [...PACKAGES, image[1]];
  const { stdout: uris } = await run('apt-get', ['download', '--print-uris', ...names], OUTPUT);
  // 'URI' FILE SIZE HASH
  const files = uris
    .trimEnd()
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '');
  return { names, files, kernel: image[2] };
}

/** Downloads packages and unpacks them into `root`. @throws CpnsError Transport/NoDownload */
export async function unpackPackages({ names }: DebianPackages, directory: string, root: string): Promise<void> {
  await Promise.all([mkdir(directory, { recursive: true }), mkdir(root, { recursive: true })]);
  try {
    // Root downloads as itself: a directory of a private cache is closed to the user that apt would take.
    await run('apt-get', ['download', '-q', '-o', 'APT::Sandbox::User=root', ...names], { ...OUTPUT, cwd: directory });
  } catch (cause) {
    throw new CpnsError('Transport', 'NoDownload', `Debian's packages could not be downloaded: ${(cause as Error).message}`, { cause });
  }
  for (const file of await readdir(directory)) await run('dpkg-deb', ['-x', join(directory, file), root], OUTPUT);
}
