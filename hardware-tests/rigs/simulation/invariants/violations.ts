import { agreement } from './agreement.js';
import { groupAgreement } from './group-agreement.js';
import { groupKeys } from './group-keys.js';
import { guests } from './guests.js';
import { keys } from './keys.js';
import { newcomers } from './newcomers.js';
import { nonces } from './nonces.js';
import { once } from './once.js';
import { promises } from './promises.js';
import { secrets } from './secrets.js';
import { verified } from './verified.js';
import type { Invariant, World } from './world.js';

/** What must hold whenever a simulated network has become quiet. */
export const INVARIANTS: readonly Invariant[] = [
  agreement,
  verified,
  keys,
  groupAgreement,
  groupKeys,
  newcomers,
  guests,
  promises,
  once,
  nonces,
  secrets,
];

/** What is wrong in a quiet world, in sentences; empty when everything holds. */
export function violations(world: World): string[] {
  return INVARIANTS.flatMap((invariant) => invariant.violations(world));
}

/** What is wrong with who holds what, in sentences: for worlds of which nobody has looked at the keys. */
export function disagreements(world: Pick<World, 'server' | 'devices'>): string[] {
  return [agreement, keys, groupAgreement, groupKeys].flatMap((invariant) => invariant.violations(world));
}
