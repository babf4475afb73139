import { join, resolve } from 'node:path';
import type { Clock, Logger } from '@cpns/shared';
import { appDirectories, loadSettings, type PlatformFacts, Report, type Terminal } from '@cpns/shared/node';
import type { Command } from 'commander';
import { settingsSchema } from '../config/settings.js';
import { ControlClient } from '../control/control-client.js';
import { controlPath } from '../control/control-socket.js';
import { exitCodeOf } from '../control/exit-codes.js';
import type { AgentPlace, AgentPorts } from './ports.js';

/** Name of the command, and of its directories. */
export const PROGRAM = 'cpns-agent';

/** What the command line gets from outside. */
export interface CliEnvironment {
  readonly terminal: Terminal;
  readonly platform: PlatformFacts;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly ports: AgentPorts;
  /** Fires when the person wants the command to end (Ctrl-C). */
  readonly signal: AbortSignal;
}

interface GlobalOptions {
  readonly state?: string;
  readonly config?: string;
  readonly json?: boolean;
  readonly verbose?: boolean;
}

/** One run of one command. */
export class CommandContext {
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly ports: AgentPorts;
  readonly signal: AbortSignal;
  readonly report: Report;
  readonly verbose: boolean;
  readonly #platform: PlatformFacts;
  readonly #options: GlobalOptions;

  constructor(environment: CliEnvironment, command: Command) {
    this.terminal = environment.terminal;
    this.clock = environment.clock;
    this.logger = environment.logger;
    this.ports = environment.ports;
    this.signal = environment.signal;
    this.#platform = environment.platform;
    this.#options = command.optsWithGlobals<GlobalOptions>();
    this.verbose = this.#options.verbose === true;
    this.report = reportOf(environment, this.#options.json === true);
  }

  /** @throws CpnsError Config/NoHome */
  get stateDirectory(): string {
    return resolve(this.#options.state ?? appDirectories(PROGRAM, this.#platform).state);
  }

  /** State directory and settings. @throws CpnsError Config/BadConfiguration */
  async place(): Promise<AgentPlace> {
    const { config } = this.#options;
    const file = config ?? join(appDirectories(PROGRAM, this.#platform).config, 'config.yaml');
    return { stateDirectory: this.stateDirectory, settings: await loadSettings(settingsSchema, resolve(file), config !== undefined) };
  }

  /** Talks to the running agent. @throws CpnsError State/AgentNotRunning */
  async withAgent<T>(talk: (client: ControlClient) => Promise<T>): Promise<T> {
    const client = await ControlClient.connect(controlPath(this.stateDirectory), this.clock, this.signal);
    try {
      return await talk(client);
    } finally {
      client.close();
    }
  }
}

/** Where results, progress and errors of a command go. */
export function reportOf({ terminal }: CliEnvironment, json: boolean): Report {
  return new Report({ name: PROGRAM, exitCodeOf }, terminal, json);
}
