import { join, resolve } from 'node:path';
import type { Entropy } from '@cpns/shared';
import { appDirectories, loadSettings, type PlatformFacts, Report, type Terminal } from '@cpns/shared/node';
import type { Command } from 'commander';
import type { Server, ServerOptions } from '../compose.js';
import { type Settings, settingsTable } from '../config/settings.js';
import { AdminClient } from './admin-client.js';
import { exitCodeOf } from './exit-codes.js';

export const PROGRAM = 'cpns-server';

/** What the command line gets from outside. */
export interface CliEnvironment {
  readonly terminal: Terminal;
  readonly platform: PlatformFacts;
  readonly entropy: Entropy;
  readonly startServer: (options: ServerOptions) => Promise<Server>;
  /** Fires when the person, or the service manager, wants the command to end. */
  readonly signal: AbortSignal;
}

interface GlobalOptions {
  readonly state?: string;
  readonly config?: string;
  readonly json?: boolean;
}

/** One run of one command. */
export class CommandContext {
  readonly environment: CliEnvironment;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
  readonly report: Report;
  readonly #options: GlobalOptions;

  constructor(environment: CliEnvironment, command: Command) {
    this.environment = environment;
    this.terminal = environment.terminal;
    this.signal = environment.signal;
    this.#options = command.optsWithGlobals<GlobalOptions>();
    this.report = new Report({ name: PROGRAM, exitCodeOf }, environment.terminal, this.#options.json === true);
  }

  /** `--state`, else `$CPNS_SERVER_STATE`, else the platform's own place. @throws CpnsError Config/NoHome */
  get stateDirectory(): string {
    const { platform } = this.environment;
    return resolve(this.#options.state ?? (platform.env.CPNS_SERVER_STATE || appDirectories(PROGRAM, platform).state));
  }

  get configFile(): string {
    return resolve(this.#options.config ?? join(this.stateDirectory, 'config.yaml'));
  }

  /** @throws CpnsError Config/BadConfiguration */
  settings(): Promise<Settings> {
    return loadSettings(settingsTable, this.configFile, this.#options.config !== undefined);
  }

  /** The running server. @throws CpnsError State/ServerNotRunning, State/NotInitialised, Config/UnsafePermissions */
  server(): Promise<AdminClient> {
    return AdminClient.open(this.stateDirectory, this.signal);
  }
}
