import { CpnsError, type EntityId, type PnId } from '@cpns/shared';
import type { PnCreateParams } from '../../control/api/networks.js';
import { entityIdArgument, entityIdsArgument, pnIdArgument } from '../arguments.js';
import { createdText, createEventText, networksText } from '../text/networks-text.js';
import { registerPnEnd } from './pn-end.js';
import { registerPnEntry } from './pn-entry.js';
import { action, examples, type Register } from './register.js';

/** PN Setup and what follows it (protocol 0.3 and 0.24): longer than all of their limits together. */
const CREATE_MS = 240_000;

interface CreateOptions {
  readonly all?: boolean;
  readonly with?: readonly EntityId[];
  readonly gateway?: EntityId;
}

/** `pn create` and `pn show`, the ways into a network that stands, and those out of it */
export const registerPn: Register = (program, environment) => {
  const pn = program.command('pn').summary('make, show, enter and end personal networks');
  pn.command('create')
    .summary('establish a personal network')
    .description(
      'Establishes a personal network: of this device and the PN GW alone, of all devices paired with the PN GW, or of those named. ' +
        'On the PN GW itself, --all or --with says with whom.',
    )
    .option('--all', 'with every device that is paired with the PN GW')
    .option('--with <id>', 'with this device; may be given several times', entityIdsArgument)
    .option('--gateway <id>', 'through this PN GW, where there are several', entityIdArgument)
    .addHelpText(
      'after',
      examples(
        ['cpns-agent pn create', 'this device and the PN GW'],
        ['cpns-agent pn create --all', 'everybody who agrees'],
        ['cpns-agent pn create --with phone-1 --with board-1', 'these two'],
      ),
    )
    .action(
      action<CreateOptions, []>(environment, async (context, options) => {
        const params = createParams(options);
        const created = await context.withAgent((client) =>
          client.request('pn.create', params, {
            signal: context.signal,
            timeoutMs: CREATE_MS,
            onEvent: (event) => context.report.progress(createEventText(event)),
          }),
        );
        context.report.result(created, createdText(created));
      }),
    );
  registerPnEntry(pn, environment);
  pn.command('show')
    .summary('show personal networks, their members and how they are protected')
    .argument('[id]', 'this one only', pnIdArgument)
    .action(
      action<object, [PnId | undefined]>(environment, async (context, _options, pnId) => {
        const params = pnId === undefined ? {} : { pnId };
        const result = await context.withAgent((client) => client.request('pn.show', params, { signal: context.signal }));
        context.report.result(result, networksText(result.pns));
      }),
    );
  registerPnEnd(pn, environment);
};

function createParams({ all, with: pnes, gateway }: CreateOptions): PnCreateParams {
  if (all && pnes !== undefined) throw new CpnsError('Config', 'Usage', 'Use either --all or --with, not both.');
  const through = gateway === undefined ? {} : { gateway };
  if (pnes !== undefined) return { setup: 'named', pnes: [...pnes], ...through };
  return { setup: all ? 'all' : '1-1', ...through };
}
