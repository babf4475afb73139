import { join } from 'node:path';
import type { Clock } from '@cpns/shared';
import type { Keeper } from './keeper.js';
import { LogTail } from './log-tail.js';
import { type Machine, thisMachine } from './machine.js';
import { PROBE_ARGUMENTS, type ProcessFigures, probe } from './probe.js';
import { Program, runProgram } from './program.js';

const START_MS = 90_000;

export interface ServerProcessOptions {
  readonly id: string;
  /** Made by the server's process; holds its state and its configuration. */
  readonly directory: string;
  /** What would stand in the configuration file, beside `server.id`. */
  readonly config: object;
  /** Where it runs. Default: this computer. */
  readonly machine?: Machine;
  /** It can be asked for {@link ServerProcess.figures}. */
  readonly probed?: boolean;
  readonly clock: Clock;
  readonly keeper: Keeper;
}

/** What `cpns-server run --json` says when it is ready. */
export interface ServerReady {
  readonly serverId: string;
  readonly publicAddress: string;
  readonly adminUrl: string;
}

/** `cpns-server` as an operator runs it: a process with a state directory. */
export class ServerProcess {
  readonly stateDirectory: string;
  readonly log = new LogTail();
  readonly #options: ServerProcessOptions;
  readonly #machine: Machine;
  #program: Program | undefined;

  constructor(options: ServerProcessOptions) {
    this.#options = options;
    this.#machine = options.machine ?? thisMachine();
    this.stateDirectory = join(options.directory, 'state');
  }

  get isRunning(): boolean {
    return this.#program?.isRunning === true;
  }

  /** Makes the state directory. @throws CpnsError State/ProgramFailed */
  async init(): Promise<void> {
    const { id, clock, keeper } = this.#options;
    // Its directory is made with it.
    await this.configure();
    const command = this.#machine.command('cpns-server', [...this.#stateArguments, 'init', '--id', id]);
    await runProgram({ name: 'cpns-server init', command, clock, keeper });
  }

  /** Writes the configuration; enough for a state directory that was made by others. */
  async configure(): Promise<void> {
    const { id, config } = this.#options;
    await this.#machine.write(this.#configFile, `${JSON.stringify({ ...config, server: { id } }, undefined, 2)}\n`);
  }

  /** @throws CpnsError State/ProgramEnded, Timeout */
  async start(): Promise<ServerReady> {
    const { clock, keeper, probed = false } = this.#options;
    const args = [...this.#stateArguments, '--json', 'run', '--config', this.#configFile];
    const service = this.#machine.service('cpns-server', args, probed ? PROBE_ARGUMENTS : []);
    this.#program = new Program({ name: 'server', ...service, clock, keeper, log: this.log });
    return this.#program.line((line) => (line.includes('"ready":true') ? (JSON.parse(line) as ServerReady) : undefined), START_MS);
  }

  async stop(): Promise<void> {
    await this.#program?.stop();
  }

  async kill(): Promise<void> {
    await this.#program?.kill();
  }

  /** State directory for an `AdminClient` of this computer. Ask anew after each {@link start}. */
  adminDirectory(): Promise<string> {
    return this.#machine.adminDirectory(this.stateDirectory);
  }

  /** Memory and the like, after a forced garbage collection. @throws CpnsError State/NotProbed, State/ProgramEnded, Timeout */
  async figures(): Promise<ProcessFigures> {
    return probe(this.#options.probed ? this.#program : undefined);
  }

  get #configFile(): string {
    return join(this.#options.directory, 'config.yaml');
  }

  get #stateArguments(): readonly string[] {
    return ['--state', this.stateDirectory];
  }
}
