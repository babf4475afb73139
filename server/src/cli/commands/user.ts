import { CpnsError, type UserId } from '@cpns/shared';
import { PN_GW_SERVICE } from '@cpns/shared/messages';
import { plural } from '@cpns/shared/node';
import { listArgument, userIdArgument } from '../arguments.js';
import { usersText } from '../text/users-text.js';
import { action, examples, type Register } from './register.js';

interface AddOptions {
  readonly service?: readonly string[];
  readonly gateway: boolean;
  readonly chargeable?: boolean;
}

interface SetOptions {
  readonly addService?: readonly string[];
  readonly removeService?: readonly string[];
  readonly gateway?: boolean;
  readonly chargeable?: boolean;
}

/** `user add|set|list|remove` */
export const registerUser: Register = (program, environment) => {
  const user = program
    .command('user')
    .summary('add, change, list and remove users')
    .description('Users own devices. Each has one subscription.');
  user
    .command('add')
    .summary('add a user')
    .description('Adds a user, a person or a household, with a subscription.')
    .argument('<user>', '1 to 32 characters of a-z, 0-9, ".", "_" and "-"', userIdArgument)
    .option('--service <name>', 'a service of the subscription; may be given several times', listArgument)
    .option('--no-gateway', 'devices of this user may not be PN GW')
    .option('--chargeable', 'chargeable services may be billed to this user')
    .addHelpText('after', examples(['cpns-server user add ann', ''], ['cpns-server user add bob --no-gateway --service maps', '']))
    .action(
      action<AddOptions, [UserId]>(environment, async (context, { service = [], gateway, chargeable = false }, userId) => {
        const services = gateway ? [PN_GW_SERVICE, ...service.filter((name) => name !== PN_GW_SERVICE)] : service;
        const added = await (await context.server()).addUser({ userId, services, chargeable });
        context.report.result(added, [`User "${userId}" is added. Next: cpns-server device add DEVICE --user ${userId}`]);
      }),
    );
  user
    .command('set')
    .summary('change the subscription of a user')
    .description(
      "Changes a user's subscription. What is not named stays. It counts at once: connected devices of the user connect anew, and " +
        'those that may be PN GW no more give the role up. A device that was enrolled without --gateway learns of it by a new enrolment only: ' +
        'revoke it and add it again.',
    )
    .argument('<user>', 'user id', userIdArgument)
    .option('--add-service <name>', 'a service to add; may be given several times', listArgument)
    .option('--remove-service <name>', 'a service to take away; may be given several times', listArgument)
    .option('--gateway', 'devices of this user may be PN GW')
    .option('--no-gateway', 'devices of this user may not be PN GW')
    .option('--chargeable', 'chargeable services may be billed to this user')
    .option('--no-chargeable', 'nothing may be billed to this user')
    .addHelpText(
      'after',
      examples(['cpns-server user set bob --gateway --no-chargeable', ''], ['cpns-server user set ann --add-service maps', '']),
    )
    .action(
      action<SetOptions, [UserId]>(environment, async (context, options, userId) => {
        const { addService = [], removeService = [], gateway, chargeable } = options;
        const addServices = gateway === true ? [PN_GW_SERVICE, ...addService] : addService;
        const removeServices = gateway === false ? [PN_GW_SERVICE, ...removeService] : removeService;
        if (addServices.length + removeServices.length === 0 && chargeable === undefined)
          throw new CpnsError('Config', 'NothingToSet', 'Say what to change: see "cpns-server user set --help".');
        const changed = await (await context.server()).changeUser(userId, { addServices, removeServices, chargeable });
        context.report.result(changed, usersText([changed]));
      }),
    );
  user
    .command('list')
    .summary('list all users with what they own')
    .addHelpText('after', examples(['cpns-server user list --json', '']))
    .action(
      action(environment, async (context) => {
        const users = await (await context.server()).listUsers();
        context.report.result({ users }, usersText(users));
      }),
    );
  user
    .command('remove')
    .summary('remove a user whose devices are all revoked')
    .argument('<user>', 'user id', userIdArgument)
    .addHelpText('after', examples(['cpns-server user remove bob', '']))
    .action(
      action<object, [UserId]>(environment, async (context, _options, userId) => {
        const server = await context.server();
        await server.removeUser(userId);
        const { length } = await server.listUsers();
        context.report.result({ userId, removed: true }, [`User "${userId}" is removed; ${plural(length, 'user')} left.`]);
      }),
    );
};
