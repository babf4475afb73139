import { CpnsError, type EntityId, type PnId, type UserId } from '@cpns/shared';
import { fromHex, toHex } from '@cpns/shared/security';
import type { InventoryContext } from './context.js';

/** A standing yes of a user to guests (protocol 0.15): to one device, or to every device of another user. */
export interface OpenInvitation {
  /** The invited device; then `user` is undefined. */
  readonly device: EntityId | undefined;
  /** The user whose devices are invited; then `device` is undefined. */
  readonly user: UserId | undefined;
  /** The one PN that it is for. Undefined: every PN of this user's PN GWs. */
  readonly pnId: PnId | undefined;
  /** When it ends, milliseconds since 1970. Undefined: when it is withdrawn. */
  readonly untilMs: number | undefined;
}

export interface OpenInvitationReads {
  /** A guest is invited into that PN by that user at this moment. */
  welcomes(host: UserId, guest: { readonly entityId: EntityId; readonly userId: UserId }, pnId: PnId): boolean;
  /** Those that have not ended, in the order in which they were opened. */
  of(host: UserId): readonly OpenInvitation[];
}

export interface OpenInvitations extends OpenInvitationReads {
  /** Opens one; it takes the place of another one for the same guest and the same PN. @throws CpnsError State/TooManyInvitations */
  open(host: UserId, invitation: OpenInvitation): void;
  /** False: there was none for that guest and that PN. */
  withdraw(host: UserId, invitation: Omit<OpenInvitation, 'untilMs'>): boolean;
  /** Withdraws all that name that device. */
  forget(device: EntityId): void;
}

/** Open invitations of one user at the same time. */
export const MAX_INVITATIONS = 256;

/**
 * An invitation ends by the wall clock, which people mean, and at the latest by running time, so that a clock that is set back makes
 * none longer.
 */
const LASTS = '(until_ms IS NULL OR (until_ms > ? AND until_running > ?))';
const SAME = 'host = ? AND guest_device IS ? AND guest_user IS ? AND pn_id IS ?';

interface Row {
  readonly guest_device: EntityId | null;
  readonly guest_user: UserId | null;
  readonly pn_id: Uint8Array | null;
  readonly until_ms: number | null;
}

/** Open invitations in SQLite. They go with their users, devices and PNs. */
export class SqliteOpenInvitations implements OpenInvitations {
  readonly #context: InventoryContext;

  constructor(context: InventoryContext) {
    this.#context = context;
  }

  welcomes(host: UserId, { entityId, userId }: { readonly entityId: EntityId; readonly userId: UserId }, pnId: PnId): boolean {
    const sql = `SELECT 1 FROM open_invitations
      WHERE host = ? AND (guest_device = ? OR guest_user = ?) AND (pn_id IS NULL OR pn_id = ?) AND ${LASTS} LIMIT 1`;
    return this.#context.sqlite.get(sql, host, entityId, userId, fromHex(pnId), ...this.#now()) !== undefined;
  }

  of(host: UserId): readonly OpenInvitation[] {
    const sql = `SELECT guest_device, guest_user, pn_id, until_ms FROM open_invitations WHERE host = ? AND ${LASTS} ORDER BY id`;
    return this.#context.sqlite.all<Row>(sql, host, ...this.#now()).map((row) => ({
      device: row.guest_device ?? undefined,
      user: row.guest_user ?? undefined,
      pnId: row.pn_id === null ? undefined : (toHex(row.pn_id) as PnId),
      untilMs: row.until_ms ?? undefined,
    }));
  }

  open(host: UserId, invitation: OpenInvitation): void {
    const { sqlite } = this.#context;
    this.withdraw(host, invitation);
    sqlite.run(`DELETE FROM open_invitations WHERE host = ? AND NOT ${LASTS}`, host, ...this.#now());
    if (this.of(host).length >= MAX_INVITATIONS) {
      const sentence = `"${host}" has ${MAX_INVITATIONS} open invitations: withdraw one with "cpns-server policy forbid", or invite a user in place of his devices.`;
      throw new CpnsError('State', 'TooManyInvitations', sentence);
    }
    const { untilMs } = invitation;
    const [wallMs, runningMs] = this.#now();
    sqlite.run(
      `INSERT INTO open_invitations (host, guest_device, guest_user, pn_id, until_ms, until_running) VALUES (?, ?, ?, ?, ?, ?)`,
      ...named(host, invitation),
      untilMs ?? null,
      untilMs === undefined ? null : runningMs + (untilMs - wallMs),
    );
  }

  withdraw(host: UserId, invitation: Omit<OpenInvitation, 'untilMs'>): boolean {
    const sql = `DELETE FROM open_invitations WHERE ${SAME}`;
    return this.#context.sqlite.run(sql, ...named(host, invitation)).changes > 0;
  }

  forget(device: EntityId): void {
    this.#context.sqlite.run('DELETE FROM open_invitations WHERE guest_device = ?', device);
  }

  #now(): readonly [wallMs: number, runningMs: number] {
    const { clock, running } = this.#context;
    return [clock.wallMs(), running.nowMs()];
  }
}

function named(host: UserId, { device, user, pnId }: Omit<OpenInvitation, 'untilMs'>) {
  return [host, device ?? null, user ?? null, pnId === undefined ? null : fromHex(pnId)] as const;
}
