import { printable } from '@cpns/shared/node';
import { Command } from 'commander';
import { EXIT_CODE_MEANINGS } from '../control/exit-codes.js';
import { type CliEnvironment, PROGRAM } from './command-context.js';
import { registerConfig } from './commands/config.js';
import { registerConfirm, registerConsent } from './commands/consent.js';
import { registerDoctor } from './commands/doctor.js';
import { registerEnrol } from './commands/enrol.js';
import { registerFetch } from './commands/fetch.js';
import { registerGroup } from './commands/group.js';
import { registerPair } from './commands/pair.js';
import { registerPeers } from './commands/peers.js';
import { registerPn } from './commands/pn.js';
import { registerReset } from './commands/reset.js';
import { registerRun } from './commands/run.js';
import { registerSend } from './commands/send.js';
import { registerStatus } from './commands/status.js';
import { registerWatch } from './commands/watch.js';

const FIRST_STEPS = `
First steps:
  $ cpns-agent enrol -         take in the code from "cpns-server device add"
  $ cpns-agent run             in another terminal, or as a service
  $ cpns-agent pair            on two devices that are near
  $ cpns-agent pn create --all make a personal network

Exit codes:
${Object.entries(EXIT_CODE_MEANINGS)
  .map(([code, meaning]) => `  ${code}  ${meaning}`)
  .join('\n')}`;

const REGISTER = [
  registerEnrol,
  registerRun,
  registerStatus,
  registerPair,
  registerPeers,
  registerConsent,
  registerConfirm,
  registerPn,
  registerGroup,
  registerSend,
  registerFetch,
  registerWatch,
  registerDoctor,
  registerReset,
  registerConfig,
];

/** What commander says is wrong, on one line. */
export function usageSentence(text: string): string {
  return printable(
    text
      .replace(/^error: /, '')
      .trim()
      .replace(/\n/g, ' '),
  );
}

/** The whole command line of `cpns-agent`. It throws instead of ending the process. */
export function buildProgram(environment: CliEnvironment, version: string): Command {
  const { output, errors } = environment.terminal;
  const program = new Command(PROGRAM)
    .description('The CPNS device agent: finds devices near, pairs with them, and makes personal networks with them.')
    .version(version)
    .option('--state <dir>', 'state directory of the agent')
    .option('--config <file>', 'configuration file')
    .option('--json', 'print results as JSON: one document, or one per line for what goes on')
    .option('--verbose', 'on errors, show the chain of causes')
    .addHelpText('after', FIRST_STEPS)
    .configureHelp({ showGlobalOptions: true })
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => output.write(text),
      writeErr: (text) => errors.write(text),
      outputError: (text, write) => write(`${PROGRAM}: ${usageSentence(text)}\n`),
    });
  for (const register of REGISTER) register(program, environment);
  return program;
}
