import { writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { controlPath } from '@cpns/agent';
import { ensurePrivateDirectory } from '@cpns/shared/node';
import { commandOf, type Product } from './commands.js';

/** How a program is started that runs until it is told to end. */
export interface Service {
  readonly command: readonly string[];
  /** See `ProgramOptions`. */
  readonly ordersByInput?: boolean;
}

/** Where programs of the product run and keep their files: here, in a network namespace, or on another computer. */
export interface Machine {
  /** The command line of a program that does its work and ends. What it reads from its standard input comes from here. */
  command(product: Product, args: readonly string[]): readonly string[];
  /** `nodeArguments` are for Node itself. */
  service(product: Product, args: readonly string[], nodeArguments: readonly string[]): Service;
  /** Writes a file for the own user alone; its directory is made if there is none. */
  write(file: string, text: string): Promise<void>;
  /** Where the agent with that state directory is reached from here. */
  controlPath(stateDirectory: string): Promise<string>;
  /** State directory in which `AdminClient` finds here the server that runs there. Anew after each start of the server. */
  adminDirectory(stateDirectory: string): Promise<string>;
}

/**
 * This computer. `prefix`: words in front of every command, such as those that enter a network namespace. `always`: arguments for the Node of
 * every service.
 */
export function thisMachine(prefix: readonly string[] = [], always: readonly string[] = []): Machine {
  return {
    command: (product, args) => commandOf(product, prefix, args),
    service: (product, args, nodeArguments) => ({ command: commandOf(product, prefix, args, [...always, ...nodeArguments]) }),
    write: async (file, text) => {
      await ensurePrivateDirectory(dirname(file));
      await writeFile(file, text, { mode: 0o600 });
    },
    controlPath: async (stateDirectory) => controlPath(stateDirectory),
    adminDirectory: async (stateDirectory) => stateDirectory,
  };
}
