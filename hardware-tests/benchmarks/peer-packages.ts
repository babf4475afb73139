import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Clock } from '@cpns/shared';
import { NPM } from '../processes/commands.js';
import type { Keeper } from '../processes/keeper.js';
import { runProgram } from '../processes/program.js';

/** The folder with a package.json of its own, seen from the compiled file. */
export const PEERS = fileURLToPath(new URL('../../benchmarks/peers/', import.meta.url));
const INSTALL_LIMIT_MS = 300_000;

/** Installs what the benchmarks compare with where it belongs, unless it is there. @throws CpnsError State/ProgramFailed, Timeout */
export async function installPeers(clock: Clock, keeper: Keeper, say: (sentence: string) => void): Promise<void> {
  if (isInstalled()) return;
  say('Installing the peers of the benchmarks (once) ...');
  const command = [NPM, 'ci', '--prefix', PEERS, '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  await runProgram({ name: 'npm ci for the peers', command, clock, keeper, withinMs: INSTALL_LIMIT_MS });
}

/** What is installed is what the lock file says. */
function isInstalled(): boolean {
  const versions = (file: string) => {
    const { packages } = JSON.parse(readFileSync(join(PEERS, file), 'utf8')) as { packages: Record<string, { version?: string }> };
    return JSON.stringify(Object.entries(packages).flatMap(([path, { version }]) => (path === '' ? [] : [[path, version]])));
  };
  const installed = join('node_modules', '.package-lock.json');
  return existsSync(join(PEERS, installed)) && versions(installed) === versions('package-lock.json');
}
