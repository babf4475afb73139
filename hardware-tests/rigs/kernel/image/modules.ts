import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CpnsError } from '@cpns/shared';

/** The way to the host, Bluetooth, virtual controllers, and the ciphers that BlueZ's emulator asks the kernel for. */
export const MODULES = ['virtio_pci', 'virtio_console', 'bluetooth', 'hci_vhci', 'algif_hash', 'algif_skcipher', 'cmac', 'ecb'] as const;

/**
 * The files of {@link MODULES} and of what they need, relative to the directory of the modules, in the order of `modules.dep`.
 * `root` holds the unpacked kernel package and busybox, whose `depmod` finds the dependencies.
 * @throws CpnsError Config/NoModule
 */
export async function neededModules(root: string, kernel: string): Promise<readonly string[]> {
  const directory = join(root, 'lib/modules', kernel);
  await promisify(execFile)(join(root, 'bin/busybox'), ['depmod', '-b', root, kernel]);
  const needs = new Map<string, readonly string[]>();
  for (const line of (await readFile(join(directory, 'modules.dep'), 'utf8')).split('\n')) {
    const [file, after] = line.split(':');
    if (file !== undefined && after !== undefined) needs.set(file, after.split(' ').filter(Boolean));
  }
  const builtIn = await readFile(join(directory, 'modules.builtin'), 'utf8');
  const files = new Set<string>();
  for (const module of MODULES) {
    const file = [...needs.keys()].find((name) => nameOf(name) === module);
    if (file !== undefined) for (const one of [file, ...(needs.get(file) ?? [])]) files.add(one);
    else if (!builtIn.split('\n').some((name) => nameOf(name) === module))
      throw new CpnsError('Config', 'NoModule', `The kernel ${kernel} has no module ${module}.`);
  }
  return [...files];
}

function nameOf(file: string): string {
  return (file.split('/').at(-1) ?? '').replace(/\.ko.*$/, '').replaceAll('-', '_');
}
