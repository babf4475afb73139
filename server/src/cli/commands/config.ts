import { documentedFile } from '@cpns/shared/node';
import { settingsTable } from '../../config/settings.js';
import { PROGRAM } from '../command-context.js';
import { action, examples, type Register } from './register.js';

/** `config` */
export const registerConfig: Register = (program, environment) => {
  program
    .command('config')
    .summary('show all settings, explained, or check the configuration')
    .description('Prints a configuration file with every setting at its default, explained; with --check the settings in use.')
    .option('--check', 'check the configuration file and show the settings in use')
    .addHelpText('after', examples(['cpns-server config', 'what can be set'], ['cpns-server config --check --json', 'what is set']))
    .action(
      action<{ check?: boolean }, []>(environment, async (context, { check }) => {
        if (check) {
          const settings = await context.settings();
          context.report.result(settings, JSON.stringify(settings, undefined, 2).split('\n'));
          return;
        }
        const defaults = documentedFile(settingsTable, `Configuration of ${PROGRAM}. The values shown are the defaults.`);
        context.report.result({ defaults }, defaults.trimEnd().split('\n'));
      }),
    );
};
