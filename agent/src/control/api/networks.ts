import type { CpnsId, EntityId, PnId } from '@cpns/shared';
import * as v from 'valibot';
import { entityIdParam, pnIdParam } from './fields.js';
import type { Progress, StepEvent } from './progress.js';

/** So many names have room in a request; those beyond the first 32 are invited when the network stands (protocol 0.16). */
export const MAX_NAMED_PNES = 100;

/** Which gateway, where more than one is linked; by default the assigned one. */
const gateway = v.optional(entityIdParam);

/** The three kinds of seed 003 6.6.1: initiator and gateway alone, everybody paired with the gateway, or the named ones. */
export const pnCreateParams = v.variant('setup', [
  v.strictObject({ setup: v.literal('1-1'), gateway }),
  v.strictObject({ setup: v.literal('all'), gateway }),
  v.strictObject({
    setup: v.literal('named'),
    gateway,
    pnes: v.pipe(
      v.array(entityIdParam),
      v.minLength(1, 'must name at least one device'),
      v.maxLength(MAX_NAMED_PNES, `must name at most ${MAX_NAMED_PNES} devices`),
      v.check((ids) => new Set(ids).size === ids.length, 'must not name a device twice'),
    ),
  }),
]);
/** All networks of this device, or one. */
export const pnShowParams = v.strictObject({ pnId: v.optional(pnIdParam) });

/** Leaving or releasing a network: the only one, or this one. */
export const pnEndParams = v.strictObject({ pnId: v.optional(pnIdParam) });
export const pnExpelParams = v.strictObject({ pne: entityIdParam, pnId: v.optional(pnIdParam) });

export type PnEndParams = v.InferOutput<typeof pnEndParams>;
export type PnExpelParams = v.InferOutput<typeof pnExpelParams>;
export type PnCreateParams = v.InferOutput<typeof pnCreateParams>;
export type PnShowParams = v.InferOutput<typeof pnShowParams>;

/** PN state of protocol b.2, of a PN that stands: one that is being made shows in the progress of `pn.create`. */
export type PnState = 'Established' | 'Suspended' | 'Releasing';

export interface PnSummary {
  readonly pnId: PnId;
  readonly state: PnState;
  readonly gateway: EntityId;
  readonly role: 'PNE' | 'PN GW';
  /** PNEs, as far as this device is told of them. */
  readonly members: number;
}

/** How traffic between one PNE and the PN GW is protected. */
export interface HopReport {
  readonly pne: EntityId;
  readonly up: boolean;
  readonly protectedBy: 'LocalEUKey' | 'secure PAN' | 'nothing';
  readonly forwardSecret: boolean;
}

/** Something that a member offers (protocol 0.19). */
export interface PnContent {
  readonly id: string;
  readonly name: string;
  /** Media type. */
  readonly type: string;
  /** Octets; absent: it cannot be fetched. */
  readonly size?: number;
  readonly chargeable: boolean;
  readonly conditions?: string;
}

export interface PnMember {
  readonly id: EntityId;
  readonly cpnsId?: CpnsId;
  /** PNE-in-PN state of protocol b.2. */
  readonly state: string;
  /** Absent: it offers nothing, or nothing that this device is told of. */
  readonly contents?: readonly PnContent[];
}

export interface PnReport extends PnSummary {
  readonly inventoryVersion: number;
  /** The own view: a PNE may be shown itself and the PN GW only. */
  readonly inventory: readonly PnMember[];
  readonly keyEpoch: number;
  /** As PNE the own hop, as PN GW those of all PNEs. */
  readonly hops: readonly HopReport[];
  /** The session between this device and the server, for this PN. */
  readonly serverSession: { readonly up: boolean; readonly forwardSecret: boolean };
}

export type PnCreateEvent =
  | StepEvent
  /** What became of one PNE; `reason` is a sentence when it is out. */
  | { readonly type: 'member'; readonly id: EntityId; readonly joined: boolean; readonly reason?: string }
  /** Nothing happens until somebody acts. */
  | { readonly type: 'waiting'; readonly text: string; readonly atMostMs: number };

export interface PnCreated {
  readonly pn: PnReport;
  /** From PN Setup Request sent to PN Setup Response verified and stored (protocol 0.24). */
  readonly establishMs: number;
  /** Until seed 002 step 26. */
  readonly totalMs: number;
  readonly outcomes: readonly { readonly id: EntityId; readonly joined: boolean; readonly reason?: string }[];
}

export interface PnExpelled {
  readonly pnId: PnId;
  readonly pne: EntityId;
  /** False: it is out here, and the server is asked until it answers. */
  readonly answered: boolean;
}

export interface NetworksControl {
  /**
   * Establishes a personal network. Aborted or failed, nothing of it stays here, at the gateway or at the server.
   * @throws CpnsError State/NoGateway, State/SetupBusy, Auth/SetupRefused, Transport, Timeout
   */
  createPn(params: PnCreateParams, progress: Progress<PnCreateEvent>): Promise<PnCreated>;
  /** @throws CpnsError State/UnknownPn, State/WhichPn, State/NoGateway, State/Refused, Transport, Transport/OutcomeUnknown */
  leavePn(params: PnEndParams): Promise<{ readonly pnId: PnId }>;
  /** At the PN GW. @throws CpnsError State/UnknownPn, State/UnknownPne, State/WhichPn, State/DiskFull */
  expelPne(params: PnExpelParams): Promise<PnExpelled>;
  /** @throws CpnsError as leavePn; Auth/Refused: this device may not */
  releasePn(params: PnEndParams): Promise<{ readonly pnId: PnId }>;
  /** @throws CpnsError State/UnknownPn */
  showPns(params: PnShowParams): Promise<{ readonly pns: readonly PnReport[] }>;
}
