import { type Clock, CpnsError, type EntityId, type Entropy, type PnId, TokenBuckets } from '@cpns/shared';
import { Status } from '@cpns/shared/messages';
import type { DeviceLimits, Happening } from './device-context.js';

/** Who decides whether this device takes part: a person, or a rule. */
export type ConsentPolicy = 'ask' | 'same-user' | 'always' | 'never';

/** The time over which prompts of one initiator are counted, in seconds (security 2.1). */
const PROMPT_PERIOD_S = 600;
/** A gateway may ask for so many initiators as often as each of them may ask. */
const INITIATORS_PER_GATEWAY = 3;

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
  readonly #initiators: TokenBuckets;
  readonly #gateways: TokenBuckets;
  readonly #open = new Map<string, { readonly question: OpenQuestion; readonly end: (yes: boolean, how: string) => void }>();

  constructor(options: ConsentDeskOptions) {
    this.#options = options;
    const { promptsPer10MinPerInitiator: prompts } = options.limits;
    const all = prompts * INITIATORS_PER_GATEWAY;
    this.#initiators = new TokenBuckets(options.clock, prompts / PROMPT_PERIOD_S, prompts);
    this.#gateways = new TokenBuckets(options.clock, all / PROMPT_PERIOD_S, all);
  }

  /**
   * True: take part. `same-user` says yes, because the server registers only devices of the gateway's own user without asking the
   * owner (protocol 0.15). @throws CpnsError State/TooManyPrompts when a person would be flooded
   */
  ask(question: ConsentQuestion, signal: AbortSignal): Promise<boolean> {
    const { policy, clock, entropy, limits } = this.#options;
    if (policy === 'always' || policy === 'same-user') return Promise.resolve(true);
    if (policy === 'never') return Promise.resolve(false);
    if (signal.aborted) return Promise.resolve(false);
    if (this.#open.size >= limits.openPrompts || !this.#mayPrompt(question)) {
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
        end,
      });
      this.#options.happened({
        type: 'consent-asked',
        consentId,
        text: `${question.gateway} asks, for ${question.initiator}, this device into a personal network: cpns-agent consent accept ${consentId}`,
      });
    });
  }

  /** Nobody waits for the answer any more. */
  withdraw(pnId: PnId, gateway: EntityId): void {
    for (const { question, end } of [...this.#open.values()]) {
      if (question.pnId === pnId && question.gateway === gateway) end(false, 'the personal network is not set up any more');
    }
  }

  list(): OpenQuestion[] {
    return [...this.#open.values()].map((entry) => entry.question);
  }

  /**
   * The gateway is proven, the initiator only what it says: inventing initiators must not help it, nor naming a real one do that one harm
   * at another gateway. And an initiator that asks too often must not use up what the others at its gateway may ask.
   */
  #mayPrompt({ gateway, initiator }: ConsentQuestion): boolean {
    return this.#gateways.has(gateway) && this.#initiators.take(`${gateway} ${initiator}`) && this.#gateways.take(gateway);
  }

  /** @throws CpnsError State/NoSuchConsent */
  answer(consentId: string, yes: boolean): void {
    const entry = this.#open.get(consentId);
    if (entry === undefined)
      throw new CpnsError('State', 'NoSuchConsent', `Nothing is asked under "${consentId}"; see "cpns-agent consent list".`);
    entry.end(yes, yes ? 'yes' : 'no');
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
