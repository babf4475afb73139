import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';

/** Runs several `ip` commands in one process, within `namespace` when one is given. @throws what `ip` says */
export function ipBatch(namespace: string | undefined, lines: readonly string[]): void {
  const within = namespace === undefined ? [] : ['-n', namespace];
  execFileSync('ip', [...within, '-batch', '-'], { input: `${lines.join('\n')}\n`, stdio: ['pipe', 'ignore', 'pipe'] });
}

/** Network namespaces with a name. */
export async function namespaces(): Promise<string[]> {
  const { stdout } = await promisify(execFile)('ip', ['netns', 'list']);
  return stdout.split('\n').flatMap((line) => line.split(' ')[0] || []);
}

/** Words in front of a command that is to run in `namespace`. */
export function within(namespace: string): string[] {
  return ['ip', 'netns', 'exec', namespace];
}
