import { type Clock, type EntityId, TokenBuckets } from '@cpns/shared';
import { Status } from '@cpns/shared/messages';
import type { Settings } from '../config/settings.js';
import { refuse } from './refusals.js';

/** Devices whose buckets are told apart; those beyond share one. */
const MAX_KEYS = 65_536;
const RETRY_AFTER_MS = 1_000;

/**
 * How much one device may ask for (security 2.1). What a hello costs is debited after its reqMAC verified, so that nobody can use up
 * another one's share.
 */
export class Limits {
  readonly #establishments: TokenBuckets;
  readonly #requests: TokenBuckets;
  readonly #hints: TokenBuckets;

  constructor(clock: Clock, limits: Settings['limits']) {
    const { establishmentsPerSecondPerGateway: establishments, sessionUnknownPerSecondPerGateway: hints } = limits;
    this.#establishments = new TokenBuckets(clock, establishments, Math.max(establishments, limits.pnesPerRegistration), MAX_KEYS);
    this.#requests = new TokenBuckets(clock, limits.requestsPerSecondPerPne, limits.requestBurstPerPne, MAX_KEYS);
    this.#hints = new TokenBuckets(clock, hints, hints, MAX_KEYS);
  }

  /** So many PNEs are to be authenticated for that PN GW. @throws CpnsError State/TooManyEstablishments (Busy) */
  establish(gateway: EntityId, pnes: number): void {
    if (this.#establishments.take(gateway, pnes)) return;
    throw refuse(Status.Busy, 'TooManyEstablishments', `${gateway} has too many devices authenticated in a short time.`, RETRY_AFTER_MS);
  }

  /** That device authenticates itself or asks for a change. @throws CpnsError State/TooManyRequests (Busy) */
  request(entityId: EntityId): void {
    if (this.#requests.take(entityId)) return;
    throw refuse(Status.Busy, 'TooManyRequests', `${entityId} asks too often.`, RETRY_AFTER_MS);
  }

  /** May that device, or that PN GW for a PNE, be told once more that a session is unknown? */
  hint(gateway: EntityId): boolean {
    return this.#hints.take(gateway);
  }
}
