import type { EntityId } from '@cpns/shared';
import { Option } from 'commander';
import type { WatchItem } from '../../api/admin-port.js';
import { channelArgument, entityIdArgument, numberArgument } from '../arguments.js';
import { watchText } from '../text/watch-text.js';
import { action, examples, type Register } from './register.js';

interface WatchCommandOptions {
  readonly device?: EntityId;
  readonly channel?: string;
  readonly only?: WatchItem['kind'];
  readonly past?: number;
  readonly count?: number;
}

/** `watch` */
export const registerWatch: Register = (program, environment) => {
  program
    .command('watch')
    .summary('show data and events as they come')
    .description(
      'Shows what devices send to the server, and what happens, until Ctrl-C; with --past what was before, too: of the data of each device ' +
        'the last 1,000 messages are kept, for 24 h. With --json one document per line.',
    )
    .option('--device <id>', 'only what concerns this device', entityIdArgument)
    .option('--channel <name>', 'only data of this channel', channelArgument)
    .addOption(new Option('--only <kind>', 'only data, or only events').choices(['data', 'event']))
    .option('--past <n>', 'begin with the last so many of what was before', numberArgument(1, 100))
    .option('--count <n>', 'end after so many', numberArgument(1, 1_000_000))
    .addHelpText(
      'after',
      examples(
        ['cpns-server watch', ''],
        ['cpns-server watch --only data --channel chat --json', 'for another program'],
        ['cpns-server watch --count 1', 'wait for the next'],
        ['cpns-server watch --past 20 --only event', 'what happened last'],
      ),
    )
    .action(
      action<WatchCommandOptions, []>(environment, async (context, { device, channel, only, past, count }) => {
        const server = await context.server();
        const options = {
          ...(device === undefined ? {} : { entity: device }),
          ...(channel === undefined ? {} : { channel }),
          ...(only === undefined ? {} : { kind: only }),
          ...(past === undefined ? {} : { past }),
        };
        let seen = 0;
        await server.watch(
          options,
          () => context.report.progress('Watching; end with Ctrl-C.'),
          (item) => {
            context.report.item(item, watchText(item));
            return ++seen === count;
          },
        );
      }),
    );
};
