import type { DeviceCapabilities } from '../capabilities.js';
import type { EntityId } from '../ids.js';
import { scoreOf } from './score.js';

/** A device and the Device Capabilities last exchanged. */
export interface Candidate {
  readonly id: EntityId;
  readonly capabilities: DeviceCapabilities;
}

/**
 * The total order of candidates: eligible before not eligible, then the higher score, then the lower entity id. Negative when `a`
 * is better suited. Never 0 for two devices, so every end of every link comes to the same result (protocol 0.21).
 */
export function compareCandidates(a: Candidate, b: Candidate): number {
  const scoreA = scoreOf(a.capabilities);
  const scoreB = scoreOf(b.capabilities);
  if (scoreA.eligible !== scoreB.eligible) return scoreA.eligible ? -1 : 1;
  if (scoreA.total !== scoreB.total) return scoreB.total - scoreA.total;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

/** The best suited of the candidates, or undefined when none is eligible (seed 002 step 5). */
export function elect(candidates: readonly Candidate[]): Candidate | undefined {
  const best = [...candidates].sort(compareCandidates)[0];
  return best !== undefined && scoreOf(best.capabilities).eligible ? best : undefined;
}
