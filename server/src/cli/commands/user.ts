import type { UserId } from '@cpns/shared';
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

/** `user add|list|remove` */
export const registerUser: Register = (program, environment) => {
  const user = program.command('user').summary('add, list and remove users').description('Users own devices. Each has one subscription.');
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
    .command('list')
    .summary('list all users')
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
