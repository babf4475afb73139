import type { Clock, EntityId, PnId } from '@cpns/shared';
import { toHex } from '@cpns/shared/security';
import type { Session } from './session.js';

/** The SK sessions of a server (security 1.6b). Keys live in memory; a server that lost them makes its devices authenticate anew. */
export interface SessionKeys {
  /** Any session that is still received, the replaced and unconfirmed ones too. */
  find(sid: Uint8Array): Session | undefined;
  /** The session to send in: the newest that the device has confirmed. */
  current(entityId: EntityId, pnId: PnId | ''): Session | undefined;
  /** All sessions of that device in that PN, the replaced and unconfirmed ones too. */
  of(entityId: EntityId, pnId: PnId | ''): readonly Session[];
  /** Every session of that device that can be sent in. */
  currentOf(entityId: EntityId): readonly Session[];
  /** Sessions of PNEs that this PN GW carries and that can be sent in. */
  behind(gateway: EntityId): readonly Session[];
  /** Files a session after its handshake; it takes the place of one that was never confirmed. */
  file(session: Session): void;
  /** The device's first record came. The session before is received for a while yet. False: it was confirmed already. */
  confirm(session: Session): boolean;
  /** Erases a session after the time for which replaced ones are received. */
  retire(session: Session): void;
  /** Erases one session. */
  drop(session: Session): void;
  /** Erases all sessions of a device, and those that it carries as PN GW. */
  dropDevice(entityId: EntityId): void;
  /** Erases everything. */
  clear(): void;
  readonly count: number;
}

export interface RamSessionKeysOptions {
  readonly clock: Clock;
  /** How long a replaced session is still received, in milliseconds. */
  readonly oldSessionGraceMs: number;
  /** A session was erased. */
  dropped(session: Session): void;
}

/** The sessions of one device in one PN: at most one of each. */
interface Place {
  fresh?: Session | undefined;
  current?: Session | undefined;
  replaced?: Session | undefined;
}

interface Filed {
  readonly session: Session;
  cancelTimer: () => void;
}

/** {@link SessionKeys} in the memory of one process. */
export class RamSessionKeys implements SessionKeys {
  readonly #options: RamSessionKeysOptions;
  readonly #bySid = new Map<string, Filed>();
  readonly #byDevice = new Map<EntityId, Map<PnId | '', Place>>();
  readonly #byGateway = new Map<EntityId, Set<Session>>();

  constructor(options: RamSessionKeysOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#bySid.size;
  }

  find(sid: Uint8Array): Session | undefined {
    return this.#bySid.get(toHex(sid))?.session;
  }

  current(entityId: EntityId, pnId: PnId | ''): Session | undefined {
    return this.#byDevice.get(entityId)?.get(pnId)?.current;
  }

  of(entityId: EntityId, pnId: PnId | ''): readonly Session[] {
    const place = this.#byDevice.get(entityId)?.get(pnId);
    return [place?.fresh, place?.current, place?.replaced].filter((session) => session !== undefined);
  }

  currentOf(entityId: EntityId): readonly Session[] {
    const places = this.#byDevice.get(entityId)?.values() ?? [];
    return [...places].map((place) => place.current).filter((session) => session !== undefined);
  }

  behind(gateway: EntityId): readonly Session[] {
    return [...(this.#byGateway.get(gateway) ?? [])].filter((session) => this.current(session.entityId, session.pnId) === session);
  }

  file(session: Session): void {
    const places = this.#byDevice.get(session.entityId) ?? new Map<PnId | '', Place>();
    this.#byDevice.set(session.entityId, places);
    const place = places.get(session.pnId) ?? {};
    places.set(session.pnId, place);
    const unconfirmed = place.fresh;
    place.fresh = session;
    this.#bySid.set(toHex(session.sid), {
      session,
      cancelTimer: this.#options.clock.after(session.lifetimeMs, () => this.drop(session)),
    });
    if (session.gateway !== '') {
      const carried = this.#byGateway.get(session.gateway) ?? new Set<Session>();
      this.#byGateway.set(session.gateway, carried.add(session));
    }
    if (unconfirmed !== undefined) this.drop(unconfirmed);
  }

  confirm(session: Session): boolean {
    const place = this.#byDevice.get(session.entityId)?.get(session.pnId);
    if (place?.fresh !== session) return false;
    const { current, replaced } = place;
    place.fresh = undefined;
    place.current = session;
    place.replaced = current;
    if (replaced !== undefined) this.drop(replaced);
    if (current !== undefined) this.retire(current);
    return true;
  }

  retire(session: Session): void {
    const filed = this.#bySid.get(toHex(session.sid));
    if (filed?.session !== session) return;
    filed.cancelTimer();
    filed.cancelTimer = this.#options.clock.after(this.#options.oldSessionGraceMs, () => this.drop(session));
  }

  drop(session: Session): void {
    const name = toHex(session.sid);
    const filed = this.#bySid.get(name);
    if (filed?.session !== session) return;
    filed.cancelTimer();
    this.#bySid.delete(name);
    this.#byGateway.get(session.gateway as EntityId)?.delete(session);
    if (this.#byGateway.get(session.gateway as EntityId)?.size === 0) this.#byGateway.delete(session.gateway as EntityId);
    this.#vacate(session);
    session.erase();
    this.#options.dropped(session);
  }

  dropDevice(entityId: EntityId): void {
    for (const { session } of [...this.#bySid.values()]) {
      if (session.entityId === entityId || session.gateway === entityId) this.drop(session);
    }
  }

  clear(): void {
    for (const { session } of [...this.#bySid.values()]) this.drop(session);
  }

  #vacate(session: Session): void {
    const places = this.#byDevice.get(session.entityId);
    const place = places?.get(session.pnId);
    if (places === undefined || place === undefined) return;
    if (place.fresh === session) place.fresh = undefined;
    if (place.current === session) place.current = undefined;
    if (place.replaced === session) place.replaced = undefined;
    if (place.fresh === undefined && place.current === undefined && place.replaced === undefined) places.delete(session.pnId);
    if (places.size === 0) this.#byDevice.delete(session.entityId);
  }
}
