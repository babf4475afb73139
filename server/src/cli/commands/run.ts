import { formatHostPort } from '@cpns/shared';
import { createLogger, LOG_LEVELS, type LogLevel } from '@cpns/shared/node';
import { Option } from 'commander';
import { action, examples, type Register } from './register.js';

interface RunOptions {
  readonly logLevel?: LogLevel;
}

/** `run` */
export const registerRun: Register = (program, environment) => {
  program
    .command('run')
    .summary('run the server until it is stopped')
    .description(
      'Runs the server in the foreground until Ctrl-C or SIGTERM. Its log goes to standard error; one line on standard output says when it is ready. ' +
        'As a systemd service the master key may come as the credential "cpns-master-key".',
    )
    .addOption(new Option('--log-level <level>', 'least severe line of the log, instead of log.level').choices(LOG_LEVELS))
    .addHelpText(
      'after',
      examples(
        ['cpns-server run', ''],
        ['cpns-server run --json', 'the addresses in a form for programs'],
        ['cpns-server run --log-level debug', ''],
      ),
    )
    .action(
      action<RunOptions, []>(environment, async (context, { logLevel }) => {
        const settings = await context.settings();
        const logger = createLogger({
          level: logLevel ?? settings.log.level,
          format: settings.log.format,
          destination: context.terminal.errors,
        });
        const server = await environment.startServer({
          settings,
          stateDirectory: context.stateDirectory,
          logger,
          credentialsDirectory: environment.platform.env.CREDENTIALS_DIRECTORY,
        });
        try {
          const { serverId, uplink, publicAddress, adminUrl } = server;
          const bound = formatHostPort(uplink.host, uplink.port);
          const listening = bound === publicAddress ? '' : ` (listening on ${bound})`;
          context.report.result({ ready: true, serverId, uplink, publicAddress, adminUrl, stateDirectory: context.stateDirectory }, [
            `The server "${serverId}" runs. Devices connect to ${publicAddress}${listening}; the admin API is ${adminUrl}. Stop it with Ctrl-C.`,
          ]);
          await untilAborted(context.signal);
        } finally {
          await server.stop();
          logger.close();
        }
      }),
    );
};

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
