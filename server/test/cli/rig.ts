import { PassThrough } from 'node:stream';
import { systemEntropy } from '@cpns/shared/node';
import type { CliEnvironment } from '../../src/cli/command-context.js';
import { runCli } from '../../src/cli/run-cli.js';
import { startServer } from '../../src/compose.js';

/** What one run of `cpns-server` printed, and how it ended. */
export interface CliResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface CliOptions {
  readonly input?: string | Buffer;
  readonly signal?: AbortSignal;
  readonly env?: Readonly<Record<string, string>>;
  /** Called with everything on standard output so far, whenever something is printed. */
  readonly onOutput?: (out: string) => void;
  readonly startServer?: CliEnvironment['startServer'];
}

/** Runs `cpns-server` in this process. */
export async function cli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  let out = '';
  let err = '';
  const output = new PassThrough().setEncoding('utf8');
  const errors = new PassThrough().setEncoding('utf8');
  output.on('data', (text: string) => {
    out += text;
    options.onOutput?.(out);
  });
  errors.on('data', (text: string) => {
    err += text;
  });
  const input = new PassThrough();
  input.end(options.input ?? '');
  const code = await runCli(
    args,
    {
      terminal: { input, output, errors },
      platform: { platform: 'linux', env: options.env ?? {}, home: '/nonexistent-home' },
      entropy: systemEntropy,
      startServer: options.startServer ?? startServer,
      signal: options.signal ?? new AbortController().signal,
    },
    '0.0.0-test',
  );
  output.end();
  errors.end();
  await Promise.all(
    [output, errors].map((stream) => (stream.readableEnded ? undefined : new Promise((resolve) => stream.once('end', resolve)))),
  );
  return { code, out, err };
}

/** One line on standard error and nothing else there: what every failure looks like. */
export const ONE_LINE = /^cpns-server: [^\n]+\n$/;
