import { existsSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { type Clock, CpnsError, sleep } from '@cpns/shared';
import type { Keeper } from '../../processes/keeper.js';
import type { LogTail } from '../../processes/log-tail.js';
import { Program } from '../../processes/program.js';

/** Each connection to it is one controller with Bluetooth LE. */
const SOCKET = 'bt-server-bredrle';
const READY_MS = 10_000;
const LOOK_EVERY_MS = 20;

export interface EmulatorOptions {
  /** Where its sockets are. */
  readonly directory: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly keeper: Keeper;
}

/** BlueZ's emulator of Bluetooth controllers, `btvirt` of the Debian package bluez-test-tools. */
export class Emulator {
  readonly #program: Program;
  readonly socketPath: string;

  private constructor(program: Program, socketPath: string) {
    this.#program = program;
    this.socketPath = socketPath;
  }

  /** @throws CpnsError State/ProgramEnded, Timeout/DeadlinePassed */
  static async start({ directory, env = {}, clock, keeper }: EmulatorOptions): Promise<Emulator> {
    // A client that goes away at the wrong moment would kill it by SIGPIPE.
    const command = ['sh', '-c', 'trap "" PIPE; exec btvirt -s'];
    const program = new Program({ name: 'btvirt', command, env, clock, keeper });
    const socketPath = join(directory, SOCKET);
    const untilMs = clock.monotonicMs() + READY_MS;
    while (!existsSync(socketPath)) {
      if (!program.isRunning) throw new CpnsError('State', 'ProgramEnded', `btvirt ended at once: ${program.said}`);
      if (clock.monotonicMs() > untilMs) throw new CpnsError('Timeout', 'DeadlinePassed', 'btvirt opened no socket.');
      await sleep(clock, LOOK_EVERY_MS);
    }
    return new Emulator(program, socketPath);
  }

  get log(): LogTail {
    return this.#program.log;
  }

  /** A new controller. */
  connect(): Socket {
    return connect(this.socketPath);
  }

  async stop(): Promise<void> {
    await this.#program.kill();
  }
}
