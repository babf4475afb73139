import { agreement } from './agreement.js';
import { keys } from './keys.js';
import { nonces } from './nonces.js';
import { once } from './once.js';
import { secrets } from './secrets.js';
import { verified } from './verified.js';
import type { Invariant, World } from './world.js';

/** What must hold whenever a simulated network has become quiet. */
export const INVARIANTS: readonly Invariant[] = [agreement, verified, keys, once, nonces, secrets];

/** What is wrong in a quiet world, in sentences; empty when everything holds. */
export function violations(world: World): string[] {
  return INVARIANTS.flatMap((invariant) => invariant.violations(world));
}

/** What is wrong with who holds what, in sentences: for worlds of which nobody has looked at the keys. */
export function disagreements(world: Pick<World, 'server' | 'devices'>): string[] {
  return [agreement, keys].flatMap((invariant) => invariant.violations(world));
}
