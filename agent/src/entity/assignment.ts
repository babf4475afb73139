import { type Candidate, compareCandidates, type EntityId, elect, scoreOf } from '@cpns/shared';
import { isGateway, Mode } from '@cpns/shared/messages';

/** For so long after its assignment, and while it has no PN, a gateway yields to a better device that comes along (protocol 0.21). */
export const TAKEOVER_MS = 3_000;

/**
 * A device that is PNE of a PN GW which is not linked here is expected to be free again, or its PN GW to be linked here too, for so long
 * (protocol 0.21). Then the choice is made without it.
 */
export const PNE_COUNTS_MS = 10_000;

/** A linked peer and the capabilities that it last sent. */
export interface LinkedCandidate extends Candidate {
  /** Milliseconds since it has been saying that it has this mode. */
  readonly inModeForMs: number;
}

/** What a device knows when it decides. */
export interface AssignmentView {
  /** Own id and the capabilities last sent, mode included. */
  readonly self: Candidate;
  readonly peers: readonly LinkedCandidate[];
  /** This device has a PN as PN GW. */
  readonly servesPn: boolean;
  /** The gateway of the PNs in which this device is a PNE. */
  readonly boundTo: EntityId | undefined;
  /** Milliseconds since this device took the role of PN GW; undefined when it has not. */
  readonly gatewayForMs: number | undefined;
}

/** The outcome: own mode, whom this device uses as gateway, and why, in one sentence. */
export interface Assignment {
  readonly mode: Mode;
  readonly gateway: EntityId | undefined;
  readonly reason: string;
}

/**
 * PN GW assignment (seed 002 figure 1, step 5; protocol 0.21). Pure: two devices that look at the same capabilities come to the same
 * result without another message. An existing gateway stays; two gateways stay two; among unassigned devices the best suited one
 * takes the role.
 */
export function assign(view: AssignmentView): Assignment {
  const { self, peers } = view;
  const gateways = peers.filter((peer) => isGateway(peer.capabilities.mode)).sort(compareCandidates);

  if (view.servesPn) {
    if (view.boundTo === undefined) return { mode: Mode.PnGw, gateway: self.id, reason: 'It serves a personal network as PN GW.' };
    return { mode: Mode.Both, gateway: self.id, reason: `It serves a personal network, and is a member of one of ${view.boundTo}.` };
  }
  if (view.boundTo !== undefined) {
    return { mode: Mode.Pne, gateway: view.boundTo, reason: `It is a member of a personal network of ${view.boundTo}.` };
  }
  if (isGateway(self.capabilities.mode)) {
    const better = youngGateway(view) ? betterThan(self, peers.filter(mayTakeTheRole)) : undefined;
    const lost = scoreOf(self.capabilities);
    if (better === undefined && lost.eligible) return { mode: Mode.PnGw, gateway: self.id, reason: 'It was assigned PN GW before.' };
    if (better !== undefined) {
      return isGateway(better.capabilities.mode)
        ? { mode: Mode.Pne, gateway: better.id, reason: `${better.id} is better suited and took over.` }
        : { mode: Mode.Unassigned, gateway: undefined, reason: `${better.id} is better suited and takes over.` };
    }
  }
  const gateway = gateways[0];
  if (gateway !== undefined) return { mode: Mode.Pne, gateway: gateway.id, reason: `${gateway.id} is PN GW already.` };
  if (peers.length === 0) return { mode: Mode.Unassigned, gateway: undefined, reason: 'No paired device is linked.' };

  const best = elect([self, ...peers.filter(mayTakeTheRole)]);
  if (best === undefined) {
    const why = scoreOf(self.capabilities).missing.join(' ');
    return { mode: Mode.Unassigned, gateway: undefined, reason: `No device here can be PN GW. About this one: ${why}` };
  }
  const points = scoreOf(best.capabilities).total;
  if (best.id === self.id) return { mode: Mode.PnGw, gateway: self.id, reason: `It is the best suited device here (${points} points).` };
  return {
    mode: Mode.Unassigned,
    gateway: undefined,
    reason: `${best.id} is best suited (${points} points) and is expected to take the role.`,
  };
}

/** Whoever has been PNE of somebody else for long stays it: nobody waits for that device. */
export function mayTakeTheRole({ capabilities, inModeForMs }: LinkedCandidate): boolean {
  return capabilities.mode !== Mode.Pne || inModeForMs < PNE_COUNTS_MS;
}

function youngGateway(view: AssignmentView): boolean {
  return view.gatewayForMs !== undefined && view.gatewayForMs < TAKEOVER_MS;
}

function betterThan(self: Candidate, peers: readonly Candidate[]): Candidate | undefined {
  const best = elect([self, ...peers]);
  return best === undefined || best.id === self.id ? undefined : best;
}
