import { readFile } from 'node:fs/promises';
import { CpnsError } from '@cpns/shared';
import { createLogger, SystemClock, thisPlatform } from '@cpns/shared/node';
import { runCli } from './cli/run-cli.js';
import { agentPorts } from './compose.js';
import { boundListeners } from './listeners.js';

/** A command that was told to end and has not after so long is ended. */
const LONGEST_END_MS = 10_000;

boundListeners();

const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () => {
    // The second time a person means it.
    if (stop.signal.aborted) process.exit(1);
    setTimeout(() => process.exit(1), LONGEST_END_MS).unref();
    stop.abort(new CpnsError('State', 'Aborted', 'It was stopped before it was done.'));
  });
}
// A reader that has gone away, such as "head", ends the command quietly.
process.stdout.on('error', () => process.exit(0));

const { version } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
const exitCode = await runCli(
  process.argv.slice(2),
  {
    terminal: { input: process.stdin, output: process.stdout, errors: process.stderr },
    platform: thisPlatform(),
    clock: new SystemClock(),
    logger: createLogger({ level: 'error', format: 'text' }),
    ports: agentPorts,
    signal: stop.signal,
  },
  version,
);
// Radio drivers keep timers and sockets for ever, so the process is ended once everything is written.
process.stdout.write('', () => process.stderr.write('', () => process.exit(exitCode)));
