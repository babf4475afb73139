import { createServer } from 'node:net';
import { join } from 'node:path';
import { type Clock, CpnsError } from '@cpns/shared';
import type { Keeper } from '../../processes/keeper.js';
import { LogTail } from '../../processes/log-tail.js';
import { Program, runProgram } from '../../processes/program.js';
import { quoted, shellCommand } from './shell.js';

const CONNECT_MS = 20_000;
const CONNECTED = 'connected';

export interface SshOptions {
  /** What "ssh" takes. */
  readonly target: string;
  /** Configuration file for ssh instead of the user's. */
  readonly configFile: string | undefined;
  /** On this computer, for sockets. */
  readonly directory: string;
  readonly clock: Clock;
  readonly keeper: Keeper;
}

/** A connection to another computer by the `ssh` of this one. All commands and forwarded sockets go through it and end with it. */
export class SshConnection {
  readonly #options: SshOptions;
  readonly #master: Program;
  readonly #forwards = new Map<string, Promise<string>>();

  private constructor(options: SshOptions) {
    const { target, clock, keeper } = options;
    this.#options = options;
    // Nobody is there to type a password. The local command runs as soon as others can share the connection.
    const told = ['-o', 'PermitLocalCommand=yes', '-o', `LocalCommand=echo ${CONNECTED}`, '-o', 'ServerAliveInterval=5'];
    const command = this.#ssh('-M', '-N', ...told, target);
    this.#master = new Program({ name: `ssh ${target}`, command, clock, keeper, log: new LogTail() });
  }

  /** @throws CpnsError Transport/Unreachable with what ssh says */
  static async open(options: SshOptions): Promise<SshConnection> {
    const connection = new SshConnection(options);
    const master = connection.#master;
    try {
      await master.line((line) => (line === CONNECTED ? true : undefined), CONNECT_MS);
    } catch (cause) {
      const why = master.isRunning ? 'it does not answer' : master.said;
      await master.kill();
      const sentence = `${options.target} cannot be reached by ssh (${why}); try: ssh ${options.target} true`;
      throw new CpnsError('Transport', 'Unreachable', sentence, { cause });
    }
    return connection;
  }

  /** The command line that runs `command`, for a POSIX shell there, with the standard input and output of here. */
  command(command: string): readonly string[] {
    // The login shell of that user may be any other.
    return this.#ssh(this.#options.target, '--', shellCommand(['exec', 'sh', '-c', command]));
  }

  /** Runs a command of the shell there to its end and gives its output. @throws CpnsError State/ProgramFailed, Timeout */
  run(command: string, { input, withinMs }: { readonly input?: string; readonly withinMs?: number } = {}): Promise<string> {
    const { target, clock, keeper } = this.#options;
    const more = { ...(input !== undefined && { input }), ...(withinMs !== undefined && { withinMs }) };
    return runProgram({ name: `"${command.slice(0, 60)}" on ${target}`, command: this.command(command), clock, keeper, ...more });
  }

  /** Copies files of this computer into a directory there. @throws CpnsError State/ProgramFailed, Timeout */
  async copy(files: readonly string[], directory: string, withinMs: number): Promise<void> {
    const { target, clock, keeper } = this.#options;
    const command = ['scp', '-q', ...this.#shared(), ...files, `${target}:${quoted(directory)}`];
    await runProgram({ name: `scp to ${target}`, command, clock, keeper, withinMs });
  }

  /** A socket on this computer at which the unix socket `path` of there is reached. */
  forwardSocket(path: string): Promise<string> {
    return this.#forward(path, async () => join(this.#options.directory, `socket-${this.#forwards.size}`));
  }

  /** A TCP port of the loopback interface here at which that one of there is reached. */
  async forwardPort(port: number): Promise<number> {
    const local = await this.#forward(`127.0.0.1:${port}`, async () => `127.0.0.1:${await freePort()}`);
    return Number(local.split(':')[1]);
  }

  close(): Promise<unknown> {
    return this.#master.kill();
  }

  #forward(there: string, choose: () => Promise<string>): Promise<string> {
    const known = this.#forwards.get(there);
    if (known !== undefined) return known;
    const made = choose().then(async (here) => {
      const { target, clock, keeper } = this.#options;
      await runProgram({
        name: `ssh -L to ${target}`,
        command: this.#ssh('-O', 'forward', '-L', `${here}:${there}`, target),
        clock,
        keeper,
      });
      return here;
    });
    this.#forwards.set(there, made);
    return made;
  }

  #ssh(...args: readonly string[]): string[] {
    return ['ssh', ...this.#shared(), '-o', 'BatchMode=yes', '-o', 'LogLevel=ERROR', ...args];
  }

  #shared(): string[] {
    const { configFile, directory } = this.#options;
    return [...(configFile === undefined ? [] : ['-F', configFile]), '-o', `ControlPath=${join(directory, 'ssh')}`];
  }
}

/** A TCP port of the loopback interface that nobody uses now. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
