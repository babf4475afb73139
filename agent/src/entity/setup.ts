import type { EntityId } from '@cpns/shared';
import { type BodyOf, type pnSetupResponse, SetupType } from '@cpns/shared/messages';
import type { PnRecord } from './device-state.js';

/** The whole of a PN Setup; a person may take 60 s of it (protocol 0.3). */
export const SETUP_LIMIT_MS = 150_000;

/** Which PN is wanted (seed 003 6.6.1.1 step 1, A to C). */
export type Setup =
  | { readonly type: 'one-to-one' }
  | { readonly type: 'all' }
  | { readonly type: 'named'; readonly pnes: readonly EntityId[] };

export const SETUP_TYPES = { 'one-to-one': SetupType.OneToOne, all: SetupType.All, named: SetupType.Named } as const;

/** Progress of a PN Setup, as numbered steps. */
export type SetupProgress = (step: number, text: string) => void;
export const SETUP_STEPS = 5;

export interface Established {
  readonly record: PnRecord;
  readonly outcomes: BodyOf<typeof pnSetupResponse>['outcomes'];
  /** From the first PN Setup Request until all that it leads to is verified and stored (protocol 0.24). */
  readonly establishMs: number;
}
