import type { SgId } from '@cpns/shared';
import { sgIdArgument } from '../arguments.js';
import { groupsText, groupText } from '../text/groups-text.js';
import { action, examples, type Register } from './register.js';

const EXAMPLE = '00112233445566778899aabbccddeeff';

/** `group list|show|remove` */
export const registerGroup: Register = (program, environment) => {
  const group = program.command('group').summary('list, show and remove service groups');
  group
    .command('list')
    .summary('list all service groups')
    .addHelpText('after', examples(['cpns-server group list --json', '']))
    .action(
      action(environment, async (context) => {
        const groups = await (await context.server()).listGroups();
        context.report.result({ groups }, groupsText(groups));
      }),
    );
  group
    .command('show')
    .summary('show one service group with its members and what they share')
    .argument('<group>', 'SG ID: 32 hex digits', sgIdArgument)
    .addHelpText('after', examples([`cpns-server group show ${EXAMPLE}`, '']))
    .action(
      action<object, [SgId]>(environment, async (context, _options, sgId) => {
        const shown = await (await context.server()).showGroup(sgId);
        context.report.result(shown, groupText(shown));
      }),
    );
  group
    .command('remove')
    .summary('end a service group for everybody in it')
    .description(
      'Deletes a service group and its keys. Its members are told, now or as soon as they are there; they stay in their networks.',
    )
    .argument('<group>', 'SG ID: 32 hex digits', sgIdArgument)
    .addHelpText('after', examples([`cpns-server group remove ${EXAMPLE}`, '']))
    .action(
      action<object, [SgId]>(environment, async (context, _options, sgId) => {
        await (await context.server()).removeGroup(sgId);
        context.report.result({ sgId, removed: true }, [`Service group ${sgId} is removed.`]);
      }),
    );
};
