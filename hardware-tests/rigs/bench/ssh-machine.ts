import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { controlPath } from '@cpns/agent';
import { CpnsError } from '@cpns/shared';
import type { Product } from '../../processes/commands.js';
import type { Machine, Service } from '../../processes/machine.js';
import { obedient, quoted, shellCommand } from './shell.js';
import type { SshConnection } from './ssh-connection.js';

/** What the admin client of a server looks for in its state directory. */
const TOKEN = 'admin.token';
const ADDRESS = 'admin.address';

export interface SshMachineOptions {
  readonly connection: SshConnection;
  /** The Node.js there. */
  readonly node: string;
  /** Directory there with `node_modules/@cpns`. */
  readonly installation: string;
  /** On this computer, for what a client of the admin API reads. */
  readonly directory: string;
}

/** Another computer, with the product installed, reached by ssh. It has a POSIX shell. */
export class SshMachine implements Machine {
  readonly #options: SshMachineOptions;

  constructor(options: SshMachineOptions) {
    this.#options = options;
  }

  command(product: Product, args: readonly string[]): readonly string[] {
    return this.#options.connection.command(`exec ${shellCommand(this.words(product, args))}`);
  }

  service(product: Product, args: readonly string[], nodeArguments: readonly string[]): Service {
    const command = this.#options.connection.command(obedient(this.words(product, args, nodeArguments)));
    return { command, ordersByInput: true };
  }

  async write(file: string, text: string): Promise<void> {
    const script = `umask 077 && mkdir -p ${quoted(dirname(file))} && cat >${quoted(file)}`;
    await this.#options.connection.run(script, { input: text });
  }

  controlPath(stateDirectory: string): Promise<string> {
    return this.#options.connection.forwardSocket(controlPath(stateDirectory));
  }

  async adminDirectory(stateDirectory: string): Promise<string> {
    const { connection, directory } = this.#options;
    const files = [TOKEN, ADDRESS].map((name) => join(stateDirectory, name));
    const [token = '', address = ''] = (await connection.run(shellCommand(['cat', ...files]))).split('\n');
    const port = /^http:\/\/127\.0\.0\.1:(\d+)$/.exec(address)?.[1];
    if (port === undefined) throw new CpnsError('State', 'ServerNotRunning', `The server does not say where its admin API is: ${address}`);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const reached = `http://127.0.0.1:${await connection.forwardPort(Number(port))}`;
    for (const [name, text] of [
      [TOKEN, token],
      [ADDRESS, reached],
    ] as const) {
      await writeFile(join(directory, name), `${text}\n`, { mode: 0o600 });
    }
    return directory;
  }

  /** The words of a command there. */
  words(product: Product, args: readonly string[], nodeArguments: readonly string[] = []): string[] {
    const { node, installation } = this.#options;
    return [node, ...nodeArguments, programOf(installation, product), ...args];
  }
}

/** The file that Node.js runs for a program of the product, of an installation. */
export function programOf(installation: string, product: Product): string {
  const folder = product === 'cpns-agent' ? 'agent' : 'server';
  return `${installation}/node_modules/@cpns/${folder}/bin/${product}.js`;
}
