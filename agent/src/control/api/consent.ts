import * as v from 'valibot';
import type { ConsentQuestion } from '../../entity/consent-desk.js';
import { textParam } from './fields.js';

export const consentAnswerParams = v.strictObject({ consentId: textParam(64) });
export type ConsentAnswerParams = v.InferOutput<typeof consentAnswerParams>;

/** Something about a personal network that a person decides. Unanswered it is refused when its time is over. */
export type ConsentRequest = ConsentQuestion & {
  /** Short, for typing. */
  readonly consentId: string;
  /** What is asked, in words. */
  readonly question: string;
  readonly closesInMs: number;
};

export interface ConsentControl {
  listConsents(): Promise<{ readonly consents: readonly ConsentRequest[] }>;
  /** @throws CpnsError State/NoSuchConsent */
  acceptConsent(params: ConsentAnswerParams): Promise<{ readonly consentId: string }>;
  /** @throws CpnsError State/NoSuchConsent */
  refuseConsent(params: ConsentAnswerParams): Promise<{ readonly consentId: string }>;
}
