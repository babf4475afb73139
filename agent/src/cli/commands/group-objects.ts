import type { EntityId } from '@cpns/shared';
import type { Command } from 'commander';
import { entityIdArgument, entityIdsArgument, timeArgument } from '../arguments.js';
import type { CliEnvironment } from '../command-context.js';
import { FETCH_MS, Receiving } from '../receiving.js';
import { fetchedText } from '../text/contents-text.js';
import { sharedText, unsharedText } from '../text/groups-text.js';
import { groupNamed } from './group-named.js';
import { action, examples } from './register.js';

interface ShareOptions {
  readonly group?: string;
  readonly for?: EntityId[];
  readonly until?: number;
}
interface UnshareOptions {
  readonly group?: string;
  readonly from?: EntityId;
}
interface FetchOptions extends UnshareOptions {
  readonly out?: string;
}

const WHICH = 'its SG ID or its name; may be left out where this device is in one only';
/** The server may have to be waited for. */
const SHARE_MS = 60_000;

/** `group share|unshare|fetch` */
export function registerGroupObjects(group: Command, environment: CliEnvironment): void {
  group
    .command('share')
    .summary('share a content of this device in a service group')
    .description(
      'Lets members of a service group fetch a content of this device, which stays where it is. What is shared already is shared as is said ' +
        'here from now on; what was fetched before cannot be taken back.',
    )
    .argument('<content>', 'its name, or its id; it stands under "contents" in the configuration')
    .option('--group <group>', WHICH)
    .option('--for <device>', 'only this member may have it; may be given several times', entityIdsArgument)
    .option('--until <time>', 'until then, as 2026-01-31T12:00:00Z; when left out until it is withdrawn', timeArgument)
    .addHelpText(
      'after',
      examples(
        ['cpns-agent group share menu.txt --group kitchen', 'with all members, later ones too'],
        ['cpns-agent group share menu.txt --for phone --until 2026-12-24', 'from now on with the phone alone'],
      ),
    )
    .action(
      action<ShareOptions, [string]>(environment, async (context, { group: named, for: members, until: untilMs }, content) => {
        const sharing = { content, ...(members && { members }), ...(untilMs !== undefined && { untilMs }) };
        const shared = await context.withAgent(async (client) => {
          const where = await groupNamed(client, named, context.signal);
          return client.request('group.share', { ...where, ...sharing }, { signal: context.signal, timeoutMs: SHARE_MS });
        });
        context.report.result(shared, sharedText(shared));
      }),
    );
  group
    .command('unshare')
    .summary('withdraw something that is shared in a service group')
    .description(
      'Withdraws a content that this device shares. The owner of the group may withdraw what other members share with it, too. What was ' +
        'fetched before cannot be taken back.',
    )
    .argument('<object>', 'its name, or its id; see "cpns-agent group show"')
    .option('--group <group>', WHICH)
    .option('--from <device>', 'of this member, where several share something of that name', entityIdArgument)
    .addHelpText('after', examples(['cpns-agent group unshare menu.txt --group kitchen', '']))
    .action(
      action<UnshareOptions, [string]>(environment, async (context, { group: named, from }, object) => {
        const withdrawn = await context.withAgent(async (client) => {
          const params = { object, ...(from && { from }), ...(await groupNamed(client, named, context.signal)) };
          return client.request('group.unshare', params, { signal: context.signal, timeoutMs: SHARE_MS });
        });
        context.report.result(withdrawn, unsharedText(withdrawn));
      }),
    );
  group
    .command('fetch')
    .summary('fetch something that a member of a service group shares')
    .description(
      'Fetches a shared object, as "group show" lists it, through the CPNS Server, which lets through only whom it is shared with, and only ' +
        'while it is shared. The file appears only when all of it has come and its SHA-256 is its id; a file that exists is never replaced.',
    )
    .argument('<object>', 'its name, or its id')
    .option('--group <group>', WHICH)
    .option('--from <device>', 'of this member, where several share something of that name', entityIdArgument)
    .option('--out <file>', 'where to put it; by default under its name, here')
    .addHelpText(
      'after',
      examples(['cpns-agent group fetch menu.txt --group kitchen', ''], ['cpns-agent group fetch menu.txt --out /tmp/menu', '']),
    )
    .action(
      action<FetchOptions, [string]>(environment, async (context, { group: named, from, out }, object) => {
        const receiving = new Receiving(context, `service group ${named ?? ''}`.trim(), out);
        try {
          const fetched = await context.withAgent(async (client) =>
            client.request(
              'group.fetch',
              { object, ...(from && { from }), ...(await groupNamed(client, named, context.signal)) },
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
