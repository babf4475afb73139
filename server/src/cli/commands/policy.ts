import { CpnsError, type EntityId, type PnId, type UserId } from '@cpns/shared';
import type { Command } from 'commander';
import { Option } from 'commander';
import { CHARGE_POLICIES, type ChargePolicy, GUEST_POLICIES, type GuestPolicy } from '../../inventory/users.js';
import { durationArgument, entityIdArgument, pnIdArgument, timeArgument, userIdArgument } from '../arguments.js';
import { policyText } from '../text/policy-text.js';
import { action, examples, type Register } from './register.js';

interface SetOptions {
  readonly guests?: GuestPolicy;
  readonly chargeElsewhere?: ChargePolicy;
}

interface GuestOptions {
  readonly device?: EntityId;
  readonly user?: UserId;
  readonly pn?: PnId;
}

interface AllowOptions extends GuestOptions {
  readonly until?: string;
  readonly for?: number;
}

/** `policy show|set|allow|forbid` */
export const registerPolicy: Register = (program, environment) => {
  const policy = program
    .command('policy')
    .summary('say what users let happen: guests, charges')
    .description(
      'A policy belongs to a user. It says whether devices of other users, guests, may come into the personal networks of his PN GWs, ' +
        'and whether his own devices may be charged to him in those of others. It counts from then on: who is in a network stays in it ' +
        '(cpns-agent pn expel takes a guest out).',
    );
  policy
    .command('show')
    .summary('show the policy and the open invitations of a user')
    .argument('<user>', 'user id', userIdArgument)
    .addHelpText('after', examples(['cpns-server policy show ann', '']))
    .action(
      action<object, [UserId]>(environment, async (context, _options, userId) => {
        const shown = await (await context.server()).showPolicy(userId);
        context.report.result(shown, policyText(shown));
      }),
    );
  policy
    .command('set')
    .summary('change the policy of a user')
    .description(
      'Guests: "ask" lets in whom the PN GW invites, and asks its owner about those who come by themselves; "invited" refuses these; ' +
        '"never" refuses all guests, with an open invitation, too. Charges: "ask" has the PN GW of the user asked each time one of his ' +
        'devices comes into a network of somebody else; "never" refuses without asking.',
    )
    .argument('<user>', 'user id', userIdArgument)
    .addOption(new Option('--guests <policy>', 'guests in his personal networks').choices(GUEST_POLICIES))
    .addOption(new Option('--charge-elsewhere <policy>', 'his devices in personal networks of others').choices(CHARGE_POLICIES))
    .addHelpText(
      'after',
      examples(['cpns-server policy set ann --guests invited', ''], ['cpns-server policy set bob --charge-elsewhere never', '']),
    )
    .action(
      action<SetOptions, [UserId]>(environment, async (context, change, userId) => {
        if (change.guests === undefined && change.chargeElsewhere === undefined)
          throw new CpnsError('Config', 'NothingToSet', 'Say what to change: --guests or --charge-elsewhere.');
        const shown = await (await context.server()).setPolicy(userId, change);
        context.report.result(shown, policyText(shown));
      }),
    );
  guestOptions(policy.command('allow').summary('invite guests for good, or for a time'))
    .description(
      'Opens an invitation: the device, or every device of the other user, may come into the personal networks of this user without ' +
        'anybody here being asked. Its own owner still is. An invitation ends at its time, when it is withdrawn, and with the device, ' +
        'user or network that it names.',
    )
    .option('--for <duration>', 'how long, such as 90m, 12h or 30d', durationArgument)
    .addOption(new Option('--until <time>', 'until when, such as 2026-12-31').argParser(timeArgument).conflicts('for'))
    .addHelpText(
      'after',
      examples(
        ['cpns-server policy allow ann --device bobs-phone --for 12h', ''],
        ['cpns-server policy allow ann --user bob', 'every device of bob, until it is withdrawn'],
      ),
    )
    .action(
      action<AllowOptions, [UserId]>(environment, async (context, options, userId) => {
        const until = options.for === undefined ? options.until : new Date(Date.now() + options.for).toISOString();
        const shown = await (await context.server()).allowGuest(userId, { ...guestOf(options), until });
        context.report.result(shown, policyText(shown));
      }),
    );
  guestOptions(policy.command('forbid').summary('withdraw an open invitation'))
    .description('Withdraws the open invitation that names the same guest and the same personal network.')
    .addHelpText('after', examples(['cpns-server policy forbid ann --user bob', '']))
    .action(
      action<GuestOptions, [UserId]>(environment, async (context, options, userId) => {
        const shown = await (await context.server()).forbidGuest(userId, guestOf(options));
        context.report.result(shown, policyText(shown));
      }),
    );
};

function guestOptions(command: Command): Command {
  return command
    .argument('<user>', 'the user of the PN GWs, who invites', userIdArgument)
    .option('--device <device>', 'the device that is invited', entityIdArgument)
    .addOption(new Option('--user <user>', 'the user whose devices are invited').argParser(userIdArgument).conflicts('device'))
    .option('--pn <pn>', 'into this personal network only', pnIdArgument);
}

/** @throws CpnsError Config/NoGuest */
function guestOf({ device, user, pn }: GuestOptions) {
  if (device === undefined && user === undefined)
    throw new CpnsError('Config', 'NoGuest', 'Say who is invited: --device DEVICE, or --user USER for all devices of that user.');
  return { device, user, pnId: pn };
}
