import { knownAnswers } from './known-answers/command.js';

process.exitCode = knownAnswers(process.argv.slice(2), {
  // npm changes into the package's folder; FILE is meant from where the person is.
  folder: process.env.INIT_CWD ?? process.cwd(),
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
});
