import { toCpnsError } from '@cpns/shared';
import { Report } from '@cpns/shared/node';
import { CommanderError } from 'commander';
import { type CliEnvironment, PROGRAM } from './command-context.js';
import { ExitCode, exitCodeOf } from './exit-codes.js';
import { buildProgram } from './program.js';

/** Runs one command. Resolves with the exit code; never throws. */
export async function runCli(args: readonly string[], environment: CliEnvironment, version: string): Promise<number> {
  const program = buildProgram(environment, version);
  try {
    await program.parseAsync(args, { from: 'user' });
    return ExitCode.Ok;
  } catch (error) {
    // Commander has said what is wrong, or has shown the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.Ok : ExitCode.Usage;
    const { json = false, verbose = false } = program.opts<{ json?: boolean; verbose?: boolean }>();
    return new Report({ name: PROGRAM, exitCodeOf }, environment.terminal, json).failure(toCpnsError(error), verbose);
  }
}
