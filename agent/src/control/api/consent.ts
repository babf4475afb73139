import type { EntityId, PnId } from '@cpns/shared';
import * as v from 'valibot';
import { textParam } from './fields.js';

export const consentAnswerParams = v.strictObject({ consentId: textParam(64) });
export type ConsentAnswerParams = v.InferOutput<typeof consentAnswerParams>;

/** Somebody wants this device in a personal network, and a person decides. Unanswered it is refused when its time is over. */
export interface ConsentRequest {
  /** Short, for typing. */
  readonly consentId: string;
  readonly pnId: PnId;
  readonly initiator: EntityId;
  readonly gateway: EntityId;
  readonly closesInMs: number;
}

export interface ConsentControl {
  listConsents(): Promise<{ readonly consents: readonly ConsentRequest[] }>;
  /** @throws CpnsError State/NoSuchConsent */
  acceptConsent(params: ConsentAnswerParams): Promise<{ readonly consentId: string }>;
  /** @throws CpnsError State/NoSuchConsent */
  refuseConsent(params: ConsentAnswerParams): Promise<{ readonly consentId: string }>;
}
