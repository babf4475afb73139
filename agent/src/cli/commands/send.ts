import { entityId, type PnId } from '@cpns/shared';
import { MAX_PAYLOAD_OCTETS } from '../../control/api/messages.js';
import { numberArgument, pnIdArgument, readInput } from '../arguments.js';
import { action, examples, type Register } from './register.js';

interface SendOptions {
  readonly pn?: PnId;
  readonly channel: string;
  readonly type: string;
  /** Seconds; false: --no-wait. */
  readonly wait: number | false;
}

/** The agent answers a little after it has given up waiting. */
const AFTER_WAIT_MS = 5000;

/** `send` */
export const registerSend: Register = (program, environment) => {
  program
    .command('send')
    .summary('send a message to the server or to another device')
    .description(
      'Sends a message within a personal network and waits until the addressee has stored it. A message that cannot be delivered now is kept ' +
        'for 24 hours and delivered when it can be.',
    )
    .argument('<to>', '"server", or the id of a device of the personal network')
    .argument('<text>', 'the message, or "-" to read it from standard input')
    .option('--pn <id>', 'the personal network; may be left out when this device is in one only', pnIdArgument)
    .option('--channel <name>', 'what it is about, for the addressee', 'default')
    .option('--type <content-type>', 'what the message is', 'text/plain')
    .option('--wait <seconds>', 'how long to wait for delivery', numberArgument(1, 86_400), 10)
    .option('--no-wait', 'do not wait: it is enough that the message is kept here')
    .addHelpText(
      'after',
      examples(
        ['cpns-agent send server "hello"', ''],
        ['cpns-agent send laptop "dinner is ready"', ''],
        ['date | cpns-agent send server -', ''],
      ),
    )
    .action(
      action<SendOptions, [string, string]>(environment, async (context, options, to, text) => {
        const payload = text === '-' ? await readInput(context.terminal.input, MAX_PAYLOAD_OCTETS, context.signal) : Buffer.from(text);
        const waitMs = options.wait === false ? undefined : options.wait * 1000;
        const result = await context.withAgent((client) =>
          client.request(
            'send',
            {
              to: to === 'server' ? { kind: 'server' } : { kind: 'entity', id: entityId(to) },
              channel: options.channel,
              contentType: options.type,
              payload: payload.toString('base64'),
              ...(options.pn === undefined ? {} : { pnId: options.pn }),
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
        context.report.result(result, [
          state === 'delivered'
            ? `Delivered to ${to}${afterMs === undefined ? '' : ` in ${Math.round(afterMs)} ms`}.`
            : `Message ${messageId} is kept and will be delivered.`,
        ]);
      }),
    );
};
