import { join } from 'node:path';
import { type Clock, sleep } from '@cpns/shared';
import type { Keeper } from '../processes/keeper.js';
import { Program } from '../processes/program.js';
import { LOOPBACK } from './household.js';
import { PEERS } from './peer-packages.js';
import { SETTLE_MS } from './steps.js';

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
      command: [process.execPath, join(PEERS, script), ...args],
      env: { MATTER_MDNS_NETWORKINTERFACE: LOOPBACK, MATTER_STORAGE_PATH: join(directory, name), MATTER_LOG_LEVEL: 'error' },
      clock,
      keeper,
    });
  }
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
