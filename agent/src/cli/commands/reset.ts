import { CpnsError } from '@cpns/shared';
import { isInteractive, plural } from '@cpns/shared/node';
import type { ResetResult } from '../../control/api/lifecycle.js';
import { askYes } from '../ask.js';
import type { CommandContext } from '../command-context.js';
import { action, examples, type Register } from './register.js';

interface ResetOptions {
  readonly everything?: boolean;
  readonly yes?: boolean;
}

/** `reset` */
export const registerReset: Register = (program, environment) => {
  program
    .command('reset')
    .summary('forget pairings, personal networks and messages')
    .description(
      'Leaves all personal networks and forgets all pairings, keys and messages that wait. The enrolment stays unless --everything is given.',
    )
    .option('--everything', 'forget the enrolment too: the device then needs a new code')
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      examples(['cpns-agent reset', 'start over'], ['cpns-agent reset --everything --yes', 'before the device is given away']),
    )
    .action(
      action<ResetOptions, []>(environment, async (context, { everything = false, yes = false }) => {
        if (!yes) await confirmReset(context, everything);
        const result = await reset(context, everything);
        const parts = [plural(result.pairings, 'pairing'), plural(result.pns, 'personal network'), plural(result.messages, 'message')];
        context.report.result(result, [`Forgotten: ${parts.join(', ')}${result.enrolment ? ' and the enrolment' : ''}.`]);
      }),
    );
};

async function confirmReset(context: CommandContext, everything: boolean): Promise<void> {
  if (!isInteractive(context.terminal)) throw new CpnsError('Config', 'Usage', 'Nobody can be asked here; add --yes if you are sure.');
  const what = everything ? 'everything, the enrolment included' : 'all pairings, personal networks and messages';
  if (await askYes(context.terminal, `Forget ${what}?`, context.signal)) return;
  throw new CpnsError('Auth', 'Refused', 'Nothing was forgotten.');
}

/** Through the running agent, which tells the others; else on the state itself. */
async function reset(context: CommandContext, everything: boolean): Promise<ResetResult> {
  try {
    return await context.withAgent((client) => client.request('reset', { everything }, { signal: context.signal }));
  } catch (error) {
    if (!(error instanceof CpnsError) || error.code !== 'AgentNotRunning') throw error;
    return context.ports.reset(await context.place(), { everything });
  }
}
