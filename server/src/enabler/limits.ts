import { type Clock, type EntityId, type SgId, TokenBuckets, type UserId } from '@cpns/shared';
import { Status } from '@cpns/shared/messages';
import type { Settings } from '../config/settings.js';
import { refuse } from './refusals.js';

/** Devices whose buckets are told apart; those beyond share one. */
const MAX_KEYS = 65_536;
const RETRY_AFTER_MS = 1_000;
/** A refusal names no longer time. */
const LONGEST_RETRY_AFTER_MS = 600_000;
/** The time over which PNE Confirm Requests to one owner are counted, in seconds (security 2.1). */
const CONFIRMATION_PERIOD_S = 600;
/** Those over which questions about groups, comings and goings, changes of objects, and resyncs of one member are counted. */
const GROUP_QUESTION_PERIOD_S = 600;
const GROUP_CHANGE_PERIOD_S = 3_600;
const GROUP_RESYNC_PERIOD_S = 10;

/**
 * How much one device may ask for (security 2.1). What a hello costs is debited after its reqMAC verified, so that nobody can use up
 * another one's share.
 */
export class Limits {
  readonly #establishments: TokenBuckets;
  readonly #requests: TokenBuckets;
  readonly #hints: TokenBuckets;
  readonly #confirmations: TokenBuckets;
  readonly #groupQuestions: TokenBuckets;
  readonly #groupChanges: TokenBuckets;
  readonly #groupResyncs: TokenBuckets;
  readonly #groupRestores: TokenBuckets;
  readonly #groupObjectParts: TokenBuckets;
  readonly #groupKept: TokenBuckets;
  readonly #groupKeptAtOnce: number;
  readonly #groupObjectChanges: TokenBuckets;

  constructor(clock: Clock, limits: Settings['limits']) {
    const { establishmentsPerSecondPerGateway: establishments, sessionUnknownPerSecondPerGateway: hints } = limits;
    const { confirmationsPer10MinPerOwner: confirmations } = limits;
    this.#establishments = new TokenBuckets(clock, establishments, Math.max(establishments, limits.pnesPerRegistration), MAX_KEYS);
    this.#requests = new TokenBuckets(clock, limits.requestsPerSecondPerPne, limits.requestBurstPerPne, MAX_KEYS);
    this.#hints = new TokenBuckets(clock, hints, hints, MAX_KEYS);
    this.#confirmations = new TokenBuckets(clock, confirmations / CONFIRMATION_PERIOD_S, confirmations, MAX_KEYS);
    const {
      groupQuestionsPer10MinPerDevice: questions,
      groupChangesPerHourPerMember: changes,
      groupResyncsPer10SPerMember: resyncs,
      groupObjectPartsPerSecondPerMember: parts,
      groupKeptCopiesPerSecondPerMember: copies,
      groupObjectChangesPerHourPerMember: objectChanges,
    } = limits;
    this.#groupQuestions = new TokenBuckets(clock, questions / GROUP_QUESTION_PERIOD_S, questions, MAX_KEYS);
    this.#groupChanges = new TokenBuckets(clock, changes / GROUP_CHANGE_PERIOD_S, changes, MAX_KEYS);
    this.#groupResyncs = new TokenBuckets(clock, resyncs / GROUP_RESYNC_PERIOD_S, resyncs, MAX_KEYS);
    this.#groupRestores = new TokenBuckets(clock, 1 / GROUP_CHANGE_PERIOD_S, 1, MAX_KEYS);
    this.#groupObjectParts = new TokenBuckets(clock, parts, parts, MAX_KEYS);
    this.#groupKeptAtOnce = limits.groupKeptCopiesPerGroup;
    this.#groupKept = new TokenBuckets(clock, copies, limits.groupKeptCopiesPerGroup, MAX_KEYS);
    this.#groupObjectChanges = new TokenBuckets(clock, objectChanges / GROUP_CHANGE_PERIOD_S, objectChanges, MAX_KEYS);
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

  /** That user is to be asked about a device of his. @throws CpnsError State/TooManyConfirmations (Busy) */
  confirm(owner: UserId): void {
    if (this.#confirmations.take(owner)) return;
    throw refuse(Status.Busy, 'TooManyConfirmations', `${owner} was asked about devices too often.`, CONFIRMATION_PERIOD_S * 1_000);
  }

  /** May that device, or that PN GW for a PNE, be told once more that a session is unknown? */
  hint(gateway: EntityId): boolean {
    return this.#hints.take(gateway);
  }

  /** That device is to be asked about a group, for a device of that user: nobody uses up what others may ask. */
  groupQuestion(entityId: EntityId, askedFor: UserId): boolean {
    return this.#groupQuestions.take(`${askedFor} ${entityId}`);
  }

  /** That device comes into a group or goes by itself. @throws CpnsError State/TooManyGroupChanges (Busy) */
  groupChange(sgId: SgId, entityId: EntityId): void {
    if (this.#groupChanges.take(`${sgId} ${entityId}`)) return;
    throw refuse(Status.Busy, 'TooManyGroupChanges', `${entityId} came and went too often.`, LONGEST_RETRY_AFTER_MS);
  }

  /** That member asks for its path in the key tree. @throws CpnsError State/TooManyResyncs (Busy) */
  groupResync(sgId: SgId, entityId: EntityId): void {
    if (this.#groupResyncs.take(`${sgId} ${entityId}`)) return;
    throw refuse(Status.Busy, 'TooManyResyncs', `${entityId} asks for its group keys too often.`, GROUP_RESYNC_PERIOD_S * 1_000);
  }

  /** May a member whose state is old have the epoch moved once more? */
  groupRestore(sgId: SgId, entityId: EntityId): boolean {
    return this.#groupRestores.take(`${sgId} ${entityId}`);
  }

  /** That member shares an object, or withdraws one. @throws CpnsError State/TooManyObjectChanges (Busy) */
  groupObjectChange(sgId: SgId, entityId: EntityId): void {
    if (this.#groupObjectChanges.take(`${sgId} ${entityId}`)) return;
    throw refuse(Status.Busy, 'TooManyObjectChanges', `${entityId} shares and withdraws objects too often.`, LONGEST_RETRY_AFTER_MS);
  }

  /** One member is to be asked for a part of a shared object, for another. @throws CpnsError State/TooManyObjectParts (Busy) */
  groupObjectPart(asker: EntityId, holder: EntityId): void {
    if (this.#groupObjectParts.take(`by ${asker}`) && this.#groupObjectParts.take(`of ${holder}`)) return;
    throw refuse(Status.Busy, 'TooManyObjectParts', `${asker} asks for too much of ${holder}.`, RETRY_AFTER_MS);
  }

  /** May a message of that device be kept for so many members? */
  groupKept(sender: EntityId, members: number): boolean {
    return this.#groupKept.take(sender, Math.min(members, this.#groupKeptAtOnce));
  }
}
