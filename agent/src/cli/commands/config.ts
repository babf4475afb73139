import { documentedDefaults } from '../../config/settings.js';
import { action, examples, type Register } from './register.js';

/** `config` */
export const registerConfig: Register = (program, environment) => {
  program
    .command('config')
    .summary('show all settings, explained, or check the configuration')
    .description('Prints a configuration file with every setting at its default, explained; with --check the settings in use.')
    .option('--check', 'check the configuration file and show the settings in use')
    .addHelpText('after', examples(['cpns-agent config > config.yaml', 'a file to begin with'], ['cpns-agent config --check --json', '']))
    .action(
      action<{ check?: boolean }, []>(environment, async (context, { check }) => {
        if (check) {
          const { settings } = await context.place();
          context.report.result(settings, JSON.stringify(settings, undefined, 2).split('\n'));
        } else context.report.result({ defaults: documentedDefaults() }, documentedDefaults().trimEnd().split('\n'));
      }),
    );
};
