import { join } from 'node:path';
import {
  ControlClient,
  type ControlEvent,
  type ControlMethod,
  type ControlParams,
  type ControlResult,
  type RequestOptions,
} from '@cpns/agent';
import { type Clock, CpnsError, type EntityId } from '@cpns/shared';
import { hear } from './hear.js';
import type { Keeper } from './keeper.js';
import { LogTail } from './log-tail.js';
import { type Machine, thisMachine } from './machine.js';
import { PROBE_ARGUMENTS, type ProcessFigures, probe } from './probe.js';
import { Program, runProgram } from './program.js';

/** From the start of the process to an answering control API, on a busy machine. */
const START_MS = 90_000;

export interface AgentProcessOptions {
  readonly id: EntityId;
  /** Made by the agent's process; holds its state and its configuration. */
  readonly directory: string;
  /** What would stand in the configuration file. */
  readonly config: object;
  /** What stands in files beside it, by their paths. */
  readonly files?: ReadonlyMap<string, string>;
  /** Where it runs. Default: this computer. */
  readonly machine?: Machine;
  /** It can be asked for {@link AgentProcess.figures}. */
  readonly probed?: boolean;
  readonly clock: Clock;
  readonly keeper: Keeper;
}

/** `cpns-agent` as a person runs it: a process with a state directory, reached by its control API and its command line. */
export class AgentProcess {
  readonly id: EntityId;
  readonly log = new LogTail();
  /** What `watch` has told, over all runs. */
  readonly heard: ControlEvent<'watch'>[] = [];
  readonly #options: AgentProcessOptions;
  readonly #machine: Machine;
  readonly #stateDirectory: string;
  #program: Program | undefined;
  #client: ControlClient | undefined;

  constructor(options: AgentProcessOptions) {
    this.#options = options;
    this.id = options.id;
    this.#machine = options.machine ?? thisMachine();
    this.#stateDirectory = join(options.directory, 'state');
  }

  get isRunning(): boolean {
    return this.#program?.isRunning === true;
  }

  /** Of the process that runs, on its machine. */
  get pid(): number | undefined {
    return this.#program?.pid;
  }

  /** Arguments with which the command line talks to this agent. */
  get stateArguments(): readonly string[] {
    return ['--state', this.#stateDirectory];
  }

  /** The same for commands that need the configuration too, such as `run`. */
  get startArguments(): readonly string[] {
    return [...this.stateArguments, '--config', this.#configFile];
  }

  /** Takes an enrolment code in. @throws CpnsError State/ProgramFailed */
  async enrol(code: string): Promise<void> {
    await this.configure(this.#options.config);
    for (const [file, text] of this.#options.files ?? []) await this.#machine.write(file, text);
    await this.#run(['enrol', '-'], code);
  }

  /** What counts from the next start on. */
  async configure(config: object): Promise<void> {
    // Every JSON document is a YAML document.
    await this.#machine.write(this.#configFile, `${JSON.stringify(config, undefined, 2)}\n`);
  }

  /** @throws CpnsError State/ProgramEnded, Timeout */
  async start(): Promise<void> {
    const { id, clock, keeper, probed = false } = this.#options;
    const service = this.#machine.service('cpns-agent', [...this.startArguments, '--json', 'run'], probed ? PROBE_ARGUMENTS : []);
    this.#program = new Program({ name: id, ...service, clock, keeper, log: this.log });
    await this.#program.line((line) => (line.includes('"ready":true') ? true : undefined), START_MS);
    await hear(await this.#connection(), this.heard);
  }

  async stop(): Promise<void> {
    this.#hangUp();
    await this.#program?.stop();
  }

  async kill(): Promise<void> {
    this.#hangUp();
    await this.#program?.kill();
  }

  /** @throws CpnsError State/AgentNotRunning, State/AgentGone, and as the agent reports */
  async request<M extends ControlMethod>(method: M, params: ControlParams<M>, options?: RequestOptions<M>): Promise<ControlResult<M>> {
    try {
      return await (await this.#connection()).request(method, params, options);
    } catch (error) {
      // The agent was started again since.
      if (error instanceof CpnsError && error.code === 'AgentGone') this.#hangUp();
      throw error;
    }
  }

  /** Runs one command of `cpns-agent` and gives what it prints. @throws CpnsError State/ProgramFailed */
  cli(...args: string[]): Promise<string> {
    return this.#run(args);
  }

  /** Memory and the like, after a forced garbage collection. @throws CpnsError State/NotProbed, State/ProgramEnded, Timeout */
  async figures(): Promise<ProcessFigures> {
    return probe(this.#options.probed ? this.#program : undefined);
  }

  get #configFile(): string {
    return join(this.#options.directory, 'config.yaml');
  }

  async #connection(): Promise<ControlClient> {
    this.#client ??= await ControlClient.connect(await this.#machine.controlPath(this.#stateDirectory), this.#options.clock);
    return this.#client;
  }

  #hangUp(): void {
    this.#client?.close();
    this.#client = undefined;
  }

  #run(args: readonly string[], input = ''): Promise<string> {
    const { id, clock, keeper } = this.#options;
    const command = this.#machine.command('cpns-agent', [...this.startArguments, ...args]);
    return runProgram({ name: `cpns-agent ${args[0]} of ${id}`, command, input, clock, keeper });
  }
}
