import { type Clock, CpnsError, type EntityId, type Entropy, type PnId, TokenBuckets } from '@cpns/shared';
import { Status } from '@cpns/shared/messages';
import type { DeviceLimits, Happening } from './device-context.js';

/** Who decides whether this device takes part: a person, or a rule. */
export type ConsentPolicy = 'ask' | 'same-user' | 'always' | 'never';

/** The time over which prompts of one initiator are counted, in seconds (security 2.1). */
const PROMPT_PERIOD_S = 600;

/** What is asked. */
export interface ConsentQuestion {
  readonly pnId: PnId;
  readonly initiator: EntityId;
  readonly gateway: EntityId;
}
/** A question that waits for a person. */
export interface OpenQuestion extends ConsentQuestion {
  readonly consentId: string;
  readonly closesAtMs: number;
}

export interface ConsentDeskOptions {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly policy: ConsentPolicy;
  readonly limits: Pick<DeviceLimits, 'openPrompts' | 'promptsPer10MinPerInitiator' | 'consentTimeoutMs'>;
  happened(what: Happening): void;
}

/** Where consent is given or refused; unanswered questions are refused when their time is over. */
export class ConsentDesk {
  readonly #options: ConsentDeskOptions;
  readonly #prompts: TokenBuckets;
  readonly #open = new Map<string, { readonly question: OpenQuestion; readonly answer: (yes: boolean) => void }>();

  constructor(options: ConsentDeskOptions) {
    this.#options = options;
    const { promptsPer10MinPerInitiator } = options.limits;
    this.#prompts = new TokenBuckets(options.clock, promptsPer10MinPerInitiator / PROMPT_PERIOD_S, promptsPer10MinPerInitiator);
  }

  /**
   * True: take part. `same-user` says yes, because the server registers only devices of the gateway's own user without asking the
   * owner (protocol 0.15). @throws CpnsError State/TooManyPrompts when a person would be flooded
   */
  ask(question: ConsentQuestion, signal: AbortSignal): Promise<boolean> {
    const { policy, clock, entropy, limits } = this.#options;
    if (policy === 'always' || policy === 'same-user') return Promise.resolve(true);
    if (policy === 'never') return Promise.resolve(false);
    if (this.#open.size >= limits.openPrompts || !this.#prompts.take(question.initiator)) {
      throw new CpnsError('State', 'TooManyPrompts', 'A question is open already, or this device asked too often.', {
        status: Status.Busy,
      });
    }
    const consentId = consentIdOf(entropy.bytes(3));
    return new Promise((resolve) => {
      const end = (yes: boolean, how: string) => {
        cancel();
        signal.removeEventListener('abort', gone);
        this.#open.delete(consentId);
        this.#options.happened({ type: 'consent-over', consentId, text: `The question ${consentId} is over: ${how}.` });
        resolve(yes);
      };
      const gone = () => end(false, 'the PN GW is gone');
      const cancel = clock.after(limits.consentTimeoutMs, () => end(false, 'nobody answered'));
      signal.addEventListener('abort', gone, { once: true });
      this.#open.set(consentId, {
        question: { ...question, consentId, closesAtMs: clock.monotonicMs() + limits.consentTimeoutMs },
        answer: (yes) => end(yes, yes ? 'yes' : 'no'),
      });
      this.#options.happened({
        type: 'consent-asked',
        consentId,
        text: `${question.initiator} asks this device into a personal network of ${question.gateway}: cpns-agent consent accept ${consentId}`,
      });
    });
  }

  list(): OpenQuestion[] {
    return [...this.#open.values()].map((entry) => entry.question);
  }

  /** @throws CpnsError State/NoSuchConsent */
  answer(consentId: string, yes: boolean): void {
    const entry = this.#open.get(consentId);
    if (entry === undefined)
      throw new CpnsError('State', 'NoSuchConsent', `Nothing is asked under "${consentId}"; see "cpns-agent consent list".`);
    entry.answer(yes);
  }
}

/** Four letters and digits that are hard to confuse. */
function consentIdOf(octets: Uint8Array): string {
  const alphabet = '23456789abcdefghjkmnpqrstuvwxyz';
  let value = 0;
  for (const octet of octets) value = value * 256 + octet;
  let text = '';
  for (let i = 0; i < 4; i++) {
    text += alphabet[value % alphabet.length];
    value = Math.floor(value / alphabet.length);
  }
  return text;
}
