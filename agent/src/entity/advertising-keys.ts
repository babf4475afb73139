import {
  acknowledged,
  type Clock,
  CpnsError,
  describeError,
  type EntityId,
  type Entropy,
  type Logger,
  type Reply,
  retrySchedule,
  type Serial,
  sleep,
} from '@cpns/shared';
import { ack, advertisingKey, bodyOf, type Envelope, Status } from '@cpns/shared/messages';
import { toHex } from '@cpns/shared/security';
import { type Changes, DeviceState, type PairingRecord, type PairingState } from './device-state.js';
import { type Hop, LINK, type PeerLink } from './peer-link.js';

const K_ADV_LENGTH = 16;
const TELL_TIMEOUT_MS = 5_000;

export interface AdvertisingKeysOptions {
  readonly state: DeviceState;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly logger: Logger;
  /** What is stored about one pairing happens in the order of arrival. */
  readonly settling: Serial<EntityId>;
  /** Own keys, or those of paired devices, are others now. */
  changed(): void;
}

/**
 * The handover of K_adv (security 1.9, BLE hint; protocol 0.26): every paired device is told the own one in a link session, once, and
 * acknowledges when it has stored it. A device that has none, because it has no Bluetooth, tells nobody.
 */
export class AdvertisingKeys {
  readonly #options: AdvertisingKeysOptions;
  readonly #telling = new WeakSet<PeerLink>();

  constructor(options: AdvertisingKeysOptions) {
    this.#options = options;
  }

  /** Makes the first key. @throws CpnsError State/DiskFull */
  async make(): Promise<void> {
    const { state, changed } = this.#options;
    if (state.advertisingKey !== undefined) return;
    const changes: Changes = new Map();
    DeviceState.setAdvertisingKey(changes, this.#options.entropy.bytes(K_ADV_LENGTH));
    await state.commit(changes);
    changed();
  }

  /** An unpairing makes a new key: part of `changes`. */
  renew(changes: Changes): void {
    const { state, entropy } = this.#options;
    if (state.advertisingKey !== undefined) DeviceState.setAdvertisingKey(changes, entropy.bytes(K_ADV_LENGTH));
  }

  /** Tells the peer the own key, if it does not have it, until it has stored it or the link is gone. Never rejects. */
  async tell(link: PeerLink): Promise<void> {
    if (this.#telling.has(link)) return;
    this.#telling.add(link);
    const pauses = retrySchedule(this.#options.entropy, { firstMs: 4_000, maxMs: 60_000 });
    while (!link.signal.aborted && this.#untold(link) !== undefined) {
      try {
        await this.#tellOnce(link);
      } catch (error) {
        if (link.signal.aborted) break;
        this.#options.logger.info('a device was not told the advertising key', { peer: link.peer, why: describeError(error) });
        await sleep(this.#options.clock, 1_000 + pauses.next().value, link.signal).catch(() => undefined);
      }
    }
    this.#telling.delete(link);
  }

  /** The peer's own key. Stored before it is acknowledged. @throws CpnsError State/NotPaired, State/DiskFull */
  async heard(link: PeerLink, envelope: Envelope): Promise<Reply<Hop>> {
    if (await this.#keep(link, 'kAdv', bodyOf(envelope, advertisingKey).kAdv)) return acknowledged;
    throw new CpnsError('State', 'NotPaired', 'The pairing of that link is over.', { status: Status.WrongState });
  }

  async #tellOnce(link: PeerLink): Promise<void> {
    const kAdv = this.#untold(link) as Uint8Array;
    await link.exchange.request(advertisingKey, { kAdv }, [ack], LINK, { timeoutMs: TELL_TIMEOUT_MS, signal: link.signal });
    await this.#keep(link, 'toldKAdv', kAdv);
  }

  /** The key that the peer has still to be told. */
  #untold(link: PeerLink): Uint8Array | undefined {
    const kAdv = this.#options.state.advertisingKey;
    const [, record] = this.#pairingOf(link) ?? [];
    if (kAdv === undefined || record === undefined) return undefined;
    return sameKey(record.toldKAdv, kAdv) ? undefined : kAdv;
  }

  /** The pairing under which the link was proven, if it is not over. */
  #pairingOf(link: PeerLink): [PairingState, PairingRecord] | undefined {
    for (const kind of ['new', 'paired'] as const) {
      const record = this.#options.state.pairing(link.peer as EntityId, kind);
      if (record !== undefined && link.isProvenUnder(record.kPair)) return [kind, record];
    }
    return undefined;
  }

  /** Adds a key to the pairing under which the link was proven. False: that pairing is over. */
  #keep(link: PeerLink, what: 'kAdv' | 'toldKAdv', key: Uint8Array): Promise<boolean> {
    const { state, settling, changed } = this.#options;
    return settling.run(link.peer as EntityId, async () => {
      const [kind, record] = this.#pairingOf(link) ?? [];
      if (record === undefined) return false;
      if (sameKey(record[what], key)) return true;
      const changes: Changes = new Map();
      DeviceState.setPairing(changes, link.peer as EntityId, { ...record, [what]: key }, kind);
      await state.commit(changes);
      changed();
      return true;
    });
  }
}

function sameKey(one: Uint8Array | undefined, other: Uint8Array): boolean {
  return one !== undefined && toHex(one) === toHex(other);
}
