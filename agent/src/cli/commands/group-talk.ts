import { CpnsError } from '@cpns/shared';
import { watchText } from '../text/watch-text.js';
import { groupNamed } from './group-named.js';
import { action, examples, type Register } from './register.js';
import { type SendOptions, sendText, withSendOptions } from './send.js';
import { untilStopped } from './watch.js';

/** `group send` and `group watch` */
export const registerGroupTalk: Register = (group, environment) => {
  const send = group
    .command('send')
    .summary('send a message to all members of a service group')
    .description(
      'Sends a message to a service group. It leaves once; nobody answers for a group, and the server keeps it sealed for members that are away. ' +
        'Where it cannot leave now it is kept for 24 hours and leaves when it can.',
    )
    .argument('<group>', 'its SG ID or its name')
    .argument('<text>', 'the message, or "-" to read it from standard input');
  withSendOptions(send)
    .addHelpText('after', examples(['cpns-agent group send kitchen "dinner is ready"', '']))
    .action(
      action<SendOptions, [string, string]>(environment, (context, options, named, text) =>
        sendText(context, options, text, named, async (client) => {
          const { group: sgId } = await groupNamed(client, named, context.signal);
          if (sgId === undefined) throw new CpnsError('State', 'WhichGroup', 'Say which service group: see "cpns-agent group list".');
          return { to: { kind: 'group', group: sgId } };
        }),
      ),
    );
  group
    .command('watch')
    .summary('show messages of service groups as they come')
    .description('Shows the messages of a service group, or of all, until Ctrl-C. With --json one document per line.')
    .argument('[group]', 'its SG ID or its name; all when left out')
    .option('--channel <name>', 'only messages of this channel')
    .action(
      action<{ readonly channel?: string }, [string | undefined]>(environment, async (context, { channel }, named) => {
        await untilStopped(context, (signal) =>
          context.withAgent(async (client) => {
            const params = {
              happenings: false,
              ...(channel === undefined ? {} : { channel }),
              ...(await groupNamed(client, named, signal)),
            };
            return client.request('watch', params, {
              signal,
              timeoutMs: Number.POSITIVE_INFINITY,
              onEvent: (event) => {
                if (event.type === 'message' && event.group !== undefined) context.report.item(event, watchText(event));
              },
            });
          }),
        );
      }),
    );
};
