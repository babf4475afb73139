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
  readonly count?: number;
}

/** `watch` */
export const registerWatch: Register = (program, environment) => {
  program
    .command('watch')
    .summary('show data and events as they come')
    .description('Shows what devices send to the server, and what happens, until Ctrl-C. With --json one document per line.')
    .option('--device <id>', 'only what concerns this device', entityIdArgument)
    .option('--channel <name>', 'only data of this channel', channelArgument)
    .addOption(new Option('--only <kind>', 'only data, or only events').choices(['data', 'event']))
    .option('--count <n>', 'end after so many', numberArgument(1, 1_000_000))
    .addHelpText(
      'after',
      examples(
        ['cpns-server watch', ''],
        ['cpns-server watch --only data --channel chat --json', 'for another program'],
        ['cpns-server watch --count 1', 'wait for the next'],
      ),
    )
    .action(
      action<WatchCommandOptions, []>(environment, async (context, { device, channel, only, count }) => {
        const server = await context.server();
        const options = {
          ...(device === undefined ? {} : { entity: device }),
          ...(channel === undefined ? {} : { channel }),
          ...(only === undefined ? {} : { kind: only }),
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
