import { acknowledged, CpnsError, describeError, type EntityId, type Logger, type Reply, type Serial } from '@cpns/shared';
import { ack, unpair } from '@cpns/shared/messages';
import type { AdvertisingKeys } from './advertising-keys.js';
import type { DeviceLimits, Happening } from './device-context.js';
import { type Changes, DeviceState, type PairingRecord } from './device-state.js';
import { type Hop, LINK, type PeerLink } from './peer-link.js';

export interface PairingsOptions {
  readonly state: DeviceState;
  readonly logger: Logger;
  readonly limits: Pick<DeviceLimits, 'pairings'>;
  /** What is stored about one pairing happens in the order of arrival. */
  readonly settling: Serial<EntityId>;
  readonly advertising: Pick<AdvertisingKeys, 'renew'>;
  /** Every linked device. */
  links(): readonly PeerLink[];
  /** Takes the link to a device out of use, and leaves it open for a last word. */
  retire(peer: EntityId): PeerLink | undefined;
  happened(what: Happening): void;
  /** Who is paired is another matter now. */
  changed(): void;
  /** The pairing is deleted: what rests on it ends, too. `byPeer`: the other device wanted it. */
  ended(peer: EntityId, byPeer: boolean): Promise<void>;
}

/** Ended pairings of which the other device has not heard; of more of them the first are forgotten. */
const MAX_ENDED = 16;
const FAREWELL_TIMEOUT_MS = 5_000;

/**
 * Who may talk to this device at all (security 1.9). A pairing is made in two steps, and ended in two: neither a crash nor a lost message
 * leaves one device paired and the other not, once they have met again.
 */
export class Pairings {
  readonly #options: PairingsOptions;

  constructor(options: PairingsOptions) {
    this.#options = options;
  }

  /** A link with that device is wanted: it is paired, or may turn out to be. */
  has(peer: EntityId): boolean {
    const { state } = this.#options;
    return state.pairing(peer) !== undefined || state.pairing(peer, 'new') !== undefined;
  }

  isPaired(peer: EntityId): boolean {
    return this.#options.state.pairing(peer) !== undefined;
  }

  /**
   * The first step: the first session under this K_pair stands here. An earlier pairing stays beside it. `given`: where somebody said
   * that the device is. @throws CpnsError State/TooManyPairings, State/DiskFull
   */
  begin(peer: EntityId, kPair: Uint8Array, given: readonly string[] | undefined): Promise<void> {
    // The caller may erase the key before its turn comes.
    const key = kPair.slice();
    return this.#options.settling.run(peer, () => this.#begin(peer, key, given)).finally(() => key.fill(0));
  }

  async #begin(peer: EntityId, kPair: Uint8Array, given: readonly string[] | undefined): Promise<void> {
    const { limits, state } = this.#options;
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
    DeviceState.setPairing(changes, peer, { kPair, ...(addresses && { addresses }) }, 'new');
    await this.#commit(changes);
  }

  /** The second step is due: the peer talks in a session under the new K_pair, as it does only when it has stored it itself. */
  isConfirmedBy(link: PeerLink): boolean {
    const record = this.#options.state.pairing(link.peer as EntityId, 'new');
    return record !== undefined && link.isProvenUnder(record.kPair);
  }

  /** The second step. @throws CpnsError State/DiskFull */
  confirm(peer: EntityId): Promise<void> {
    const { state, happened, settling } = this.#options;
    return settling.run(peer, async () => {
      const record = state.pairing(peer, 'new');
      if (record === undefined) return;
      const changes = forgotten(peer);
      DeviceState.setPairing(changes, peer, record);
      await this.#commit(changes);
      happened({ type: 'peer-paired', peer, text: `${peer} is paired with this device.` });
    });
  }

  /** The peer has not confirmed: nothing is kept. Beside an earlier pairing both keys are, since nobody can know which one the peer has. */
  giveUp(peer: EntityId): Promise<void> {
    const { state, logger, settling } = this.#options;
    return settling.run(peer, async () => {
      const record = state.pairing(peer, 'new');
      if (record === undefined || this.isPaired(peer)) return;
      try {
        await this.#end(peer, record);
      } catch (error) {
        logger.warn('a pairing that came to nothing could not be removed', { peer, why: describeError(error) });
      }
    });
  }

  /** The person at this device wants it. @throws CpnsError State/NotPaired, State/DiskFull */
  async end(peer: EntityId): Promise<void> {
    const { state, happened, ended, settling } = this.#options;
    await settling.run(peer, async () => {
      const record = state.pairing(peer) ?? state.pairing(peer, 'new');
      if (record === undefined)
        throw new CpnsError('State', 'NotPaired', `${peer} is not paired with this device; see "cpns-agent peers".`);
      await this.#end(peer, record);
    });
    happened({ type: 'peer-unpaired', peer, text: `${peer} is not paired any more.` });
    await ended(peer, false);
  }

  /** The other device says so, in the link session with it. */
  async endedByPeer(peer: EntityId): Promise<Reply<Hop>> {
    const { happened, ended, logger, settling, advertising } = this.#options;
    const known = await settling.run(peer, async () => {
      if (!this.has(peer)) return undefined;
      const paired = this.isPaired(peer);
      const changes = forgotten(peer);
      DeviceState.setPairing(changes, peer, undefined);
      advertising.renew(changes);
      await this.#commit(changes);
      return { paired };
    });
    if (known?.paired) happened({ type: 'peer-unpaired', peer, text: `${peer} is not paired any more.` });
    if (known !== undefined)
      ended(peer, true).catch((error) => logger.warn('what rests on a pairing was not ended', { peer, why: describeError(error) }));
    return acknowledged;
  }

  /** The session of that link was made under the K_pair of a pairing that is over. */
  isOver(link: PeerLink): boolean {
    const record = this.#options.state.pairing(link.peer as EntityId, 'ended');
    return record !== undefined && link.isProvenUnder(record.kPair);
  }

  /** Tells a peer in a session under its K_pair that the pairing is over; once it has heard, the key is forgotten. */
  async farewell(link: PeerLink): Promise<void> {
    const { state, logger } = this.#options;
    const peer = link.peer as EntityId;
    try {
      await link.exchange.request(unpair, {}, [ack], LINK, { timeoutMs: FAREWELL_TIMEOUT_MS, signal: link.signal });
      if (this.isOver(link)) {
        const changes: Changes = new Map();
        DeviceState.setPairing(changes, peer, undefined, 'ended');
        await state.commit(changes);
      }
    } catch (error) {
      logger.info('a device has not heard yet that the pairing is over', { peer, why: describeError(error) });
    }
    link.close('the devices are not paired any more');
  }

  /** Tells every linked device that the pairing is over, as a reset is about to make it. */
  tellAll(): void {
    for (const { exchange, signal } of this.#options.links()) {
      exchange.request(unpair, {}, [ack], LINK, { timeoutMs: FAREWELL_TIMEOUT_MS, signal }).catch(() => undefined);
    }
  }

  /** Over here at once and for good; the peer is told now, or when it comes back. */
  async #end(peer: EntityId, { kPair }: PairingRecord): Promise<void> {
    const { state, retire, advertising } = this.#options;
    const changes = forgotten(peer);
    DeviceState.setPairing(changes, peer, undefined);
    DeviceState.setPairing(changes, peer, { kPair }, 'ended');
    const others = [...state.pairings('ended').keys()].filter((id) => id !== peer);
    for (const id of others.slice(0, Math.max(0, others.length + 1 - MAX_ENDED))) DeviceState.setPairing(changes, id, undefined, 'ended');
    advertising.renew(changes);
    await this.#commit(changes);
    const link = retire(peer);
    if (link !== undefined) void this.farewell(link);
  }

  async #commit(changes: Changes): Promise<void> {
    await this.#options.state.commit(changes);
    this.#options.changed();
  }
}

/** Neither begun nor ended any more. */
function forgotten(peer: EntityId): Changes {
  const changes: Changes = new Map();
  DeviceState.setPairing(changes, peer, undefined, 'new');
  DeviceState.setPairing(changes, peer, undefined, 'ended');
  return changes;
}
