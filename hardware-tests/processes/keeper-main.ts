/** The keeper's own process; see keeper.ts. Its orders come as JSON lines, their end is the order to clear up. */
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { KeeperOrder, Kept } from './keeper.js';

const kept = new Map<string, Kept>();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const { do: act, what } = JSON.parse(line) as KeeperOrder;
  if (act === 'keep') kept.set(JSON.stringify(what), what);
  else kept.delete(JSON.stringify(what));
});
lines.on('close', () => {
  const left = [...kept.values()];
  for (const what of left) if (what.kind === 'process') attempt(() => endProcess(what.pid));
  for (const what of left) if (what.kind === 'namespace') attempt(() => removeNamespace(what.name));
  for (const what of left)
    if (what.kind === 'directory') attempt(() => rmSync(what.path, { recursive: true, force: true, maxRetries: 10 }));
});

/** Each began a group of its own; what it has started goes with it. */
function endProcess(pid: number): void {
  process.kill(process.platform === 'win32' ? pid : -pid, 'SIGKILL');
}

function removeNamespace(name: string): void {
  for (const pid of execFileSync('ip', ['netns', 'pids', name], { encoding: 'utf8' }).split('\n').filter(Boolean)) {
    attempt(() => process.kill(Number(pid), 'SIGKILL'));
  }
  execFileSync('ip', ['netns', 'del', name], { stdio: 'ignore' });
}

/** One thing that cannot be cleared up does not keep the rest. */
function attempt(action: () => void): void {
  try {
    action();
  } catch {
    // It was gone already, which is what was wanted.
  }
}
