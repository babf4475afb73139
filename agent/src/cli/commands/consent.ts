import { CpnsError } from '@cpns/shared';
import { table } from '@cpns/shared/node';
import type { ConsentRequest } from '../../control/api/consent.js';
import type { ControlClient } from '../../control/control-client.js';
import { PROGRAM } from '../command-context.js';
import { minutes } from '../text/durations.js';
import { action, examples, type Register } from './register.js';

/** `consent list`, `consent accept` and `consent refuse`: whatever a person is asked */
export const registerConsent = questions('consent', 'say yes or no to what others ask of this device', () => true);

/** `confirm list`, `confirm accept` and `confirm refuse`: PNE Confirm alone (seed 004 steps 8, 9) */
export const registerConfirm = questions(
  'confirm',
  "say whether a device that wants into another user's network is yours, and may be charged to you",
  ({ kind }) => kind === 'confirm',
);

function questions(name: 'consent' | 'confirm', summary: string, isMeant: (request: ConsentRequest) => boolean): Register {
  return (program, environment) => {
    const group = program
      .command(name)
      .summary(summary)
      .addHelpText('after', examples([`${PROGRAM} ${name} list`, 'what is asked'], [`${PROGRAM} ${name} accept`, 'the only open request']));
    group
      .command('list')
      .summary('list open requests')
      .action(
        action(environment, async (context) => {
          const consents = await context.withAgent((client) => meant(client, isMeant, context.signal));
          context.report.result({ consents }, consentsText(consents));
        }),
      );
    for (const verb of ['accept', 'refuse'] as const) {
      group
        .command(verb)
        .summary(`${verb} a request`)
        .argument('[id]', 'the request; may be left out when there is only one')
        .action(
          action<object, [string | undefined]>(environment, async (context, _options, given) => {
            const result = await context.withAgent(async (client) => {
              const consentId = given ?? onlyOne(await meant(client, isMeant, context.signal));
              return client.request(`consent.${verb}`, { consentId }, { signal: context.signal });
            });
            context.report.result(result, [`Request ${result.consentId} was ${verb === 'accept' ? 'accepted' : 'refused'}.`]);
          }),
        );
    }
  };
}

async function meant(
  client: ControlClient,
  isMeant: (request: ConsentRequest) => boolean,
  signal: AbortSignal,
): Promise<readonly ConsentRequest[]> {
  const { consents } = await client.request('consent.list', {}, { signal });
  return consents.filter(isMeant);
}

function onlyOne(consents: readonly ConsentRequest[]): string {
  const [first, second] = consents;
  if (first === undefined) throw new CpnsError('State', 'NoSuchConsent', 'No request is open.');
  if (second !== undefined) {
    throw new CpnsError('Config', 'Usage', `Several requests are open; name one: ${consents.map(({ consentId }) => consentId).join(', ')}`);
  }
  return first.consentId;
}

function consentsText(consents: readonly ConsentRequest[]): string[] {
  if (consents.length === 0) return ['No request is open.'];
  const rows = consents.map(({ consentId, question, closesInMs }) => [consentId, minutes(closesInMs), `${question}?`]);
  return table([['REQUEST', 'LEFT', 'QUESTION'], ...rows]);
}
