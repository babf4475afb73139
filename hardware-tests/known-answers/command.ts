import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { CpnsError, toCpnsError } from '@cpns/shared';
import { nativeProvider } from '@cpns/shared/node';
import { nobleProvider } from '@cpns/shared/security';
import { answerCases, KINDS } from './answer.js';

export const HELP = `Usage: npm run -s known-answers -- FILE

Reads a JSON array of {"kind", "inputs"} from FILE ("-": standard input), computes every case with both crypto providers and prints
the array with "outputs". Outputs that are in the file already are ignored. Names and byte layouts: docs/formal/known-answers.md.

Kinds: ${Object.keys(KINDS).join(', ')}

Exit code: 0 when both providers agreed on everything, 1 for bad input or a disagreement (one line on standard error says which).
`;

export interface CommandIo {
  /** Folder that a relative FILE is looked for in. */
  readonly folder: string;
  out(text: string): void;
  err(text: string): void;
}

/** Runs the command and gives its exit code. */
export function knownAnswers(args: readonly string[], io: CommandIo): number {
  if (args.includes('--help') || args.includes('-h')) {
    io.out(HELP);
    return 0;
  }
  try {
    const [file, ...more] = args;
    if (file === undefined || more.length > 0) throw new CpnsError('Config', 'Usage', 'Give exactly one FILE; --help says more.');
    io.out(`${JSON.stringify(answerCases(parse(file, io.folder), [nobleProvider, nativeProvider]), undefined, 1)}\n`);
    return 0;
  } catch (error) {
    io.err(`known-answers: ${toCpnsError(error).message}\n`);
    return 1;
  }
}

function parse(file: string, folder: string): unknown {
  let text: string;
  try {
    text = readFileSync(file === '-' ? 0 : resolve(folder, file), 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'it does not exist' : code === 'EISDIR' ? 'it is a folder' : `the system says ${code}`;
    throw new CpnsError('Config', 'Unreadable', `${file} cannot be read: ${why}.`, { cause: error });
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CpnsError('Config', 'BadInput', `${file} is not JSON.`, { cause: error });
  }
}
