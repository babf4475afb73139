import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { type Clock, CpnsError, describeError } from '@cpns/shared';
import type { Product } from '../../processes/commands.js';
import type { Keeper } from '../../processes/keeper.js';
import { pack } from '../../processes/pack.js';
import type { HostSettings } from './bench-settings.js';
import { quoted, shellCommand } from './shell.js';
import type { SshConnection } from './ssh-connection.js';
import { programOf } from './ssh-machine.js';

const COPY_MS = 120_000;
/** The Bluetooth libraries are compiled, on a small board for minutes. */
const INSTALL_MS = 900_000;

/** What this clone was built to, packed once for all hosts. */
export class PackedProduct {
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #keeper: Keeper;
  #packed: Promise<{ readonly files: readonly string[]; readonly digest: string }> | undefined;

  /** `directory` is made. */
  constructor(directory: string, clock: Clock, keeper: Keeper) {
    this.#directory = directory;
    this.#clock = clock;
    this.#keeper = keeper;
  }

  /** Installs the `needed` parts into `directory` there, unless the same was installed there before. @throws CpnsError */
  async install({ node }: HostSettings, connection: SshConnection, directory: string, needed: readonly Product[]): Promise<void> {
    this.#packed ??= this.#pack();
    const { files: all, digest: ofAll } = await this.#packed;
    const files = all.filter((file) => needed.includes('cpns-server') || !basename(file).startsWith('cpns-server-'));
    const digest = `${ofAll}-${files.length}`;
    const mark = quoted(`${directory}/packed`);
    if ((await connection.run(`cat ${mark} 2>/dev/null || true`)).trim() === digest) return;
    await connection.run(`rm -rf ${quoted(directory)} && mkdir -p ${quoted(directory)}`);
    await connection.copy(files, directory, COPY_MS);
    // npm stands beside the Node.js that was named, if one was.
    const path = node.includes('/') ? `PATH=${quoted(node.replace(/\/[^/]*$/, ''))}:$PATH; export PATH; ` : '';
    const names = files.map((file) => `./${basename(file)}`);
    const install = shellCommand(['npm', 'install', '--no-audit', '--no-fund', '--loglevel=error', '--prefer-offline', ...names]);
    const script = `${path}cd ${quoted(directory)} && echo '{"private":true}' >package.json && ${install} && echo ${digest} >${mark}`;
    await connection.run(script, { withinMs: INSTALL_MS });
  }

  async #pack() {
    await mkdir(this.#directory);
    const files = await pack(['shared', 'agent', 'server'], this.#directory, this.#clock, this.#keeper);
    const hash = createHash('sha256');
    for (const file of files.sort()) hash.update(await readFile(file));
    return { files, digest: hash.digest('hex') };
  }
}

/**
 * Directory there with `node_modules/@cpns`: the one that is named, or a new one. `needed`: what has to be in it.
 * @throws CpnsError State/NotInstalled with what is wrong
 */
export async function installationOn(
  host: HostSettings,
  connection: SshConnection,
  packed: PackedProduct,
  needed: readonly Product[],
): Promise<string> {
  const wrong = (why: string, cause?: unknown) => new CpnsError('State', 'NotInstalled', `On ${host.name} ${why}`, { cause });
  const version = await connection.run(`${quoted(host.node)} --version`).catch((cause: unknown) => {
    throw wrong(`there is no Node.js "${host.node}"; install 20.19 or newer, or name it in hosts.node.`, cause);
  });
  const [major = 0, minor = 0] = version.trim().slice(1).split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) throw wrong(`Node.js is ${version.trim()}; install 20.19 or newer.`);
  if (host.install === undefined) {
    const directory = `${host.directory}/installed`;
    await packed.install(host, connection, directory, needed).catch((cause: unknown) => {
      throw wrong(`the packed product cannot be installed: ${describeError(cause)}`, cause);
    });
    return directory;
  }
  for (const product of needed) {
    const file = programOf(host.install, product);
    const there = await connection.run(`test -f ${quoted(file)} && echo yes || echo no`);
    if (there.trim() !== 'yes') throw wrong(`there is no ${file}; correct hosts.install, or leave it out.`);
  }
  return host.install;
}
