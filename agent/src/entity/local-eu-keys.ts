import type { EntityId, PnId } from '@cpns/shared';
import { Secret } from '@cpns/shared/security';
import type { DeviceContext } from './device-context.js';
import { type Changes, DeviceState } from './device-state.js';

/** LocalEUKeys are renewed from this age on ... (security 1.5) */
export const RENEW_AFTER_MS = 18 * 3_600_000;
/** ... and live so long, or longer while the server cannot be reached. */
const LIVES_MS = 24 * 3_600_000;

/** A LocalEUKey and the header octets that PAN handshakes under it bind. */
export interface LocalEuKey {
  readonly key: Secret;
  readonly header: Uint8Array;
}

/**
 * The LocalEUKeys of a device: one per (PN, peer) in the durable state, and beside it a fresh one of a run under way, which becomes
 * durable together with what the run achieves or is erased with it.
 */
export class LocalEuKeys {
  readonly #context: Pick<DeviceContext, 'state' | 'clock' | 'provider' | 'settings'>;
  readonly #fresh = new Map<string, LocalEuKey>();

  constructor(context: Pick<DeviceContext, 'state' | 'clock' | 'provider' | 'settings'>) {
    this.#context = context;
  }

  offer(pnId: PnId, peer: EntityId, key: LocalEuKey): void {
    this.discard(pnId, peer);
    this.#fresh.set(`${pnId}/${peer}`, key);
  }

  /** Makes the fresh key part of `changes`; call {@link discard} once they are committed. False: there is none. */
  keep(changes: Changes, pnId: PnId, peer: EntityId): boolean {
    const fresh = this.#fresh.get(`${pnId}/${peer}`);
    if (fresh === undefined) return false;
    DeviceState.setLocalEuKey(changes, pnId, peer, {
      key: fresh.key.reveal(),
      header: fresh.header,
      createdWallMs: this.#context.clock.wallMs(),
    });
    return true;
  }

  discard(pnId: PnId, peer: EntityId): void {
    this.#fresh.get(`${pnId}/${peer}`)?.key.erase();
    this.#fresh.delete(`${pnId}/${peer}`);
  }

  /** The key whose header has this digest; the caller erases it after use. */
  find(pnId: PnId, peer: EntityId, headerHash: Uint8Array): LocalEuKey | undefined {
    const { provider } = this.#context;
    const candidates = [this.#fresh.get(`${pnId}/${peer}`), this.stored(pnId, peer)];
    const found = candidates.find((candidate) => candidate !== undefined && provider.equal(provider.sha256(candidate.header), headerHash));
    return found && { key: new Secret(found.key.label, found.key.reveal()), header: found.header };
  }

  /** The durable key while it may still be used; the caller erases it after use. */
  stored(pnId: PnId, peer: EntityId): LocalEuKey | undefined {
    const record = this.#context.state.localEuKey(pnId, peer);
    if (record === undefined || this.#ageOf(record.createdWallMs) > LIVES_MS + this.#context.settings.limits.expiredLocalKeyMs)
      return undefined;
    return { key: new Secret(`LocalEUKey ${peer}`, record.key), header: record.header };
  }

  /** A key young enough that no new one has to be asked for. */
  hasYoung(pnId: PnId, peer: EntityId): boolean {
    const record = this.#context.state.localEuKey(pnId, peer);
    return record !== undefined && this.#ageOf(record.createdWallMs) < RENEW_AFTER_MS;
  }

  /** A clock that was set back makes a key look unborn: then it counts as new, and costs at worst one more day. */
  #ageOf(createdWallMs: number): number {
    return Math.max(0, this.#context.clock.wallMs() - createdWallMs);
  }
}
