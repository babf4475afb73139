import type { PnId } from '@cpns/shared';
import { pnIdArgument } from '../arguments.js';
import { gatewaysText, pnsText, pnText } from '../text/networks-text.js';
import { action, examples, type Register } from './register.js';

/** `gateways list` and `pn list|show|remove` */
export const registerNetworks: Register = (program, environment) => {
  program
    .command('gateways')
    .summary('list PN GWs')
    .command('list', { isDefault: true })
    .summary('list the devices that are PN GW, or were')
    .addHelpText('after', examples(['cpns-server gateways list', '']))
    .action(
      action(environment, async (context) => {
        const gateways = await (await context.server()).listGateways();
        context.report.result({ gateways }, gatewaysText(gateways));
      }),
    );
  const pn = program.command('pn').summary('list, show and remove personal networks');
  pn.command('list')
    .summary('list all personal networks')
    .addHelpText('after', examples(['cpns-server pn list --json', '']))
    .action(
      action(environment, async (context) => {
        const pns = await (await context.server()).listPns();
        context.report.result({ pns }, pnsText(pns));
      }),
    );
  pn.command('show')
    .summary('show one personal network with its members')
    .argument('<pn>', 'PN ID: 32 hex digits', pnIdArgument)
    .addHelpText('after', examples(['cpns-server pn show 00112233445566778899aabbccddeeff', '']))
    .action(
      action<object, [PnId]>(environment, async (context, _options, pnId) => {
        const shown = await (await context.server()).showPn(pnId);
        context.report.result(shown, pnText(shown));
      }),
    );
  pn.command('remove')
    .summary('end a personal network for everybody in it')
    .description(
      'Deletes a personal network. Its PN GW and its members are told, now or as soon as they are there; their devices stay enrolled.',
    )
    .argument('<pn>', 'PN ID: 32 hex digits', pnIdArgument)
    .addHelpText('after', examples(['cpns-server pn remove 00112233445566778899aabbccddeeff', '']))
    .action(
      action<object, [PnId]>(environment, async (context, _options, pnId) => {
        await (await context.server()).removePn(pnId);
        context.report.result({ pnId, removed: true }, [`Personal network ${pnId} is removed.`]);
      }),
    );
};
