import { CpnsError, type EntityId } from '@cpns/shared';
import { MAX_PAIRING_WINDOW_MS, type PairingEvent, type PairingResult } from '../../control/api/pairing.js';
import type { ControlClient } from '../../control/control-client.js';
import { entityIdArgument, numberArgument } from '../arguments.js';
import type { CommandContext } from '../command-context.js';
import { PairingDialogue } from '../pairing-dialogue.js';
import { action, examples, type Register } from './register.js';

interface PairOptions {
  readonly link?: boolean;
  readonly yes?: boolean;
  /** Seconds. */
  readonly timeout?: number;
}

/** Beyond its window, a pairing needs time for its last messages. */
const AFTER_WINDOW_MS = 30_000;

/** `pair` and `unpair` */
export const registerPair: Register = (program, environment) => {
  program
    .command('pair')
    .summary('pair with a device near')
    .description(
      'Opens the pairing window and pairs with a device near that has opened its own. Both show a code of six digits; type the one that the ' +
        'other device shows. A device without a screen pairs by link: "pair --link" on one of the two shows a link and a QR code, "pair LINK" ' +
        'on the other takes it. Nothing is kept unless both sides confirm.',
    )
    .argument('[peer]', 'pair with this device only: its id, HOST:PORT where it cannot be discovered, or a pairing link')
    .option('--link', 'show a link for the other device to take')
    .option('--yes', 'confirm without comparing the codes: for tests, anybody near could be at the other end')
    .option('--timeout <seconds>', 'close the window after so long', numberArgument(1, MAX_PAIRING_WINDOW_MS / 1000))
    .addHelpText(
      'after',
      examples(
        ['cpns-agent pair', 'on both devices, within two minutes'],
        ['cpns-agent pair phone-1', 'no other device than phone-1'],
        ['cpns-agent pair 192.0.2.7:7400', 'where multicast is missing'],
        ['cpns-agent pair --link', 'for a device without screen or keyboard'],
      ),
    )
    .action(action<PairOptions, [string | undefined]>(environment, pair));
  program
    .command('unpair')
    .summary('forget a paired device')
    .description(
      'Forgets a paired device, which is told so if it is linked. The networks that this device is in through it are left; as PN GW this ' +
        'device takes the other one out of its own.',
    )
    .argument('<id>', 'the device', entityIdArgument)
    .action(
      action<object, [EntityId]>(environment, async (context, _options, peer) => {
        const result = await context.withAgent((client) => client.request('unpair', { peer }, { signal: context.signal }));
        context.report.result(result, [`${peer} is no longer paired.`]);
      }),
    );
};

async function pair(context: CommandContext, options: PairOptions, target: string | undefined): Promise<void> {
  if (options.link && target !== undefined) {
    throw new CpnsError('Config', 'Usage', 'Use either --link, to show a link, or the id or link of the other device, not both.');
  }
  const dialogue = new PairingDialogue(context, options.yes === true);
  const result = await context.withAgent((client) =>
    dialogue.run(client, (onEvent, signal) => begin(client, options, target, onEvent, signal)),
  );
  context.report.result(result, [`Paired with ${result.peer}.${result.replaced ? ' The earlier pairing was replaced.' : ''}`]);
}

function begin(
  client: ControlClient,
  { link, timeout }: PairOptions,
  target: string | undefined,
  onEvent: (event: PairingEvent) => void,
  signal: AbortSignal,
): Promise<PairingResult> {
  const window = timeout === undefined ? {} : { timeoutMs: timeout * 1000 };
  const request = { onEvent, signal, timeoutMs: (window.timeoutMs ?? MAX_PAIRING_WINDOW_MS) + AFTER_WINDOW_MS };
  if (link) return client.request('pair.link.show', window, request);
  if (target === undefined) return client.request('pair.open', window, request);
  if (/^https?:\/\//i.test(target)) return client.request('pair.link.take', { link: target, ...window }, request);
  return client.request('pair.peer', { peer: target, ...window }, request);
}
