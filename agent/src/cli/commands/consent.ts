import { CpnsError } from '@cpns/shared';
import { table } from '@cpns/shared/node';
import type { ConsentRequest } from '../../control/api/consent.js';
import type { ControlClient } from '../../control/control-client.js';
import { minutes } from '../text/durations.js';
import { action, examples, type Register } from './register.js';

/** `consent list`, `consent accept` and `consent refuse` */
export const registerConsent: Register = (program, environment) => {
  const consent = program
    .command('consent')
    .summary('say yes or no to personal networks that want this device')
    .addHelpText('after', examples(['cpns-agent consent list', 'who asks'], ['cpns-agent consent accept', 'the only open request']));
  consent
    .command('list')
    .summary('list open requests')
    .action(
      action(environment, async (context) => {
        const result = await context.withAgent((client) => client.request('consent.list', {}, { signal: context.signal }));
        context.report.result(result, consentsText(result.consents));
      }),
    );
  for (const verb of ['accept', 'refuse'] as const) {
    consent
      .command(verb)
      .summary(`${verb} a request`)
      .argument('[id]', 'the request; may be left out when there is only one')
      .action(
        action<object, [string | undefined]>(environment, async (context, _options, given) => {
          const result = await context.withAgent(async (client) => {
            const consentId = given ?? (await onlyOne(client, context.signal));
            return client.request(`consent.${verb}`, { consentId }, { signal: context.signal });
          });
          context.report.result(result, [`Request ${result.consentId} was ${verb === 'accept' ? 'accepted' : 'refused'}.`]);
        }),
      );
  }
};

async function onlyOne(client: ControlClient, signal: AbortSignal): Promise<string> {
  const { consents } = await client.request('consent.list', {}, { signal });
  const [first, second] = consents;
  if (first === undefined) throw new CpnsError('State', 'NoSuchConsent', 'No request is open.');
  if (second !== undefined) {
    throw new CpnsError('Config', 'Usage', `Several requests are open; name one: ${consents.map(({ consentId }) => consentId).join(', ')}`);
  }
  return first.consentId;
}

function consentsText(consents: readonly ConsentRequest[]): string[] {
  if (consents.length === 0) return ['No request is open.'];
  const rows = consents.map(({ consentId, initiator, gateway, closesInMs }) => [consentId, initiator, gateway, minutes(closesInMs)]);
  return table([['REQUEST', 'FROM', 'PN GW', 'LEFT'], ...rows]);
}
