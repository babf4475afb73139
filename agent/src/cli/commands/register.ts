import type { Command } from 'commander';
import { type CliEnvironment, CommandContext } from '../command-context.js';

/** Adds commands to the program. */
export type Register = (program: Command, environment: CliEnvironment) => void;

/** What commander calls: arguments, then options, then the command itself. */
export function action<Options, Arguments extends readonly unknown[]>(
  environment: CliEnvironment,
  run: (context: CommandContext, options: Options, ...args: Arguments) => Promise<void>,
): (...all: unknown[]) => Promise<void> {
  return (...all) => {
    const command = all.at(-1) as Command;
    const options = all.at(-2) as Options;
    return run(new CommandContext(environment, command), options, ...(all.slice(0, -2) as unknown as Arguments));
  };
}

/** Text after the help of a command. */
export function examples(...lines: readonly (readonly [command: string, what: string])[]): string {
  const width = Math.max(...lines.map(([command]) => command.length));
  return `\nExamples:\n${lines.map(([command, what]) => `  $ ${command.padEnd(width)}  ${what}`.trimEnd()).join('\n')}`;
}
