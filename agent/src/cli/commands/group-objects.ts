import type { Command } from 'commander';
import type { CliEnvironment } from '../command-context.js';
import { FETCH_MS, Receiving } from '../receiving.js';
import { fetchedText } from '../text/contents-text.js';
import { groupNamed } from './group-named.js';
import { action, examples } from './register.js';

interface FetchOptions {
  readonly group?: string;
  readonly out?: string;
}

/** `group fetch` */
export function registerGroupObjects(group: Command, environment: CliEnvironment): void {
  group
    .command('fetch')
    .summary('fetch something that a member of a service group shares')
    .description(
      'Fetches a shared object, as "group show" lists it, through the CPNS Server, which lets through only whom it is shared with, and only ' +
        'while it is shared. The file appears only when all of it has come and its SHA-256 is its id; a file that exists is never replaced.',
    )
    .argument('<object>', 'its name, or its id')
    .option('--group <group>', 'its SG ID or its name; may be left out where this device is in one only')
    .option('--out <file>', 'where to put it; by default under its name, here')
    .addHelpText(
      'after',
      examples(['cpns-agent group fetch menu.txt --group kitchen', ''], ['cpns-agent group fetch menu.txt --out /tmp/menu', '']),
    )
    .action(
      action<FetchOptions, [string]>(environment, async (context, { group: named, out }, object) => {
        const receiving = new Receiving(context, `service group ${named ?? ''}`.trim(), out);
        try {
          const fetched = await context.withAgent(async (client) =>
            client.request(
              'group.fetch',
              { object, ...(await groupNamed(client, named, context.signal)) },
              { signal: context.signal, timeoutMs: FETCH_MS, onEvent: (event) => receiving.take(event) },
            ),
          );
          const path = receiving.finish();
          context.report.result({ ...fetched, file: path }, fetchedText(fetched, path));
        } finally {
          receiving.discard();
        }
      }),
    );
}
