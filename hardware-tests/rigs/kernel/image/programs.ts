import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { rolldown } from 'rolldown';
import { ROOT } from '../../../processes/commands.js';

/** Every program that runs in the guest, where the project has it. */
const PROGRAMS = [
  'agent/dist/main.js',
  'agent/dist/pan/ble/radio/radio-main.js',
  'server/dist/main.js',
  'hardware-tests/dist/processes/keeper-main.js',
  'hardware-tests/dist/rigs/air/bare/bare-main.js',
  'hardware-tests/dist/rigs/kernel/inside/inside-main.js',
  'hardware-tests/dist/rigs/kernel/inside/vhci-main.js',
];

interface ProgramFile {
  /** Relative to the project's folder. */
  readonly path: string;
  readonly text: string;
}

/**
 * Makes one file of each program and all that it imports, but for `packages`: to look for several hundred files takes a processor in
 * software three times as long as everything else that a program does to start. `home`: the project's folder in the guest; what a file asks for
 * its own place is answered with the place that it would have there.
 */
export async function bundlePrograms(home: string, packages: readonly string[]): Promise<readonly ProgramFile[]> {
  const files: ProgramFile[] = [];
  const here = pathToFileURL(ROOT).href;
  const there = pathToFileURL(`${home}/`).href;
  const places = {
    name: 'places',
    transform: (code: string, file: string) =>
      file.includes('/node_modules/') || !code.includes('import.meta.url')
        ? null
        : code.replaceAll('import.meta.url', JSON.stringify(pathToFileURL(file).href.replace(here, there))),
  };
  for (const path of PROGRAMS) {
    const bundle = await rolldown({
      input: join(ROOT, path),
      platform: 'node',
      external: packages.map((name) => new RegExp(`^${name}(/|$)`)),
      plugins: [places],
      logLevel: 'silent',
    });
    const { output } = await bundle.generate({ format: 'esm', codeSplitting: false });
    await bundle.close();
    files.push({ path, text: output[0].code });
  }
  return files;
}
