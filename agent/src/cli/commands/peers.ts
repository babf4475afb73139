import { peersText } from '../text/peers-text.js';
import { action, examples, type Register } from './register.js';

/** `peers` */
export const registerPeers: Register = (program, environment) => {
  program
    .command('peers')
    .summary('list paired devices and those near')
    .option('--explain', 'show how each device scores in the choice of the PN GW, line by line')
    .addHelpText('after', examples(['cpns-agent peers --explain', 'why is my laptop not the PN GW?']))
    .action(
      action<{ explain?: boolean }, []>(environment, async (context, { explain = false }) => {
        const report = await context.withAgent((client) => client.request('peers', { explain }, { signal: context.signal }));
        context.report.result(report, peersText(report, explain));
      }),
    );
};
