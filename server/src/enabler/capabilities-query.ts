import type { Clock, EntityId, Entropy, Logger } from '@cpns/shared';
import { describeError } from '@cpns/shared';
import { bodyOf, capabilitiesQueryRequest, capabilitiesQueryResponse, decodeCapabilities, Status } from '@cpns/shared/messages';
import { toHex } from '@cpns/shared/security';
import type { Database } from '../inventory/database.js';
import type { Questions } from './questions.js';
import type { Session } from './session.js';
import type { SessionKeys } from './session-keys.js';

/** A PN GW that comes back after a start of this server is asked after so long, and as much more by chance: not all at once. */
const FIRST_AFTER_MS = 10_000;
/** For one answer; a PN GW may have to ask the PNE. */
const ANSWER_LIMIT_MS = 15_000;

export interface CapabilitiesQueriesOptions {
  readonly inventory: Database;
  readonly sessions: SessionKeys;
  readonly questions: Questions;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly logger: Logger;
  /** Each PN GW is asked that often, about itself and the PNEs of its PNs. */
  readonly everyMs: number;
}

/**
 * Device Capabilities Query (protocol a.1, DM-1): every PN GW is asked about itself and its PNEs, once after a start of this server and
 * then at an interval, one device after the other.
 */
export class CapabilitiesQueries {
  readonly #options: CapabilitiesQueriesOptions;
  /** By PN GW: when it was asked last, in monotonic milliseconds. */
  readonly #askedAtMs = new Map<EntityId, number>();
  readonly #timers = new Map<Session, () => void>();

  constructor(options: CapabilitiesQueriesOptions) {
    this.#options = options;
  }

  /** Asks in this session of a PN GW until it is forgotten. */
  watch(session: Session): void {
    const { clock, entropy, everyMs } = this.#options;
    const askedAtMs = this.#askedAtMs.get(session.entityId);
    const first = FIRST_AFTER_MS * (1 + (entropy.bytes(1)[0] as number) / 256);
    const waitMs = askedAtMs === undefined ? Math.min(first, everyMs) : Math.max(FIRST_AFTER_MS, askedAtMs + everyMs - clock.monotonicMs());
    this.forget(session);
    this.#timers.set(
      session,
      clock.after(waitMs, () => {
        this.#askedAtMs.set(session.entityId, clock.monotonicMs());
        void this.#askAll(session);
        this.watch(session);
      }),
    );
  }

  forget(session: Session): void {
    this.#timers.get(session)?.();
    this.#timers.delete(session);
  }

  async #askAll(session: Session): Promise<void> {
    const { inventory, sessions, logger } = this.#options;
    const { pns } = inventory.reads;
    const gateway = session.entityId;
    const pnes = pns.ofGateway(gateway).flatMap(({ pnId }) => pns.members(pnId).map(({ entityId }) => entityId));
    try {
      for (const target of new Set([gateway, ...pnes])) {
        if (sessions.find(session.sid) !== session) return;
        await this.#ask(session, target);
      }
    } catch (error) {
      logger.warn('device capabilities could not be asked for', { entityId: gateway, why: describeError(error) });
    }
  }

  /** What was answered is kept where it is news. A PNE that is away is asked the next time. */
  async #ask(session: Session, target: EntityId): Promise<void> {
    const { inventory, questions, logger } = this.#options;
    const replied = await questions.ask(session, capabilitiesQueryRequest, { target }, ANSWER_LIMIT_MS);
    if (replied.kind !== 'answered' || replied.envelope.number !== capabilitiesQueryResponse.number) return;
    const { status, capabilities } = bodyOf(replied.envelope, capabilitiesQueryResponse);
    if (status !== Status.Success || capabilities === undefined) return;
    try {
      decodeCapabilities(capabilities);
    } catch (error) {
      logger.info('device capabilities could not be read', { entityId: target, why: describeError(error) });
      return;
    }
    const known = inventory.reads.devices.find(target);
    if (known === undefined || toHex(known.capabilities ?? new Uint8Array()) === toHex(capabilities)) return;
    await inventory.transact((tx) => {
      if (tx.devices.find(target)?.state !== 'active') return;
      tx.devices.report(target, capabilities);
      tx.events.add({ event: 'capabilities-changed', text: `The device capabilities of ${target} are others now.`, entityId: target });
    });
  }
}
