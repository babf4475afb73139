import { ENTERING } from './entering.js';
import { ESTABLISHING } from './establishing.js';
import type { Flow } from './flow.js';
import { GROUP_OBJECTS } from './group-objects.js';
import { GROUPS } from './groups.js';
import { KEPT_MESSAGES } from './kept-messages.js';
import { LEAVING } from './leaving.js';
import { PAIRING } from './pairing.js';
import { RECOVERING } from './recovering.js';
import { WAYS_OUT } from './ways-out.js';

/** Every flow whose crash points are played. */
export const FLOWS: readonly Flow[] = [
  ...ESTABLISHING,
  ...ENTERING,
  ...PAIRING,
  ...LEAVING,
  ...WAYS_OUT,
  ...RECOVERING,
  ...GROUPS,
  ...GROUP_OBJECTS,
  ...KEPT_MESSAGES,
];

/** @throws RangeError when there is none of that name */
export function flowNamed(name: string): Flow {
  const flow = FLOWS.find((candidate) => candidate.name === name);
  if (flow === undefined) throw new RangeError(`there is no flow "${name}"`);
  return flow;
}
