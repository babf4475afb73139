import { CpnsError, type EntityId, type PnId, type SgId } from '@cpns/shared';
import type { Command } from 'commander';
import { entityIdArgument, entityIdsArgument, pnIdArgument, sgIdArgument, textsArgument, timeArgument } from '../arguments.js';
import type { CliEnvironment, CommandContext } from '../command-context.js';
import { askedText, foundText, groupEventText, groupsText, groupText } from '../text/groups-text.js';
import { groupNamed } from './group-named.js';
import { registerGroupObjects } from './group-objects.js';
import { registerGroupTalk } from './group-talk.js';
import { action, examples, type Register } from './register.js';

/** Longer than the server waits for people. */
const ASKING_MS = 180_000;
/** The server may have to be waited for. */
const END_MS = 60_000;

interface CreateOptions {
  readonly with?: EntityId[];
  readonly pn?: PnId;
  readonly open?: boolean;
  readonly service?: string;
  readonly object?: string[];
  readonly for?: EntityId[];
  readonly until?: number;
}
interface ListOptions {
  readonly all?: boolean;
  readonly keyword?: string;
  readonly service?: string;
}
interface GroupOption {
  readonly group?: string;
}

const WHICH = 'its SG ID or its name; may be left out where this device is in one only';

/** `group ...` */
export const registerGroup: Register = (program, environment) => {
  const group = program
    .command('group')
    .summary('make and use service groups: devices that talk under a key of their own')
    .description(
      'A service group has members in any personal networks of the same server. What they send one another is sealed under the Group Key, ' +
        'which neither PN GWs on the way nor devices that have left can follow.',
    )
    .addHelpText(
      'after',
      examples(
        ['cpns-agent group create kitchen --with phone --with board-1', ''],
        ['cpns-agent group send kitchen "dinner is ready"', ''],
        ['cpns-agent group watch kitchen', 'until Ctrl-C'],
        ['cpns-agent group share menu.txt', 'lets its members fetch it'],
        ['cpns-agent group fetch menu.txt', 'what a member shares in it'],
        ['cpns-agent group expel board-1 --group kitchen', 'it can read nothing that is sent from then on'],
      ),
    );
  registerMaking(group, environment);
  registerShowing(group, environment);
  registerOwning(group, environment);
  registerGroupTalk(group, environment);
  registerGroupObjects(group, environment);
};

function registerMaking(group: Command, environment: CliEnvironment): void {
  group
    .command('create')
    .summary('make a service group of this device and others')
    .description(
      'Makes a service group, which this device owns. Whoever is asked decides as for a personal network: see "consent" in the configuration.',
    )
    .argument('<name>', 'what people call it')
    .option('--with <device>', 'ask this device into it; may be given several times', entityIdsArgument)
    .option('--open', 'everybody at the server may find it and ask to join')
    .option('--service <id>', 'the service that it is for')
    .option('--pn <id>', 'through this personal network, where there are several', pnIdArgument)
    .option('--object <content>', 'share this content of this device in it, by name or id; may be given several times', textsArgument)
    .option('--for <device>', 'only this member may have what is shared; may be given several times', entityIdsArgument)
    .option('--until <time>', 'what is shared is so until then, as 2026-01-31T12:00:00Z', timeArgument)
    .action(
      action<CreateOptions, [string]>(environment, async (context, options, name) => {
        const params = {
          name,
          members: options.with ?? [],
          open: options.open ?? false,
          ...(options.service === undefined ? {} : { serviceId: options.service }),
          ...(options.pn === undefined ? {} : { pnId: options.pn }),
          ...sharingOf(options),
        };
        const created = await context.withAgent((client) => client.request('group.create', params, asking(context)));
        context.report.result(created, [`Service group ${name} is made.`, ...askedText(created)]);
      }),
    );
  group
    .command('join')
    .summary('join a service group')
    .description('Joins a service group. Its owner is asked, unless that is a device of the same user.')
    .argument('<id>', 'its SG ID; see "cpns-agent group list --all"', sgIdArgument)
    .option('--pn <id>', 'through this personal network, where there are several', pnIdArgument)
    .action(
      action<{ readonly pn?: PnId }, [SgId]>(environment, async (context, { pn }, sgId) => {
        const params = { group: sgId, ...(pn === undefined ? {} : { pnId: pn }) };
        const joined = await context.withAgent((client) => client.request('group.join', params, asking(context)));
        context.report.result(joined, ['This device is in the service group.', ...groupText(joined.group)]);
      }),
    );
  group
    .command('leave')
    .summary('leave a service group')
    .description(
      'Leaves a service group: its keys are deleted here, and the others get new ones. Where the owner leaves, another member is asked to own it.',
    )
    .argument('[group]', WHICH)
    .action(
      action<object, [string | undefined]>(environment, async (context, _options, named) => {
        const left = await context.withAgent(async (client) =>
          client.request('group.leave', await groupNamed(client, named, context.signal), { signal: context.signal, timeoutMs: END_MS }),
        );
        context.report.result(left, [`This device has left service group ${named ?? left.sgId}.`]);
      }),
    );
}

function registerShowing(group: Command, environment: CliEnvironment): void {
  group
    .command('list')
    .summary('list the service groups of this device, or all that it may know of')
    .option('--all', 'ask the server also for others')
    .option('--keyword <text>', 'only those with this in their name')
    .option('--service <id>', 'only those for this service')
    .action(
      action<ListOptions, []>(environment, async (context, { all = false, keyword, service }) => {
        const params = { all, ...(keyword === undefined ? {} : { keyword }), ...(service === undefined ? {} : { serviceId: service }) };
        const result = await context.withAgent((client) =>
          client.request('group.list', params, { signal: context.signal, timeoutMs: END_MS }),
        );
        context.report.result(result, foundText(result.groups, all, keyword !== undefined || service !== undefined));
      }),
    );
  group
    .command('show')
    .summary('show members, keys and shared contents of service groups')
    .argument('[group]', 'its SG ID or its name; all when left out')
    .action(
      action<object, [string | undefined]>(environment, async (context, _options, named) => {
        const result = await context.withAgent(async (client) =>
          client.request('group.show', await groupNamed(client, named, context.signal), { signal: context.signal }),
        );
        context.report.result(result, groupsText(result.groups));
      }),
    );
}

function registerOwning(group: Command, environment: CliEnvironment): void {
  group
    .command('invite')
    .summary('ask devices into a service group of this device')
    .argument('<device...>', 'entity ids', entityIdsArgument)
    .option('--group <group>', WHICH)
    .action(
      action<GroupOption, [EntityId[]]>(environment, async (context, options, members) => {
        const asked = await context.withAgent(async (client) => {
          const named = await groupNamed(client, options.group, context.signal);
          return client.request('group.invite', { ...named, members }, asking(context));
        });
        context.report.result(asked, askedText(asked));
      }),
    );
  group
    .command('expel')
    .summary('take devices out of a service group of this device')
    .description('Takes devices out: the others get new keys at once, and those taken out can read nothing that is sent from then on.')
    .argument('<device...>', 'entity ids', entityIdsArgument)
    .option('--group <group>', WHICH)
    .action(
      action<GroupOption, [EntityId[]]>(environment, async (context, options, members) => {
        const expelled = await context.withAgent(async (client) => {
          const named = await groupNamed(client, options.group, context.signal);
          return client.request('group.expel', { ...named, members }, { signal: context.signal, timeoutMs: END_MS });
        });
        const others = members.filter((member) => !expelled.members.includes(member));
        context.report.result(expelled, [
          `Out of service group ${options.group ?? expelled.sgId}: ${expelled.members.join(', ')}.`,
          ...others.map((member) => `  ${member} was not in it.`),
        ]);
      }),
    );
  group
    .command('owner')
    .summary('let another member own a service group of this device')
    .argument('<device>', 'entity id of a member', entityIdArgument)
    .option('--group <group>', WHICH)
    .action(
      action<GroupOption, [EntityId]>(environment, async (context, options, candidate) => {
        const changed = await context.withAgent(async (client) => {
          const named = await groupNamed(client, options.group, context.signal);
          return client.request('group.owner', { ...named, candidate }, asking(context));
        });
        context.report.result(changed, [`${candidate} owns the service group now.`, ...groupText(changed.group)]);
      }),
    );
  group
    .command('release')
    .summary('end a service group of this device for everybody in it')
    .argument('[group]', WHICH)
    .action(
      action<object, [string | undefined]>(environment, async (context, _options, named) => {
        const released = await context.withAgent(async (client) =>
          client.request('group.release', await groupNamed(client, named, context.signal), { signal: context.signal, timeoutMs: END_MS }),
        );
        context.report.result(released, [`Service group ${named ?? released.sgId} is released.`]);
      }),
    );
}

/** What bounds one object bounds all that are shared with it. */
function sharingOf({ object: contents, for: members, until: untilMs }: CreateOptions) {
  const bounds = { ...(members && { members }), ...(untilMs !== undefined && { untilMs }) };
  if (contents !== undefined) return { objects: contents.map((content) => ({ content, ...bounds })) };
  if (Object.keys(bounds).length > 0)
    throw new CpnsError('Config', 'NothingShared', '--for and --until bound what is shared: name it with --object.');
  return {};
}

function asking(context: CommandContext) {
  const onEvent = (event: Parameters<typeof groupEventText>[0]) => context.report.progress(groupEventText(event));
  return { signal: context.signal, timeoutMs: ASKING_MS, onEvent };
}
