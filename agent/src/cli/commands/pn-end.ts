import type { EntityId, PnId } from '@cpns/shared';
import type { Command } from 'commander';
import type { PnEndParams } from '../../control/api/networks.js';
import { entityIdArgument, pnIdArgument } from '../arguments.js';
import type { CliEnvironment } from '../command-context.js';
import { expelledText } from '../text/networks-text.js';
import { action, examples } from './register.js';

/** The server and the PN GW may have to be waited for. */
const END_MS = 60_000;

/** `pn leave`, `pn expel` and `pn release` */
export function registerPnEnd(pn: Command, environment: CliEnvironment): void {
  pn.command('leave')
    .summary('leave a personal network')
    .description('Leaves a personal network: its keys are deleted here, and the others get a new one. The last device to leave ends it.')
    .argument('[id]', 'which one, where there are several', pnIdArgument)
    .addHelpText('after', examples(['cpns-agent pn leave', 'the only one this device is in as PNE']))
    .action(
      action<object, [PnId | undefined]>(environment, async (context, _options, pnId) => {
        const left = await context.withAgent((client) =>
          client.request('pn.leave', params(pnId), { signal: context.signal, timeoutMs: END_MS }),
        );
        context.report.result(left, [`This device has left personal network ${left.pnId}.`]);
      }),
    );
  pn.command('expel')
    .summary('take a device out of a personal network of this PN GW')
    .description(
      'Takes a device out: nothing of it is carried any more, at once, also while the server is away, and the others get a new key. ' +
        'The devices stay paired; to end that, too: cpns-agent unpair.',
    )
    .argument('<device>', 'entity id', entityIdArgument)
    .option('--pn <id>', 'out of which one, where there are several', pnIdArgument)
    .addHelpText('after', examples(['cpns-agent pn expel board-1', '']))
    .action(
      action<{ readonly pn?: PnId }, [EntityId]>(environment, async (context, options, pne) => {
        const expelled = await context.withAgent((client) =>
          client.request('pn.expel', { pne, ...params(options.pn) }, { signal: context.signal, timeoutMs: END_MS }),
        );
        context.report.result(expelled, expelledText(expelled));
      }),
    );
  pn.command('release')
    .summary('end a personal network for everybody in it')
    .description("Ends a personal network. The PN GW's user may do it at any device that is in it, and whoever established it.")
    .argument('[id]', 'which one, where there are several', pnIdArgument)
    .addHelpText('after', examples(['cpns-agent pn release', 'the only one this device is in']))
    .action(
      action<object, [PnId | undefined]>(environment, async (context, _options, pnId) => {
        const released = await context.withAgent((client) =>
          client.request('pn.release', params(pnId), { signal: context.signal, timeoutMs: END_MS }),
        );
        context.report.result(released, [`Personal network ${released.pnId} is released.`]);
      }),
    );
}

function params(pnId: PnId | undefined): PnEndParams {
  return pnId === undefined ? {} : { pnId };
}
