import { type Clock, CpnsError, type EntityId, type Entropy, type PnId, type SgId, TokenBuckets, type UserId } from '@cpns/shared';
import { Status } from '@cpns/shared/messages';
import type { DeviceLimits, Happening } from './device-context.js';

/** What a person, or a rule instead, decides about personal networks and service groups; `auto` is `ask` where a person can be asked. */
export interface ConsentPolicies {
  /** Whether this device takes part where somebody asks it to: in a personal network, in a service group, or as a group's owner. */
  readonly consent: 'auto' | 'ask' | 'same-user' | 'always' | 'never';
  /** As PN GW of its user: whether a device goes as that user's guest to another one, at the user's charge (seed 004 step 8). */
  readonly confirm: 'auto' | 'ask' | 'paired' | 'never';
  /** Whether a device of another user is let in: as PN GW into a PN of this one (protocol 0.15), as owner into a service group. */
  readonly admit: 'auto' | 'ask' | 'always' | 'never';
}

/** The time over which prompts of one initiator are counted, in seconds (security 2.1). */
const PROMPT_PERIOD_S = 600;
/** A gateway may ask for so many initiators as often as each of them may ask. */
const INITIATORS_PER_GATEWAY = 3;

interface AboutPn {
  readonly pnId: PnId;
  /** PN GW of that PN. */
  readonly gateway: EntityId;
}
/** `initiator` wants this device in a PN. */
export interface Invitation extends AboutPn {
  readonly kind: 'invitation';
  readonly initiator: EntityId;
}
/** The server asks whether `pne` belongs to this device's user, who is charged for it in the PN of `gatewayUser`. */
export interface Confirmation extends AboutPn {
  readonly kind: 'confirm';
  readonly pne: EntityId;
  readonly gatewayUser: UserId;
  /** This device is paired with `pne`. */
  readonly paired: boolean;
}
/** `pne`, of another user, wants into a PN of this device. */
export interface Admission extends AboutPn {
  readonly kind: 'admit';
  readonly pne: EntityId;
}
interface AboutGroup {
  readonly sgId: SgId;
  /** Empty: the server did not say it. */
  readonly name: string;
  /** Who asks is of the same user as this device, as the server knows it. */
  readonly sameUser: boolean;
}
/** `initiator` wants this device in a service group. */
export interface GroupInvitation extends AboutGroup {
  readonly kind: 'group';
  readonly initiator: EntityId;
}
/** `pne` wants into a service group of this device. */
export interface GroupAdmission extends AboutGroup {
  readonly kind: 'group-admit';
  readonly pne: EntityId;
}
/** This device is to own a service group: `owner` wants it, or the server looks for one that has none. */
export interface GroupOwnership extends AboutGroup {
  readonly kind: 'group-owner';
  readonly owner: EntityId | undefined;
}
type GroupQuestion = GroupInvitation | GroupAdmission | GroupOwnership;
/** What is asked. */
export type ConsentQuestion = Invitation | Confirmation | Admission | GroupQuestion;
/** A question that waits for a person. */
export type OpenQuestion = ConsentQuestion & { readonly consentId: string; readonly closesAtMs: number };

export interface ConsentDeskOptions {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly policies: ConsentPolicies;
  /** A person can be asked at this device. */
  readonly ui: boolean;
  readonly limits: Pick<DeviceLimits, 'openPrompts' | 'promptsPer10MinPerInitiator' | 'consentTimeoutMs'>;
  happened(what: Happening): void;
}

/** Questions that are over, of which a late answer hears. */
const OVER_KEPT = 16;

/** Where questions to a person are answered; without an answer it is no when their time is over. */
export class ConsentDesk {
  readonly #options: ConsentDeskOptions;
  readonly #initiators: TokenBuckets;
  readonly #askers: TokenBuckets;
  /** How the last questions ended. */
  readonly #over = new Map<string, string>();
  readonly #open = new Map<string, { readonly question: OpenQuestion; readonly end: (yes: boolean, how: string) => void }>();

  constructor(options: ConsentDeskOptions) {
    this.#options = options;
    const { promptsPer10MinPerInitiator: prompts } = options.limits;
    const all = prompts * INITIATORS_PER_GATEWAY;
    this.#initiators = new TokenBuckets(options.clock, prompts / PROMPT_PERIOD_S, prompts);
    this.#askers = new TokenBuckets(options.clock, all / PROMPT_PERIOD_S, all);
  }

  /** True: yes, by a person or by a rule. @throws CpnsError State/TooManyPrompts when a person would be flooded */
  ask(question: ConsentQuestion, signal: AbortSignal): Promise<boolean> {
    const { clock, entropy, limits } = this.#options;
    const ruled = this.#rule(question);
    if (ruled !== 'ask') return Promise.resolve(ruled);
    if (signal.aborted) return Promise.resolve(false);
    const open = this.list().filter(({ kind }) => kind === question.kind).length;
    if (open >= limits.openPrompts || !this.#mayPrompt(question)) {
      throw new CpnsError('State', 'TooManyPrompts', 'A question is open already, or that device asked too often.', {
        status: Status.Busy,
      });
    }
    const consentId = consentIdOf(entropy.bytes(3));
    return new Promise((resolve) => {
      const end = (yes: boolean, how: string) => {
        cancel();
        signal.removeEventListener('abort', gone);
        this.#open.delete(consentId);
        this.#note(consentId, how);
        this.#options.happened({ type: 'consent-over', consentId, text: `The question ${consentId} is over: ${how}.` });
        resolve(yes);
      };
      const gone = () => end(false, 'nobody waits for the answer any more');
      const cancel = clock.after(limits.consentTimeoutMs, () => end(false, 'nobody answered'));
      signal.addEventListener('abort', gone, { once: true });
      this.#open.set(consentId, {
        question: { ...question, consentId, closesAtMs: clock.monotonicMs() + limits.consentTimeoutMs },
        end,
      });
      this.#options.happened({
        type: 'consent-asked',
        consentId,
        text: `${sentenceOf(question)}: cpns-agent ${question.kind === 'confirm' ? 'confirm' : 'consent'} accept ${consentId}`,
      });
    });
  }

  /** Nobody waits for the answer to that invitation any more. */
  withdraw(pnId: PnId, gateway: EntityId): void {
    for (const { question, end } of [...this.#open.values()]) {
      if (question.kind === 'invitation' && question.pnId === pnId && question.gateway === gateway)
        end(false, 'the personal network is not set up any more');
    }
  }

  list(): OpenQuestion[] {
    return [...this.#open.values()].map((entry) => entry.question);
  }

  #rule(question: ConsentQuestion): boolean | 'ask' {
    const { policies, ui } = this.#options;
    switch (question.kind) {
      case 'invitation': {
        const policy = policies.consent === 'auto' ? (ui ? 'ask' : 'same-user') : policies.consent;
        // Who is of another user than the PN GW is let in only when its own owner confirms that (seed 004): nothing to decide here.
        return policy === 'ask' ? policy : policy !== 'never';
      }
      case 'confirm': {
        const policy = policies.confirm === 'auto' && ui ? 'ask' : policies.confirm;
        return policy === 'ask' ? policy : policy === 'paired' && question.paired;
      }
      case 'group':
      case 'group-owner': {
        const policy = policies.consent === 'auto' ? (ui ? 'ask' : 'same-user') : policies.consent;
        return policy === 'ask' ? policy : policy === 'always' || (policy === 'same-user' && question.sameUser);
      }
      case 'admit':
      case 'group-admit': {
        const policy = policies.admit === 'auto' && ui ? 'ask' : policies.admit;
        return policy === 'ask' ? policy : policy === 'always';
      }
    }
  }

  /**
   * Who asks is proven, the initiator it names only what it says: inventing initiators must not help it, nor naming a real one do that
   * one harm with another who asks. And an initiator that asks too often must not use up what the others at its gateway may ask.
   */
  #mayPrompt(question: ConsentQuestion): boolean {
    const { asker, initiator } = askedBy(question);
    return this.#askers.has(asker) && this.#initiators.take(initiator) && this.#askers.take(asker);
  }

  /** @throws CpnsError State/NoSuchConsent */
  answer(consentId: string, yes: boolean): void {
    const entry = this.#open.get(consentId);
    const how = this.#over.get(consentId);
    if (entry === undefined && how !== undefined)
      throw new CpnsError('State', 'NoSuchConsent', `The question ${consentId} is over: ${how}. This answer changes nothing.`);
    if (entry === undefined)
      throw new CpnsError('State', 'NoSuchConsent', `Nothing is asked under "${consentId}"; see "cpns-agent consent list".`);
    entry.end(yes, yes ? 'yes' : 'no');
  }

  #note(consentId: string, how: string): void {
    this.#over.delete(consentId);
    this.#over.set(consentId, how);
    const [oldest] = this.#over.keys();
    if (this.#over.size > OVER_KEPT && oldest !== undefined) this.#over.delete(oldest);
  }
}

/** Who asks, as far as that is proven, and for whom it says it does. Questions about groups come from the server. */
function askedBy(question: ConsentQuestion): { readonly asker: string; readonly initiator: string } {
  const { kind } = question;
  switch (kind) {
    case 'invitation':
      return { asker: `${kind} ${question.gateway}`, initiator: `${kind} ${question.gateway} ${question.initiator}` };
    case 'confirm':
      return { asker: `${kind} ${question.gateway}`, initiator: `${kind} ${question.gateway} ${question.pne}` };
    case 'admit':
      return { asker: `${kind} ${question.pne}`, initiator: `${kind} ${question.pne} ${question.pne}` };
    case 'group':
      return { asker: kind, initiator: `${kind} ${question.initiator}` };
    case 'group-admit':
      return { asker: kind, initiator: `${kind} ${question.pne}` };
    case 'group-owner':
      return { asker: kind, initiator: `${kind} ${question.owner ?? question.sgId}` };
  }
}

/** What is asked, for a person to read. */
export function sentenceOf(question: ConsentQuestion): string {
  switch (question.kind) {
    case 'invitation':
      return question.initiator === question.gateway
        ? `${question.gateway} asks this device into a personal network`
        : `${question.gateway} asks, for ${question.initiator}, this device into a personal network`;
    case 'confirm':
      return `${question.pne} wants into a personal network of ${question.gatewayUser} at ${question.gateway}: is it yours, and may it be charged to you`;
    case 'admit':
      return `${question.pne}, of another user, wants into a personal network of this device`;
    case 'group':
      return `${question.initiator} asks this device into service group ${titleOf(question)}`;
    case 'group-admit':
      // Of the own user only a device that was expelled has to be let in.
      return `${question.pne}, ${question.sameUser ? 'which was expelled' : 'of another user'}, wants into service group ${titleOf(question)} of this device`;
    case 'group-owner':
      return question.owner === undefined
        ? `service group ${titleOf(question)} has no owner any more: shall it be this device`
        : `${question.owner} wants this device to own service group ${titleOf(question)}`;
  }
}

function titleOf({ name, sgId }: GroupQuestion): string {
  return name === '' ? sgId : `"${name}"`;
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
