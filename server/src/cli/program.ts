import { printable } from '@cpns/shared/node';
import { Command } from 'commander';
import { type CliEnvironment, PROGRAM } from './command-context.js';
import { registerCharging } from './commands/charging.js';
import { registerConfig } from './commands/config.js';
import { registerDevice } from './commands/device.js';
import { registerGroup } from './commands/group.js';
import { registerInit } from './commands/init.js';
import { registerNetworks } from './commands/networks.js';
import { registerPolicy } from './commands/policy.js';
import { registerRun } from './commands/run.js';
import { registerSend } from './commands/send.js';
import { registerUser } from './commands/user.js';
import { registerWatch } from './commands/watch.js';
import { EXIT_CODE_MEANINGS } from './exit-codes.js';

const FIRST_STEPS = `
First steps:
  $ cpns-server init                           make a server
  $ cpns-server run                            in another terminal, or as a service
  $ cpns-server user add ann                   a person or household
  $ cpns-server device add phone-1 --user ann  gives the code for: cpns-agent enrol CODE
  $ cpns-server watch                          what devices send, and what happens

"init", "run" and "config" work on the state directory; all other commands talk to the server that runs on it, as its owner.

Exit codes:
${Object.entries(EXIT_CODE_MEANINGS)
  .map(([code, meaning]) => `  ${code}  ${meaning}`)
  .join('\n')}`;

const REGISTER = [
  registerInit,
  registerRun,
  registerUser,
  registerDevice,
  registerNetworks,
  registerGroup,
  registerPolicy,
  registerCharging,
  registerWatch,
  registerSend,
  registerConfig,
];

/** The commands of `cpns-server`. */
export function buildProgram(environment: CliEnvironment, version: string): Command {
  const { output, errors } = environment.terminal;
  const program = new Command(PROGRAM)
    .description('The CPNS Server: enrols devices, authenticates them, and keeps the inventories of their personal networks.')
    .version(version)
    .option('--state <dir>', 'state directory of the server (else $CPNS_SERVER_STATE, else the place of the platform)')
    .option('--config <file>', 'configuration file (else config.yaml in the state directory)')
    .option('--json', 'print results as JSON: one document, or one per line for what goes on')
    .option('--verbose', 'on errors, show the chain of causes')
    .addHelpText('after', FIRST_STEPS)
    .configureHelp({ showGlobalOptions: true })
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => output.write(text),
      writeErr: (text) => errors.write(text),
      outputError: (text, write) =>
        write(
          `${PROGRAM}: ${printable(
            text
              .trim()
              .replace(/^error: /, '')
              .replaceAll('\n', ' '),
          )}\n`,
        ),
    });
  for (const register of REGISTER) register(program, environment);
  return program;
}
