import type { EntityId, PnId } from '@cpns/shared';
import * as v from 'valibot';
import { entityIdParam, pnIdParam } from './fields.js';
import type { PnReport } from './networks.js';
import type { Progress } from './progress.js';

/** A PN, and the gateway that offers it where it is not to be looked for. */
export const pnJoinParams = v.strictObject({ pnId: pnIdParam, gateway: v.optional(entityIdParam) });
/** Without a PN the only one that linked PN GWs offer. */
export const pnRegisterParams = v.strictObject({ pnId: v.optional(pnIdParam), gateway: v.optional(entityIdParam) });
/** Without a PN the only one that this device is in. */
export const pnInviteParams = v.strictObject({ pne: entityIdParam, pnId: v.optional(pnIdParam) });

export type PnJoinParams = v.InferOutput<typeof pnJoinParams>;
export type PnRegisterParams = v.InferOutput<typeof pnRegisterParams>;
export type PnInviteParams = v.InferOutput<typeof pnInviteParams>;

/** A PN that a linked PN GW offers. */
export interface OfferedPn {
  readonly pnId: PnId;
  readonly gateway: EntityId;
  /** This device is in it. */
  readonly isMember: boolean;
}

/** Nothing happens until somebody acts. */
export interface PnEntryEvent {
  readonly type: 'waiting';
  readonly text: string;
  readonly atMostMs: number;
}

export interface PnEntered {
  readonly pn: PnReport;
}

/** Ways into a PN that stands. */
export interface EntryControl {
  /** What the linked PN GWs offer at this moment. */
  listPns(signal: AbortSignal): Promise<{ readonly pns: readonly OfferedPn[] }>;
  /**
   * Seed 003 figure 14. Aborted or failed, nothing of it is kept here.
   * @throws CpnsError State/NoSuchPn, State/AlreadyMember, State/NoGateway, Auth/Refused, Transport, Timeout
   */
  joinPn(params: PnJoinParams, progress: Progress<PnEntryEvent>): Promise<PnEntered>;
  /** Seed 001 figures 4 and 5. @throws CpnsError State/WhichPn, and as {@link joinPn} */
  registerInPn(params: PnRegisterParams, progress: Progress<PnEntryEvent>): Promise<PnEntered>;
  /** Seed 003 figures 12 and 13. @throws CpnsError State/WhichPn, State/UnknownPn, State/Refused, Auth/Refused, Transport, Timeout */
  inviteIntoPn(params: PnInviteParams, progress: Progress<PnEntryEvent>): Promise<PnEntered>;
}
