import type { Clock, EntityId } from '@cpns/shared';
import { bodyOf, type Envelope, MISSING_MAX, sgDataAnswer } from '@cpns/shared/messages';
import { toHex } from '@cpns/shared/security';
import type { Session } from '../session.js';

/** A PN GW says within so long what became of a message. */
const ANSWER_LIMIT_MS = 4_000;
/** Messages that PN GWs have not answered; beyond that the oldest counts as unanswered. */
const OPEN_MAX = 1_024;

/** What a PN GW said of one message. */
export interface Delivery {
  readonly gateway: EntityId;
  /** Members behind it that could not be given the message, in its words; undefined: nobody behind it may have it. */
  readonly missing: readonly EntityId[] | undefined;
}

interface Open {
  readonly awaited: Set<Session>;
  readonly deliveries: Delivery[];
  conclude(): void;
}

/** What PN GWs say of the group messages that they were sent. Lives in memory. */
export class Deliveries {
  readonly #clock: Clock;
  readonly #open = new Map<string, Open>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when each of those PN GWs has answered, or their time is over. */
  of(transaction: Uint8Array, gateways: readonly Session[]): Promise<readonly Delivery[]> {
    const key = toHex(transaction);
    for (const oldest of this.#open.values()) {
      if (this.#open.size < OPEN_MAX) break;
      oldest.conclude();
    }
    return new Promise((resolve) => {
      const awaited = new Set(gateways);
      const deliveries: Delivery[] = [];
      const conclude = () => {
        cancelLimit();
        this.#open.delete(key);
        resolve([...deliveries, ...[...awaited].map(({ entityId: gateway }) => ({ gateway, missing: undefined }))]);
      };
      const cancelLimit = this.#clock.after(ANSWER_LIMIT_MS, conclude);
      this.#open.set(key, { awaited, deliveries, conclude });
    });
  }

  /** A PN GW answers. */
  answered(session: Session, envelope: Envelope): void {
    const open = this.#open.get(toHex(envelope.transaction));
    if (open === undefined || !open.awaited.has(session)) return;
    const { missing } = bodyOf(envelope, sgDataAnswer);
    open.awaited.delete(session);
    open.deliveries.push({ gateway: session.entityId, missing: named(missing) });
    if (open.awaited.size === 0) open.conclude();
  }

  /** Nobody waits any more. */
  stop(): void {
    for (const { conclude } of [...this.#open.values()]) conclude();
  }
}

/** A full list may be cut off: it stands for everybody. */
export function named(missing: readonly EntityId[]): readonly EntityId[] | undefined {
  return missing.length < MISSING_MAX ? missing : undefined;
}
