import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Clock, sleep } from '@cpns/shared';
import { NPM } from '../processes/commands.js';
import type { Keeper } from '../processes/keeper.js';
import { Program, runProgram } from '../processes/program.js';
import { LOOPBACK } from './household.js';
import { SETTLE_MS } from './steps.js';

/** The folder with a package.json of its own, seen from the compiled file. */
const FOLDER = fileURLToPath(new URL('../../benchmarks/peers/', import.meta.url));
const INSTALL_LIMIT_MS = 300_000;
const STEP_LIMIT_MS = 60_000;
const PASSCODE = 20_202_021;

export interface MatterOptions {
  readonly clock: Clock;
  readonly keeper: Keeper;
  /** For the storage of controller and devices. */
  readonly directory: string;
}

/** matter.js: a controller that stays, and a fresh device for every commissioning, each in a process of its own. */
export class Matter {
  readonly #options: MatterOptions;
  readonly #controller: Program;
  #devices = 0;

  private constructor(options: MatterOptions) {
    this.#options = options;
    this.#controller = this.#program('controller', 'controller.mjs');
  }

  /** Its controller runs. @throws CpnsError */
  static async open(options: MatterOptions, signal: AbortSignal): Promise<Matter> {
    const matter = new Matter(options);
    await matter.#controller.line(readyLine, STEP_LIMIT_MS, signal);
    return matter;
  }

  /** Time of `commissionNode()` for a new device with new storage, ms. @throws CpnsError */
  async commission(signal: AbortSignal): Promise<number> {
    const discriminator = ++this.#devices;
    const device = this.#program(`device-${discriminator}`, 'device.mjs', String(discriminator), String(PASSCODE));
    try {
      await device.line(readyLine, STEP_LIMIT_MS, signal);
      await sleep(this.#options.clock, SETTLE_MS, signal);
      this.#controller.write(`${JSON.stringify({ discriminator, passcode: PASSCODE })}\n`);
      const done = await this.#controller.line(answerOf('commissioned', discriminator), STEP_LIMIT_MS, signal);
      await this.#controller.line(answerOf('forgotten', discriminator), STEP_LIMIT_MS, signal);
      return done.ms as number;
    } finally {
      await device.kill();
    }
  }

  async close(): Promise<void> {
    await this.#controller.kill();
  }

  #program(name: string, script: string, ...args: string[]): Program {
    const { clock, keeper, directory } = this.#options;
    return new Program({
      name: `matter.js ${name}`,
      command: [process.execPath, join(FOLDER, script), ...args],
      env: { MATTER_MDNS_NETWORKINTERFACE: LOOPBACK, MATTER_STORAGE_PATH: join(directory, name), MATTER_LOG_LEVEL: 'error' },
      clock,
      keeper,
    });
  }
}

/** Installs matter.js where it belongs, unless it is there. @throws CpnsError State/ProgramFailed, Timeout */
export async function installMatter(clock: Clock, keeper: Keeper, say: (sentence: string) => void): Promise<void> {
  if (isInstalled()) return;
  say('Installing matter.js for this benchmark (once) ...');
  const command = [NPM, 'ci', '--prefix', FOLDER, '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  await runProgram({ name: 'npm ci for matter.js', command, clock, keeper, withinMs: INSTALL_LIMIT_MS });
}

/** What is installed is what the lock file says. */
function isInstalled(): boolean {
  const versions = (file: string) => {
    const { packages } = JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as { packages: Record<string, { version?: string }> };
    return JSON.stringify(Object.entries(packages).flatMap(([path, { version }]) => (path === '' ? [] : [[path, version]])));
  };
  const installed = join('node_modules', '.package-lock.json');
  return existsSync(join(FOLDER, installed)) && versions(installed) === versions('package-lock.json');
}

type Answer = Readonly<Record<string, unknown>>;

function parsed(line: string): Answer | undefined {
  try {
    return JSON.parse(line) as Answer;
  } catch {
    return undefined;
  }
}

function readyLine(line: string): true | undefined {
  return parsed(line)?.ready === true || undefined;
}

function answerOf(key: string, discriminator: number): (line: string) => Answer | undefined {
  return (line) => {
    const answer = parsed(line);
    return answer?.[key] === discriminator ? answer : undefined;
  };
}
