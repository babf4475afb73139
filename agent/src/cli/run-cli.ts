import { toCpnsError } from '@cpns/shared';
import { CommanderError } from 'commander';
import { ExitCode } from '../control/exit-codes.js';
import type { CliEnvironment } from './command-context.js';
import { buildProgram } from './program.js';
import { Report } from './report.js';

/** Runs one command. Resolves with the exit code; never throws. */
export async function runCli(args: readonly string[], environment: CliEnvironment, version: string): Promise<number> {
  const program = buildProgram(environment, version);
  try {
    await program.parseAsync(args, { from: 'user' });
    return ExitCode.Ok;
  } catch (error) {
    // Commander has said what is wrong, or has shown the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.Ok : ExitCode.Usage;
    const { json, verbose } = program.opts<{ json?: boolean; verbose?: boolean }>();
    return new Report(environment.terminal, json === true).failure(toCpnsError(error), verbose === true);
  }
}
