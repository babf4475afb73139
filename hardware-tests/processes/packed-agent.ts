import { lstat, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, CpnsError } from '@cpns/shared';
import { NPM } from './commands.js';
import type { Keeper } from './keeper.js';
import { pack } from './pack.js';
import { Program, runProgram } from './program.js';

const INSTALL_LIMIT_MS = 180_000;
const COMMAND_LIMIT_MS = 60_000;

export interface PackedAgentOptions {
  /** Made by the caller and empty. */
  readonly directory: string;
  readonly clock: Clock;
  readonly keeper: Keeper;
}

/** `@cpns/agent` as somebody gets it from a registry: packed, and installed into an empty folder without its optional packages. */
export class PackedAgent {
  readonly #options: PackedAgentOptions;
  readonly #folder: string;

  private constructor(options: PackedAgentOptions) {
    this.#options = options;
    this.#folder = join(options.directory, 'installed');
  }

  /** What is packed is what was built last; the packages of others come from the cache of npm or its registry. @throws CpnsError */
  static async install(options: PackedAgentOptions): Promise<PackedAgent> {
    const { directory, clock, keeper } = options;
    const agent = new PackedAgent(options);
    const packages = join(directory, 'packages');
    await Promise.all([mkdir(packages), mkdir(agent.#folder)]);
    const files = await pack(['shared', 'agent'], packages, clock, keeper);
    await writeFile(join(agent.#folder, 'package.json'), '{"private":true}\n');
    const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
    const install = [NPM, 'install', '--prefix', agent.#folder, '--omit=optional', '--prefer-offline', ...quiet, ...files];
    await runProgram({ name: 'npm install', command: install, clock, keeper, withinMs: INSTALL_LIMIT_MS });
    return agent;
  }

  /** What it takes on the disk, with everything that it needs. */
  async octets(): Promise<number> {
    const entries = await readdir(this.#folder, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile());
    const sizes = await Promise.all(files.map((file) => lstat(join(file.parentPath, file.name))));
    // Windows does not know the blocks.
    return sizes.reduce((sum, { size, blocks = Math.ceil(size / 512) }) => sum + blocks * 512, 0);
  }

  /** Runs `cpns-agent` from the installed packages; gives what it printed and its exit code. @throws CpnsError Timeout */
  async run(...args: string[]): Promise<{ readonly output: string; readonly exitCode: number | null }> {
    const { directory, clock, keeper } = this.#options;
    const binary = join(this.#folder, 'node_modules', '@cpns', 'agent', 'bin', 'cpns-agent.js');
    const command = [process.execPath, binary, '--state', join(directory, 'state'), ...args];
    const program = new Program({ name: `the packed cpns-agent ${args[0]}`, command, clock, keeper });
    const cancel = clock.after(COMMAND_LIMIT_MS, () => void program.kill());
    const { code } = await program.ended;
    cancel();
    return { output: program.output, exitCode: code };
  }

  /** Shows its help, and that it finds everything it needs but an enrolment. @throws CpnsError State/PackageBroken */
  async check(): Promise<void> {
    const help = await this.run('--help');
    const doctor = await this.run('--json', 'doctor');
    if (help.exitCode === 0 && help.output.includes('Usage: cpns-agent') && doctor.output.includes('this device is not enrolled')) return;
    throw new CpnsError(
      'State',
      'PackageBroken',
      `The installed package does not work: ${help.output || doctor.output || 'it says nothing'}`,
    );
  }
}
