import { LOG_LEVELS, type LogLevel } from '@cpns/shared/node';
import { Option } from 'commander';
import { MAX_KEPT_LOG_LINES } from '../../control/api/logs.js';
import { numberArgument } from '../arguments.js';
import type { CommandContext } from '../command-context.js';
import { logText, watchText } from '../text/watch-text.js';
import { action, examples, type Register } from './register.js';

interface WatchOptions {
  readonly channel?: string;
  readonly messagesOnly?: boolean;
}
interface LogsOptions {
  readonly follow?: boolean;
  readonly last: number;
  readonly level: LogLevel;
}

/** `watch` and `logs` */
export const registerWatch: Register = (program, environment) => {
  program
    .command('watch')
    .summary('show messages and happenings as they come')
    .description('Shows messages for this device and what the agent does, until Ctrl-C. With --json one document per line.')
    .option('--messages-only', 'only messages')
    .option('--channel <name>', 'only messages of this channel')
    .addHelpText('after', examples(['cpns-agent watch --json --messages-only', 'for another program']))
    .action(
      action<WatchOptions, []>(environment, async (context, { channel, messagesOnly = false }) => {
        const params = { happenings: !messagesOnly, ...(channel === undefined ? {} : { channel }) };
        await untilStopped(context, (signal) =>
          context.withAgent((client) =>
            client.request('watch', params, {
              signal,
              timeoutMs: Number.POSITIVE_INFINITY,
              onEvent: (event) => context.report.item(event, watchText(event)),
            }),
          ),
        );
      }),
    );
  program
    .command('logs')
    .summary('show the log of the running agent')
    .option('-f, --follow', 'go on until Ctrl-C')
    .option('--last <n>', 'begin with so many lines of the past', numberArgument(0, MAX_KEPT_LOG_LINES), 100)
    .addOption(new Option('--level <level>', 'least severe line').choices(LOG_LEVELS).default('info'))
    .addHelpText('after', examples(['cpns-agent logs --level debug --follow', 'while something is tried']))
    .action(
      action<LogsOptions, []>(environment, async (context, { follow = false, last, level }) => {
        await untilStopped(context, (signal) =>
          context.withAgent((client) =>
            client.request(
              'logs',
              { follow, last, level },
              {
                signal,
                timeoutMs: follow ? Number.POSITIVE_INFINITY : 30_000,
                onEvent: (line) => context.report.item(line, logText(line)),
              },
            ),
          ),
        );
      }),
    );
};

/** Ctrl-C is how these commands end, not a failure. */
export async function untilStopped(context: CommandContext, run: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
  try {
    await run(context.signal);
  } catch (error) {
    if (!context.signal.aborted) throw error;
  }
}
