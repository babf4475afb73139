import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** A command, and the Debian package that has it. */
export type Tool = readonly [command: string, debianPackage: string];

/** What is missing here of `tools`, and how it is installed, in one sentence; undefined when all are there. */
export async function missingTool(tools: readonly Tool[]): Promise<string | undefined> {
  // The daemons are in directories that a person's path may lack.
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
  for (const [command, debianPackage] of tools) {
    const isThere = await promisify(execFile)('sh', ['-c', 'command -v "$1"', 'sh', command], { env }).then(
      () => true,
      () => false,
    );
    if (!isThere) return `The command "${command}" is missing: apt-get install ${debianPackage}`;
  }
  return undefined;
}
