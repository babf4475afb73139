import type { EntityId, PnId } from '@cpns/shared';
import { entityIdArgument, pnIdArgument } from '../arguments.js';
import type { CommandContext } from '../command-context.js';
import { entryEventText, offeredText } from '../text/entry-text.js';
import { networkText } from '../text/networks-text.js';
import { action, examples, type Register } from './register.js';

/** Longer than the limits of every way in together (protocol 0.3). */
const ENTRY_MS = 240_000;

interface Through {
  readonly gateway?: EntityId;
}
interface Into {
  readonly pn?: PnId;
}

/** `pn list`, `pn join`, `pn register` and `pn invite`: ways into a network that stands */
export const registerPnEntry: Register = (pn, environment) => {
  pn.command('list')
    .summary('list the personal networks that linked PN GWs offer')
    .action(
      action(environment, async (context) => {
        const result = await context.withAgent((client) => client.request('pn.list', {}, { signal: context.signal }));
        context.report.result(result, offeredText(result.pns));
      }),
    );
  pn.command('join')
    .summary('join a personal network that a linked PN GW offers')
    .description("Joins a personal network. Where it is another user's, its owner is asked.")
    .argument('<id>', 'the network; see "cpns-agent pn list"', pnIdArgument)
    .option('--gateway <id>', 'at this PN GW, instead of the one that offers it', entityIdArgument)
    .action(
      action<Through, [PnId]>(environment, async (context, options, pnId) => {
        const { pn: entered } = await context.withAgent((client) => client.request('pn.join', { pnId, ...options }, waiting(context)));
        context.report.result({ pn: entered }, [
          `This device joined the personal network ${entered.pnId}.`,
          ...networkText(entered).slice(1),
        ]);
      }),
    );
  pn.command('register')
    .summary('register this device in a personal network')
    .description(
      'Registers this device with the server: as a member anew, with a new session and new keys, or as a newcomer that the PN GW adds to its network.',
    )
    .argument('[id]', 'the network; may be left out when linked PN GWs offer one only', pnIdArgument)
    .option('--gateway <id>', 'at this PN GW, instead of the one that offers it', entityIdArgument)
    .action(
      action<Through, [PnId | undefined]>(environment, async (context, options, pnId) => {
        const params = { ...options, ...(pnId !== undefined && { pnId }) };
        const { pn: entered } = await context.withAgent((client) => client.request('pn.register', params, waiting(context)));
        const text = `This device is registered in the personal network ${entered.pnId}.`;
        context.report.result({ pn: entered }, [text, ...networkText(entered).slice(1)]);
      }),
    );
  pn.command('invite')
    .summary('invite a device into a personal network of this one')
    .description('Invites a device that is paired with the PN GW. Any member may invite; at the other device somebody may have to say yes.')
    .argument('<device>', 'the device', entityIdArgument)
    .option('--pn <id>', 'into this network, where this device is in several', pnIdArgument)
    .addHelpText('after', examples(['cpns-agent pn invite board-1', 'into the only network of this device']))
    .action(
      action<Into, [EntityId]>(environment, async (context, { pn: pnId }, pne) => {
        const params = { pne, ...(pnId !== undefined && { pnId }) };
        const { pn: entered } = await context.withAgent((client) => client.request('pn.invite', params, waiting(context)));
        context.report.result({ pn: entered }, [`${pne} is in the personal network ${entered.pnId}.`, ...networkText(entered).slice(1)]);
      }),
    );
};

function waiting(context: CommandContext) {
  return {
    signal: context.signal,
    timeoutMs: ENTRY_MS,
    onEvent: (event: Parameters<typeof entryEventText>[0]) => context.report.progress(entryEventText(event)),
  };
}
