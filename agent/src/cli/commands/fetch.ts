import type { EntityId, PnId } from '@cpns/shared';
import { entityIdArgument, pnIdArgument } from '../arguments.js';
import { FETCH_MS, Receiving } from '../receiving.js';
import { fetchedText } from '../text/contents-text.js';
import { action, examples, type Register } from './register.js';

interface FetchOptions {
  readonly from: EntityId;
  readonly pn?: PnId;
  readonly out?: string;
}

/** `fetch` */
export const registerFetch: Register = (program, environment) => {
  program
    .command('fetch')
    .summary('fetch something that another device offers')
    .description(
      'Fetches a content of another member of a personal network, as "pn show" lists it, through that network. The file appears only ' +
        'when all of it has come and its SHA-256 is the one in the PN Inventory; a file that exists is never replaced.',
    )
    .argument('<content>', 'its name, or its id')
    .requiredOption('--from <id>', 'the device that offers it', entityIdArgument)
    .option('--pn <id>', 'the personal network; may be left out when it is clear', pnIdArgument)
    .option('--out <file>', 'where to put it; by default under its name, here')
    .addHelpText(
      'after',
      examples(['cpns-agent fetch menu.txt --from board-1', ''], ['cpns-agent fetch menu.txt --from board-1 --out /tmp/menu.txt', '']),
    )
    .action(
      action<FetchOptions, [string]>(environment, async (context, { from, pn, out }, content) => {
        const receiving = new Receiving(context, from, out);
        try {
          const params = { content, from, ...(pn !== undefined && { pnId: pn }) };
          const fetched = await context.withAgent((client) =>
            client.request('fetch', params, { signal: context.signal, timeoutMs: FETCH_MS, onEvent: (event) => receiving.take(event) }),
          );
          const path = receiving.finish();
          context.report.result({ ...fetched, file: path }, fetchedText(fetched, path));
        } finally {
          receiving.discard();
        }
      }),
    );
};
