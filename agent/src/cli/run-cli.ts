import { toCpnsError } from '@cpns/shared';
import type { Report } from '@cpns/shared/node';
import { CommanderError } from 'commander';
import { ExitCode } from '../control/exit-codes.js';
import { type CliEnvironment, PROGRAM, reportOf } from './command-context.js';
import { FailedResult } from './failed-result.js';
import { buildProgram, usageSentence } from './program.js';

/** Runs one command. Resolves with the exit code; never throws. */
export async function runCli(args: readonly string[], environment: CliEnvironment, version: string): Promise<number> {
  const program = buildProgram(environment, version);
  try {
    await program.parseAsync(args, { from: 'user' });
    return ExitCode.Ok;
  } catch (error) {
    const { json = false, verbose = false } = program.opts<{ json?: boolean; verbose?: boolean }>();
    const report = reportOf(environment, json);
    if (error instanceof CommanderError) return usageError(error, report);
    if (!(error instanceof FailedResult)) return report.failure(toCpnsError(error), verbose);
    report.progress(`${PROGRAM}: ${error.message}`);
    return ExitCode.Failed;
  }
}

/** Commander has said what is wrong, or has shown the help that was asked for; only machines have to be told. */
function usageError({ exitCode, message }: CommanderError, report: Report): ExitCode {
  if (exitCode === 0) return ExitCode.Ok;
  if (report.json) report.result({ error: { code: 'Usage', message: usageSentence(message), exitCode: ExitCode.Usage } }, []);
  return ExitCode.Usage;
}
