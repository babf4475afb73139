import { PassThrough, Readable, Writable } from 'node:stream';
import { CpnsError, entityId, keyId, serverId, userId } from '@cpns/shared';
import { MemoryLogger } from '@cpns/shared/testing';
import type { CliEnvironment } from '../../src/cli/command-context.js';
import type { AgentPorts } from '../../src/cli/ports.js';
import { runCli } from '../../src/cli/run-cli.js';
import { systemClock } from './control.js';

export const enrolled = {
  id: entityId('board-1'),
  serverId: serverId('home.example'),
  serverAddress: '192.0.2.1:8883',
  kid: keyId('0123456789abcdef'),
  userId: userId('anna'),
  mayBeGateway: true,
};

const notScripted = () => Promise.reject(new TypeError('not scripted'));

/** A stream that keeps what is written. */
class Kept extends Writable {
  text = '';
  isTTY = false;
  columns = 80;
  #wake = () => {};

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk;
    this.#wake();
    done();
  }

  /** Resolves when `text` has been written. */
  async until(text: string): Promise<void> {
    while (!this.text.includes(text)) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

export interface CliOptions {
  readonly state: string;
  readonly ports?: Partial<AgentPorts>;
  /** Text on standard input; left out: a terminal that a test types into. */
  readonly input?: string;
  readonly interactive?: boolean;
  readonly home?: string;
}

/** Starts one command as a shell would, but within this process. */
export function startCli(args: readonly string[], { state, ports = {}, input = '', interactive = false, home = state }: CliOptions) {
  const output = new Kept();
  const errors = new Kept();
  errors.isTTY = interactive;
  const keyboard = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => {} });
  const stop = new AbortController();
  const environment: CliEnvironment = {
    terminal: { input: interactive ? keyboard : Readable.from(input === '' ? [] : [Buffer.from(input)]), output, errors },
    platform: { platform: 'linux', env: {}, home },
    clock: systemClock,
    logger: new MemoryLogger(),
    ports: { enrol: notScripted, run: notScripted, reset: notScripted, inspect: notScripted, ...ports },
    signal: stop.signal,
  };
  const exit = runCli(['--state', state, ...args], environment, '1.2.3');
  return {
    exit,
    output,
    errors,
    type: (text: string) => void keyboard.write(text),
    interrupt: () => stop.abort(new CpnsError('State', 'Aborted', 'It was stopped before it was done.')),
  };
}

/** Runs one command to its end. */
export async function cli(args: readonly string[], options: CliOptions) {
  const { exit, output, errors } = startCli(args, options);
  return { exit: await exit, stdout: output.text, stderr: errors.text };
}
