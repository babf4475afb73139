import { AttackerLink, type Tamper } from './attacker-link.js';
import { type MemoryLink, type MemoryLinkOptions, memoryLinkPair } from './memory-link.js';

/** Two ends that believe to be connected with each other, and who is between them. */
export interface AttackedPair {
  readonly initiator: MemoryLink;
  readonly responder: MemoryLink;
  readonly attacker: AttackerLink;
}

/** Connects two ends through an attacker. Options apply to both stretches of the way. */
export function attackedPair(options: MemoryLinkOptions, tamper?: Tamper): AttackedPair {
  const first = memoryLinkPair(options);
  const second = memoryLinkPair(options);
  return { initiator: first.initiator, responder: second.responder, attacker: new AttackerLink(first.responder, second.initiator, tamper) };
}
