import { sentenceOf } from '../../entity/consent-desk.js';
import type { ConsentControl } from '../api/consent.js';
import type { ControlContext } from './control-context.js';

export function consentControl({ current, clock }: ControlContext): ConsentControl {
  const answer = async (consentId: string, yes: boolean) => {
    current().device.consents.answer(consentId, yes);
    return { consentId };
  };
  return {
    async listConsents() {
      const nowMs = clock.monotonicMs();
      const questions = current().device.consents.list();
      return {
        consents: questions.map(({ closesAtMs, ...question }) => ({
          ...question,
          question: sentenceOf(question),
          closesInMs: Math.max(0, Math.round(closesAtMs - nowMs)),
        })),
      };
    },
    acceptConsent: ({ consentId }) => answer(consentId, true),
    refuseConsent: ({ consentId }) => answer(consentId, false),
  };
}
