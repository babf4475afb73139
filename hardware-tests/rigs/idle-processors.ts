import { cpus } from 'node:os';
import { type Clock, sleep } from '@cpns/shared';

/** So long it is looked at what the processors do. */
const LOOK_MS = 1_000;

/** Resolves when so large a share (0 to 1) of all processor time was unused for a moment, or when `until` is true. */
export async function processorsIdle(clock: Clock, share: number, until: () => boolean): Promise<void> {
  for (let before = spent(); !until(); ) {
    await sleep(clock, LOOK_MS);
    const now = spent();
    if (now.idleMs - before.idleMs >= share * (now.allMs - before.allMs)) return;
    before = now;
  }
}

function spent(): { readonly idleMs: number; readonly allMs: number } {
  const times = cpus().map((cpu) => cpu.times);
  const all = times.flatMap((one) => Object.values(one));
  return { idleMs: times.reduce((sum, { idle }) => sum + idle, 0), allMs: all.reduce((sum, ms) => sum + ms, 0) };
}
