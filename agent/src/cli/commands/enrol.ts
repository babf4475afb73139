import { readInput } from '../arguments.js';
import { action, examples, type Register } from './register.js';

/** A code with all the spaces and dashes that people put into it. */
const MAX_CODE_OCTETS = 8192;

/** `enrol` */
export const registerEnrol: Register = (program, environment) => {
  program
    .command('enrol')
    .summary('take in the enrolment code of this device')
    .description(
      'Takes in the code that "cpns-server device add" has shown: who this device is, its key and its server. ' +
        'The code is a secret. With "-" it is read from standard input, so that it stays out of the shell history.',
    )
    .argument('<code>', 'the code, or "-" to read it from standard input')
    .option('--replace', 'give up an earlier enrolment; as another device, also its pairings and personal networks')
    .addHelpText(
      'after',
      examples(
        ['cpns-agent enrol -', 'then paste the code and press Ctrl-D'],
        ['cpns-agent enrol - < code.txt', 'from a file made with --out'],
      ),
    )
    .action(
      action<{ replace?: boolean }, [string]>(environment, async (context, { replace = false }, given) => {
        const code = given === '-' ? String(await readInput(context.terminal.input, MAX_CODE_OCTETS, context.signal)) : given;
        const enrolled = await context.ports.enrol(await context.place(), code.trim(), replace);
        const where = enrolled.serverAddress === undefined ? '' : ` at ${enrolled.serverAddress}`;
        context.report.result(enrolled, [
          `This device is ${enrolled.id} of user ${enrolled.userId}, enrolled with server ${enrolled.serverId}${where} (key ${enrolled.kid}).`,
          enrolled.mayBeGateway ? 'Its subscription allows it to be PN GW.' : 'Its subscription does not allow it to be PN GW.',
          'Next: cpns-agent run',
        ]);
      }),
    );
};
