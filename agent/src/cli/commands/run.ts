import { action, examples, type Register } from './register.js';

/** `run` and `stop` */
export const registerRun: Register = (program, environment) => {
  program
    .command('run')
    .summary('run the agent until it is stopped')
    .description('Runs the agent in the foreground. Its log goes to standard error; one line on standard output says when it is ready.')
    .addHelpText(
      'after',
      examples(['cpns-agent run', 'stop it with Ctrl-C'], ['cpns-agent run --state ./laptop', 'a second device on this computer']),
    )
    .action(
      action(environment, async (context) => {
        const ready = (agent: { id: string; name: string; controlPath: string }) =>
          context.report.result({ ready: true, ...agent }, [`The agent of ${agent.id} runs. Stop it with Ctrl-C or: cpns-agent stop`]);
        await context.ports.run(await context.place(), ready, context.signal);
      }),
    );
  program
    .command('stop')
    .summary('stop the running agent')
    .action(
      action(environment, async (context) => {
        await context.withAgent((client) => client.request('stop', {}, { signal: context.signal }));
        context.report.result({ stopping: true }, ['The agent is ending.']);
      }),
    );
};
