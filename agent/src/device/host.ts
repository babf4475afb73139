import { execFile } from 'node:child_process';
import { cpus, networkInterfaces, totalmem } from 'node:os';

/** What this computer tells about itself; a parameter so that tests can be another one. */
export interface Host {
  readonly platform: NodeJS.Platform;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where sysfs is mounted. */
  readonly sysRoot: string;
  /** Where procfs is mounted. */
  readonly procRoot: string;
  /** Standard input and output are a terminal. */
  readonly terminal: boolean;
  readonly cores: number;
  readonly memoryOctets: number;
  /** Names of interfaces that have an address, loopback excluded. */
  interfaces(): readonly string[];
  /** Output of a program, or undefined when it cannot be run, or not within `limitMs` (default: 2,000). */
  run(program: string, args: readonly string[], limitMs?: number): Promise<string | undefined>;
}

function attachedInterfaces(): string[] {
  try {
    const all = Object.entries(networkInterfaces());
    return all.filter(([, addresses]) => addresses?.some((address) => !address.internal)).map(([name]) => name);
  } catch {
    // Android refuses to say.
    return [];
  }
}

export function thisHost(): Host {
  return {
    platform: process.platform,
    env: process.env,
    sysRoot: '/sys',
    procRoot: '/proc',
    terminal: Boolean(process.stdin.isTTY && process.stdout.isTTY),
    cores: cpus().length || 1,
    memoryOctets: totalmem(),
    interfaces: attachedInterfaces,
    run: (program, args, limitMs = 2_000) =>
      new Promise((resolve) => {
        execFile(program, args, { timeout: limitMs, maxBuffer: 65_536 }, (error, output) => resolve(error === null ? output : undefined));
      }),
  };
}
