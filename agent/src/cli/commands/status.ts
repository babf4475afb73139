import { statusText } from '../text/status-text.js';
import { action, type Register } from './register.js';

/** `status` */
export const registerStatus: Register = (program, environment) => {
  program
    .command('status')
    .summary('show what the agent is and does')
    .description('Shows who this device is, its mode and why, the server, the devices near, and what waits for a person.')
    .action(
      action(environment, async (context) => {
        const status = await context.withAgent((client) => client.request('status', {}, { signal: context.signal }));
        context.report.result(status, statusText(status));
      }),
    );
};
