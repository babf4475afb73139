import type { CryptoProvider, EntityId } from '@cpns/shared';
import { pairAdvertisingKey } from '@cpns/shared/security';
import type { DeviceState, PairingRecord } from './device-state.js';

/**
 * Keys of Bluetooth hints, 16 octets each (security 1.9, BLE hint). A device advertises under its K_adv; towards a paired device that
 * is not known to have that, under a key that only the two of them can derive. So a first session cut short loses nobody, nor does an
 * unpairing, after which the K_adv is a new one; and whoever was unpaired resolves nothing any more.
 */
export class HintKeys {
  readonly #provider: CryptoProvider;
  readonly #state: DeviceState;
  readonly #self: EntityId;

  constructor(provider: CryptoProvider, state: DeviceState, self: EntityId) {
    this.#provider = provider;
    this.#state = state;
    this.#self = self;
  }

  /** Under which this device advertises, in turn: its K_adv first, then one for each paired device that has to be told it. */
  own(): readonly Uint8Array[] {
    const kAdv = this.#state.advertisingKey;
    const untold = this.#records().filter(([, { toldKAdv }]) => kAdv === undefined || !this.#same(toldKAdv, kAdv));
    return [...(kAdv === undefined ? [] : [kAdv]), ...untold.map(([, { kPair }]) => this.#pairKey(kPair, this.#self))];
  }

  /** Under which each paired device may advertise. */
  peers(): ReadonlyMap<EntityId, readonly Uint8Array[]> {
    const keys = new Map<EntityId, readonly Uint8Array[]>();
    for (const [peer, { kPair, kAdv }] of this.#records()) {
      keys.set(peer, [...(keys.get(peer) ?? []), ...(kAdv === undefined ? [] : [kAdv]), this.#pairKey(kPair, peer)]);
    }
    return keys;
  }

  #records(): [EntityId, PairingRecord][] {
    return [...this.#state.pairings(), ...this.#state.pairings('new')];
  }

  #pairKey(kPair: Uint8Array, advertiser: EntityId): Uint8Array {
    return pairAdvertisingKey(this.#provider, kPair, advertiser);
  }

  #same(one: Uint8Array | undefined, other: Uint8Array): boolean {
    return one !== undefined && this.#provider.equal(one, other);
  }
}
