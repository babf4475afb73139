import type { EntityId, PnId } from '@cpns/shared';
import { Secret } from '@cpns/shared/security';
import type { DeviceContext } from './device-context.js';
import { type Changes, DeviceState, type LocalEuKeyRecord } from './device-state.js';

/** LocalEUKeys are renewed from this age on ... (security 1.5) */
const RENEW_AFTER_MS = 18 * 3_600_000;
/** ... and live so long, or longer while the server cannot be reached. */
const LIVES_MS = 24 * 3_600_000;
/** Clocks may differ by so much before and after a correction without anybody noticing. */
const CLOCK_SKEW_MS = 300_000;

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

  /** The key whose header has this digest; the caller erases it after use. `freshOnly`: of a run that is under way. */
  find(pnId: PnId, peer: EntityId, headerHash: Uint8Array, freshOnly = false): LocalEuKey | undefined {
    const { provider } = this.#context;
    const fits = ({ header }: LocalEuKey) => provider.equal(provider.sha256(header), headerHash);
    const fresh = this.#fresh.get(`${pnId}/${peer}`);
    if (fresh !== undefined && fits(fresh)) return { key: new Secret(fresh.key.label, fresh.key.reveal()), header: fresh.header };
    const stored = freshOnly ? undefined : this.stored(pnId, peer);
    if (stored === undefined || fits(stored)) return stored;
    stored.key.erase();
    return undefined;
  }

  /** The durable key while it may still be used; the caller erases it after use. */
  stored(pnId: PnId, peer: EntityId): LocalEuKey | undefined {
    const record = this.#context.state.localEuKey(pnId, peer);
    if (record === undefined || this.#isOver(record)) return undefined;
    return { key: Secret.take(`LocalEUKey ${peer}`, record.key), header: record.header };
  }

  /** A key young enough that no new one has to be asked for. */
  hasYoung(pnId: PnId, peer: EntityId): boolean {
    const record = this.#context.state.localEuKey(pnId, peer);
    return record !== undefined && this.#ageOf(record) < RENEW_AFTER_MS;
  }

  /** Deletes the keys that may not be used any more. @throws CpnsError State/DiskFull */
  async sweep(): Promise<void> {
    const { state } = this.#context;
    const changes: Changes = new Map();
    for (const { pnId, peer, record } of state.localEuKeys()) {
      if (this.#isOver(record)) DeviceState.setLocalEuKey(changes, pnId, peer, undefined);
    }
    if (changes.size > 0) await state.commit(changes);
  }

  #isOver(record: LocalEuKeyRecord): boolean {
    return this.#ageOf(record) > LIVES_MS + this.#context.settings.limits.expiredLocalKeyMs;
  }

  /** A key from the future was made under a wrong clock, or the clock is wrong now: it serves, and is due for renewal. */
  #ageOf({ createdWallMs }: LocalEuKeyRecord): number {
    const ageMs = this.#context.clock.wallMs() - createdWallMs;
    return ageMs < -CLOCK_SKEW_MS ? RENEW_AFTER_MS : Math.max(0, ageMs);
  }
}
