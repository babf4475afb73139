import { type CryptoProvider, describeError, type Logger, type ServerId, type SgId } from '@cpns/shared';
import {
  type GroupKey,
  groupKeyOf,
  MemberKeys,
  type MemberState,
  type NewKeys,
  type ResyncAnswer,
  type SignedRekeyPart,
} from '@cpns/shared/security';
import { type Changes, DeviceState, sgIdOctets } from '../device-state.js';
import type { GroupTraffic } from './group-traffic.js';

/** The Group Key before a new one is received for so long at most, whatever a rekey says (security 1.8). */
const MAX_GRACE_MS = 60_000;

export interface GroupKeysOptions {
  readonly idServer: ServerId;
  readonly provider: CryptoProvider;
  readonly logger: Logger;
  readonly state: DeviceState;
  readonly traffic: GroupTraffic;
  /** There is another Group Key in use. */
  changed(sgId: SgId): void;
}

/** The keys of this device in its service groups: its leaf, its path, the Group Key. They are durable before they are used. */
export class GroupKeys {
  readonly #options: GroupKeysOptions;
  readonly #byGroup = new Map<SgId, MemberKeys>();

  constructor(options: GroupKeysOptions, groups: readonly SgId[]) {
    this.#options = options;
    for (const sgId of groups) this.#load(sgId);
  }

  /** Undefined: there are no keys of that group yet. */
  epoch(sgId: SgId): bigint | undefined {
    return this.#byGroup.get(sgId)?.state?.epoch;
  }

  /** A copy of the Group Key, which the caller erases, when it is that of `epoch`. */
  keyOf(sgId: SgId, epoch: bigint): GroupKey | undefined {
    const state = this.#byGroup.get(sgId)?.state;
    return state?.epoch === epoch ? groupKeyOf(state) : undefined;
  }

  /**
   * One part of a rekey. `gap`: something was missed, and the keys are to be asked for.
   * @throws CpnsError Auth, Codec: it is none of this group's, or not the server's; State/DiskFull
   */
  async take(sgId: SgId, part: SignedRekeyPart): Promise<'keys' | 'more' | 'old' | 'gap'> {
    const taken = this.#keysOf(sgId).take(part);
    if (taken.outcome === 'keys') await this.#install(sgId, taken);
    return taken.outcome;
  }

  /** The server's answer to a resync request. @throws CpnsError as {@link take}, Auth/EpochRollback, Auth/BadResync */
  async takeResync(sgId: SgId, answer: ResyncAnswer): Promise<void> {
    await this.#install(sgId, this.#keysOf(sgId).takeResync(answer));
  }

  /** Erases what is in memory; the store is another one's business. */
  forget(sgId: SgId): void {
    this.#byGroup.get(sgId)?.erase();
    this.#byGroup.delete(sgId);
    this.#options.traffic.forget(sgId);
  }

  eraseAll(): void {
    for (const keys of this.#byGroup.values()) keys.erase();
    this.#byGroup.clear();
  }

  #load(sgId: SgId): void {
    const { state, logger } = this.#options;
    try {
      const stored = state.groupKeys(sgId);
      if (stored === undefined) return;
      this.#byGroup.set(sgId, this.#memberKeys(sgId, stored));
      this.#use(sgId, stored, 0, 0);
    } catch (error) {
      // They are asked for again, as after any loss.
      logger.warn('the keys of a service group cannot be read', { group: sgId, why: describeError(error) });
    }
  }

  #keysOf(sgId: SgId): MemberKeys {
    const known = this.#byGroup.get(sgId) ?? this.#memberKeys(sgId, undefined);
    this.#byGroup.set(sgId, known);
    return known;
  }

  #memberKeys(sgId: SgId, stored: MemberState | undefined): MemberKeys {
    const { provider, idServer, state } = this.#options;
    return new MemberKeys({
      provider,
      idServer,
      sgId: sgIdOctets(sgId),
      state: stored,
      // The server may announce another one at any time.
      get serverKeys() {
        return state.serverKeys?.keys ?? [];
      },
    });
  }

  async #install(sgId: SgId, fresh: NewKeys): Promise<void> {
    const keys = this.#keysOf(sgId);
    const changes: Changes = new Map();
    DeviceState.setGroupKeys(changes, sgId, fresh.state);
    await this.#options.state.commit(changes);
    keys.install(fresh);
    if (!fresh.newEpoch) return;
    this.#use(sgId, fresh.state, fresh.graceMs, fresh.switchAfterMs);
    this.#options.changed(sgId);
  }

  #use(sgId: SgId, state: MemberState, graceMs: number, switchAfterMs: number): void {
    const key = groupKeyOf(state);
    this.#options.traffic.install(sgId, state.epoch, key, Math.min(graceMs, MAX_GRACE_MS), Math.min(switchAfterMs, MAX_GRACE_MS));
  }
}
