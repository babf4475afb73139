import type { EntityId, LinkType } from '@cpns/shared';
import * as v from 'valibot';
import type { ModeName } from './status.js';

export const peersParams = v.strictObject({ explain: v.optional(v.boolean(), false) });
export type PeersParams = v.InferOutput<typeof peersParams>;

/** One line of a score: `mains power`, `yes`, 4000. */
export interface ScoreLine {
  readonly what: string;
  readonly value: string;
  readonly points: number;
}

/** How one device stands in the PN GW assignment (protocol 0.21). */
export interface ScoreReport {
  /** Meets all hard needs. */
  readonly eligible: boolean;
  /** The hard needs that are not met, one sentence each. */
  readonly missing: readonly string[];
  readonly total: number;
  readonly lines: readonly ScoreLine[];
}

export interface PeerReport {
  readonly id: EntityId;
  readonly name?: string;
  readonly paired: boolean;
  /** Its pairing window is open. */
  readonly pairing: boolean;
  /** Last said about itself; announced and unproven while `link` is absent. */
  readonly mode: ModeName;
  readonly sightings: readonly { readonly technology: LinkType; readonly addresses: readonly string[] }[];
  /** A proven link session. */
  readonly link?: { readonly technology: LinkType; readonly sinceMs: number };
  /** With `explain`, for peers whose capabilities are known. */
  readonly score?: ScoreReport;
}

export interface PeersReport {
  readonly self: { readonly id: EntityId; readonly mode: ModeName; readonly score?: ScoreReport };
  readonly peers: readonly PeerReport[];
  /** Who is PN GW here and why, in one sentence. */
  readonly assignment: { readonly gateway?: EntityId; readonly reason: string };
}

export interface PeersControl {
  /** Paired devices and those near, sorted by id. */
  peers(params: PeersParams): Promise<PeersReport>;
}
