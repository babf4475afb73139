import type { Clock, EntityId, Entropy, SgId } from '@cpns/shared';
import { encodeEnvelope, groupKeyDelivery } from '@cpns/shared/messages';
import type { SignedRekeyPart } from '@cpns/shared/security';
import type { Database } from '../../inventory/database.js';
import { type Downlink, TRANSACTION_OCTETS } from '../downlink.js';
import type { SessionKeys } from '../session-keys.js';

/** A rekey goes again to PN GWs with members that have not acknowledged it, so long after the time before. Then they find it by heartbeat. */
const REPEATS_AFTER_MS = [5_000, 10_000] as const;

export interface RekeyDeliveryOptions {
  readonly inventory: Pick<Database, 'reads'>;
  readonly sessions: SessionKeys;
  readonly downlink: Downlink;
  readonly clock: Clock;
  readonly entropy: Entropy;
}

/** The last rekey of one group. */
interface Delivery {
  readonly epoch: number;
  readonly acknowledged: Set<EntityId>;
  cancelTimer: () => void;
}

/**
 * Broadcasts rekeys (seed 000 7.y.5): each part goes once to every PN GW with members behind it, sealed in that PN GW's own session, which
 * relays it unread. What nobody acknowledges is repeated; who acknowledged is kept in memory only.
 */
export class RekeyDelivery {
  readonly #options: RekeyDeliveryOptions;
  readonly #deliveries = new Map<SgId, Delivery>();

  constructor(options: RekeyDeliveryOptions) {
    this.#options = options;
  }

  /** The rekey is durable: it leaves now. One of an earlier epoch is given up. */
  deliver(sgId: SgId, epoch: number, parts: readonly SignedRekeyPart[]): void {
    this.forget(sgId);
    if (parts.length === 0) return;
    const delivery: Delivery = { epoch, acknowledged: new Set(), cancelTimer: () => {} };
    this.#deliveries.set(sgId, delivery);
    const gateways = this.#options.inventory.reads.groups.gateways(sgId).map(({ gateway }) => gateway);
    for (const gateway of gateways) this.#send(gateway, parts);
    this.#repeatLater(sgId, delivery, parts, 0);
  }

  /** A member has the Group Key of that epoch durably. */
  acknowledged(sgId: SgId, epoch: number, member: EntityId): void {
    const delivery = this.#deliveries.get(sgId);
    if (delivery?.epoch === epoch) delivery.acknowledged.add(member);
  }

  forget(sgId: SgId): void {
    this.#deliveries.get(sgId)?.cancelTimer();
    this.#deliveries.delete(sgId);
  }

  stop(): void {
    for (const sgId of [...this.#deliveries.keys()]) this.forget(sgId);
  }

  #repeatLater(sgId: SgId, delivery: Delivery, parts: readonly SignedRekeyPart[], times: number): void {
    const afterMs = REPEATS_AFTER_MS[times];
    if (afterMs === undefined) return this.forget(sgId);
    delivery.cancelTimer = this.#options.clock.after(afterMs, () => {
      const late = this.#late(sgId, delivery);
      if (late.size === 0) return this.forget(sgId);
      for (const gateway of late) this.#send(gateway, parts);
      this.#repeatLater(sgId, delivery, parts, times + 1);
    });
  }

  /** PN GWs behind which somebody has not acknowledged. */
  #late(sgId: SgId, { acknowledged }: Delivery): ReadonlySet<EntityId> {
    const { groups } = this.#options.inventory.reads;
    const late = new Set<EntityId>();
    if ((groups.find(sgId)?.memberCount ?? 0) <= acknowledged.size) return late;
    for (const { entityId, gateway } of groups.members(sgId)) if (!acknowledged.has(entityId)) late.add(gateway);
    return late;
  }

  #send(gateway: EntityId, parts: readonly SignedRekeyPart[]): void {
    const { sessions, downlink, entropy } = this.#options;
    const session = sessions.current(gateway, '');
    if (session === undefined || !downlink.reaches(session)) return;
    for (const { part, signature } of parts) {
      const envelope = encodeEnvelope(groupKeyDelivery, entropy.bytes(TRANSACTION_OCTETS), '', { part, signature });
      void downlink.send(session, envelope, false);
    }
  }
}
