import { CpnsError, describeError, type EntityId, type Entropy, type Logger } from '@cpns/shared';
import { unpair } from '@cpns/shared/messages';
import type { DeviceLimits, Happening } from './device-context.js';
import { type Changes, DeviceState } from './device-state.js';
import { LINK, type PeerLink } from './peer-link.js';

export interface PairingsOptions {
  readonly state: DeviceState;
  readonly entropy: Entropy;
  readonly logger: Logger;
  readonly limits: Pick<DeviceLimits, 'pairings'>;
  linkTo(id: EntityId): PeerLink | undefined;
  linkedPeers(): readonly EntityId[];
  happened(what: Happening): void;
  /** The pairing is deleted: what rests on it ends, too. `byPeer`: the other device wanted it. */
  ended(peer: EntityId, byPeer: boolean): Promise<void>;
}

/** Who may talk to this device at all (security 1.9). */
export class Pairings {
  readonly #options: PairingsOptions;

  constructor(options: PairingsOptions) {
    this.#options = options;
  }

  has(peer: EntityId): boolean {
    return this.#options.state.pairing(peer) !== undefined;
  }

  /** `given`: where somebody said that the device is. @throws CpnsError State/TooManyPairings, State/DiskFull */
  async keep(peer: EntityId, kPair: Uint8Array, given: readonly string[] | undefined): Promise<void> {
    const { state, limits, happened } = this.#options;
    const known = state.pairing(peer);
    if (known === undefined && state.pairings().size >= limits.pairings) {
      throw new CpnsError(
        'State',
        'TooManyPairings',
        `This device is paired with ${limits.pairings} others, as many as it may be: unpair one first.`,
      );
    }
    const changes: Changes = new Map();
    const addresses = given ?? known?.addresses;
    DeviceState.setPairing(changes, peer, { kPair, ...(addresses && { addresses }) });
    await state.commit(changes);
    happened({ type: 'peer-paired', peer, text: `${peer} is paired with this device.` });
  }

  /** The person at this device wants it. @throws CpnsError State/NotPaired, State/DiskFull */
  async end(peer: EntityId): Promise<void> {
    if (!this.has(peer)) throw new CpnsError('State', 'NotPaired', `${peer} is not paired with this device; see "cpns-agent peers".`);
    this.#tell(peer);
    await this.#forget(peer, false);
  }

  /** The other device said so, in the link session with it. */
  async endedByPeer(peer: EntityId): Promise<void> {
    try {
      await this.#forget(peer, true);
    } catch (error) {
      this.#options.logger.warn('a pairing could not be removed', { peer, why: describeError(error) });
    }
  }

  /** Tells every linked device that the pairing is over, as a reset is about to make it. */
  tellAll(): void {
    for (const peer of this.#options.linkedPeers()) this.#tell(peer);
  }

  #tell(peer: EntityId): void {
    this.#options.linkTo(peer)?.exchange.notify(unpair, {}, LINK);
  }

  async #forget(peer: EntityId, byPeer: boolean): Promise<void> {
    const { state, entropy, happened, ended, linkTo } = this.#options;
    const changes: Changes = new Map();
    DeviceState.setPairing(changes, peer, undefined);
    DeviceState.setAdvertisingKey(changes, entropy.bytes(16));
    await state.commit(changes);
    happened({ type: 'peer-unpaired', peer, text: `${peer} is not paired any more.` });
    linkTo(peer)?.close('the devices are not paired any more');
    await ended(peer, byPeer);
  }
}
