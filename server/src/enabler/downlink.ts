import { CpnsError, describeError, type EntityId, type Entropy, type Logger } from '@cpns/shared';
import { clearFrame, encodeEnvelope, relay, sessionUnknown } from '@cpns/shared/messages';
import { fromHex } from '@cpns/shared/security';
import type { Broker } from '../broker/broker.js';
import type { Session } from './session.js';
import type { SessionKeys } from './session-keys.js';

/** Octets of a transaction id. */
export const TRANSACTION_OCTETS = 16;

export interface DownlinkOptions {
  readonly broker: Pick<Broker, 'publish'>;
  readonly sessions: SessionKeys;
  readonly present: ReadonlySet<EntityId>;
  readonly entropy: Entropy;
  readonly logger: Logger;
}

/**
 * The way down: seals for one session and hands the records to the broker, a PNE's inside the SK channel of its PN GW. Nothing is kept
 * here; whoever needs an answer repeats.
 */
export class Downlink {
  readonly #options: DownlinkOptions;

  constructor(options: DownlinkOptions) {
    this.#options = options;
  }

  /** There is a way to the device of this session at this moment. */
  reaches(session: Session): boolean {
    const { sessions, present } = this.#options;
    if (session.own) return present.has(session.entityId);
    const gateway = session.gateway as EntityId;
    return present.has(gateway) && sessions.current(gateway, '') !== undefined;
  }

  /** Sends one envelope. `pad` false: application content. False: there is no way, or the broker did not take it. Never rejects. */
  async send(session: Session, envelope: Uint8Array, pad = true): Promise<boolean> {
    const carrier = session.own ? session : this.#options.sessions.current(session.gateway as EntityId, '');
    if (carrier === undefined) return false;
    const records = this.#seal(session, envelope, pad);
    if (records === undefined) return false;
    const taken = await Promise.all(
      records.map((record) => (session.own ? this.#publish(session, record) : this.#relay(carrier, session, record))),
    );
    return taken.every(Boolean);
  }

  /** Sends one envelope in clear: answers of Connection setup and hints. Never rejects. */
  clear(to: EntityId, envelope: Uint8Array): Promise<boolean> {
    return this.#options.broker.publish(to, clearFrame(envelope));
  }

  /** Tells a device that its session is not known here: a hint, nothing more (security 1.5). */
  async sessionUnknown(to: EntityId, sid: Uint8Array): Promise<void> {
    await this.clear(to, encodeEnvelope(sessionUnknown, this.#options.entropy.bytes(TRANSACTION_OCTETS), '', { sid }));
  }

  /** The same hint for a PNE, in the SK channel of its PN GW. */
  async sessionOfPneUnknown(carrier: Session, pne: EntityId, sid: Uint8Array): Promise<void> {
    await this.send(carrier, encodeEnvelope(sessionUnknown, this.#options.entropy.bytes(TRANSACTION_OCTETS), '', { sid, pne }));
  }

  async #relay(carrier: Session, session: Session, record: Uint8Array): Promise<boolean> {
    const body = { pnId: fromHex(session.pnId), pne: session.entityId, record };
    const envelope = encodeEnvelope(relay, this.#options.entropy.bytes(TRANSACTION_OCTETS), '', body);
    const outer = this.#seal(carrier, envelope, false);
    if (outer === undefined) return false;
    const taken = await Promise.all(outer.map((octets) => this.#publish(carrier, octets)));
    return taken.every(Boolean);
  }

  #publish(session: Session, record: Uint8Array): Promise<boolean> {
    return this.#options.broker.publish(session.entityId, record);
  }

  /** Undefined: the keys are used up, and the device was told to make new ones. */
  #seal(session: Session, envelope: Uint8Array, pad: boolean): Uint8Array[] | undefined {
    try {
      return session.seal(envelope, pad);
    } catch (error) {
      const { sessions, logger } = this.#options;
      if (!(error instanceof CpnsError) || error.family !== 'State') {
        logger.error('a message could not be sealed', { entityId: session.entityId, why: describeError(error) });
        return undefined;
      }
      if (sessions.find(session.sid) !== session) return undefined;
      logger.info('a session is used up', { entityId: session.entityId, why: describeError(error) });
      sessions.drop(session);
      const carrier = session.own ? undefined : sessions.current(session.gateway as EntityId, '');
      if (session.own) void this.sessionUnknown(session.entityId, session.sid);
      else if (carrier !== undefined) void this.sessionOfPneUnknown(carrier, session.entityId, session.sid);
      return undefined;
    }
  }
}
