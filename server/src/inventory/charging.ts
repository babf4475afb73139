import type { EntityId, PnId, UserId } from '@cpns/shared';
import { fromHex, toHex } from '@cpns/shared/security';
import type { Selectable } from 'kysely';
import type { InventoryContext } from './context.js';
import type { ChargingRow } from './tables.js';

/** One chargeable action: who did what, where, and whose subscription pays for it. */
export interface NewChargingEvent {
  readonly pne: EntityId;
  /** The user of that PNE, who pays, by this subscription. */
  readonly userId: UserId;
  readonly subscriptionId: string;
  readonly pnId: PnId;
  readonly gateway: EntityId;
  readonly gatewayUser: UserId;
  readonly service: string;
  /** Name of a status: `Success`, or why it did not come to it. */
  readonly result: string;
}

export interface ChargingEvent extends NewChargingEvent {
  /** Rises from event to event. */
  readonly id: number;
  /** Milliseconds since 1970. */
  readonly atMs: number;
}

export interface ChargingReads {
  /** Those not before `sinceMs` that come after the event `afterId`, oldest first, at most `limit`. */
  page(sinceMs: number, afterId: number, limit: number): readonly ChargingEvent[];
}

/** The last 1,000,000 charging events. They name users and devices after these are gone. */
export interface ChargingLog extends ChargingReads {
  add(event: NewChargingEvent): void;
}

const KEPT = 1_000_000;
/** Those beyond are dropped so many at once. */
const DROPPED_AT_ONCE = 64;

/** Charging events in SQLite. */
export class SqliteCharging implements ChargingLog {
  readonly #context: InventoryContext;

  constructor(context: InventoryContext) {
    this.#context = context;
  }

  page(sinceMs: number, afterId: number, limit: number): readonly ChargingEvent[] {
    const { sqlite } = this.#context;
    const query = sqlite.build.selectFrom('charging').selectAll().where('id', '>', afterId).where('at_ms', '>=', sinceMs).orderBy('id');
    return sqlite.select(query.limit(limit)).map(eventOf);
  }

  add({ pne, userId, subscriptionId, pnId, gateway, gatewayUser, service, result }: NewChargingEvent): void {
    const { sqlite, clock } = this.#context;
    const { id } = sqlite.run(
      `INSERT INTO charging (at_ms, pne, user_id, subscription_id, pn_id, gateway, gateway_user, service, result)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      clock.wallMs(),
      pne,
      userId,
      subscriptionId,
      fromHex(pnId),
      gateway,
      gatewayUser,
      service,
      result,
    );
    if (id % DROPPED_AT_ONCE === 0) sqlite.run('DELETE FROM charging WHERE id <= ?', id - KEPT);
  }
}

function eventOf(row: Selectable<ChargingRow>): ChargingEvent {
  return {
    id: row.id,
    atMs: row.at_ms,
    pne: row.pne,
    userId: row.user_id,
    subscriptionId: row.subscription_id,
    pnId: toHex(row.pn_id) as PnId,
    gateway: row.gateway,
    gatewayUser: row.gateway_user,
    service: row.service,
    result: row.result,
  };
}
