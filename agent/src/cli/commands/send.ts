import { entityId, type PnId } from '@cpns/shared';
import type { Command } from 'commander';
import { MAX_PAYLOAD_OCTETS } from '../../control/api/messages.js';
import type { ControlParams } from '../../control/control-api.js';
import type { ControlClient } from '../../control/control-client.js';
import { numberArgument, pnIdArgument, readInput } from '../arguments.js';
import type { CommandContext } from '../command-context.js';
import { action, examples, type Register } from './register.js';

export interface SendOptions {
  readonly channel: string;
  readonly type: string;
  /** Seconds; false: --no-wait. */
  readonly wait: number | false;
}

/** The agent answers a little after it has given up waiting. */
const AFTER_WAIT_MS = 5000;

/** `send` */
export const registerSend: Register = (program, environment) => {
  const send = program
    .command('send')
    .summary('send a message to the server or to another device')
    .description(
      'Sends a message within a personal network and waits until the addressee has stored it. A message that cannot be delivered now is kept ' +
        'for 24 hours and delivered when it can be. To a service group: cpns-agent group send.',
    )
    .argument('<to>', '"server", or the id of a device of the personal network')
    .argument('<text>', 'the message, or "-" to read it from standard input')
    .option('--pn <id>', 'the personal network; may be left out when this device is in one only', pnIdArgument);
  withSendOptions(send)
    .addHelpText(
      'after',
      examples(
        ['cpns-agent send server "hello"', ''],
        ['cpns-agent send laptop "dinner is ready"', ''],
        ['date | cpns-agent send server -', ''],
      ),
    )
    .action(
      action<SendOptions & { readonly pn?: PnId }, [string, string]>(environment, async (context, options, to, text) => {
        const addressee = to === 'server' ? ({ kind: 'server' } as const) : ({ kind: 'entity', id: entityId(to) } as const);
        await sendText(context, options, text, to, async () => ({
          to: addressee,
          ...(options.pn === undefined ? {} : { pnId: options.pn }),
        }));
      }),
    );
};

/** What every way of sending has in common. */
export function withSendOptions(command: Command): Command {
  return command
    .option('--channel <name>', 'what it is about, for the addressee', 'default')
    .option('--type <content-type>', 'what the message is', 'text/plain')
    .option('--wait <seconds>', 'how long to wait for delivery', numberArgument(1, 86_400), 10)
    .option('--no-wait', 'do not wait: it is enough that the message is kept here');
}

/** Sends `text`, or what is on standard input, and says what became of it. `title`: the addressee, for people. */
export async function sendText(
  context: CommandContext,
  options: SendOptions,
  text: string,
  title: string,
  addressee: (client: ControlClient) => Promise<Pick<ControlParams<'send'>, 'to' | 'pnId'>>,
): Promise<void> {
  const payload = text === '-' ? await readInput(context.terminal.input, MAX_PAYLOAD_OCTETS, context.signal) : Buffer.from(text);
  const waitMs = options.wait === false ? undefined : options.wait * 1000;
  const result = await context.withAgent(async (client) =>
    client.request(
      'send',
      {
        ...(await addressee(client)),
        channel: options.channel,
        contentType: options.type,
        payload: payload.toString('base64'),
        ...(waitMs === undefined ? {} : { waitMs }),
      },
      {
        signal: context.signal,
        timeoutMs: (waitMs ?? 0) + AFTER_WAIT_MS,
        onEvent: ({ messageId }) => context.report.progress(`Kept as ${messageId}; on its way.`),
      },
    ),
  );
  const { messageId, state, afterMs } = result;
  const done = state === 'sent' ? 'Sent' : 'Delivered';
  context.report.result(result, [
    state === 'queued'
      ? `Message ${messageId} is kept and will be delivered.`
      : `${done} to ${title}${afterMs === undefined ? '' : ` in ${Math.round(afterMs)} ms`}.`,
  ]);
}
