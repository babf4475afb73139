import type { Clock, EntityId } from '@cpns/shared';
import type { BleAdvertisement } from '@cpns/shared/messages';
import type { Sighting } from '../../entity/pan-technology.js';

/** A device that is not heard for so long is lost. Whoever alternates between listening and advertising, or connects, pauses. */
const MAX_AGE_MS = 30_000;
/** An address counts for a device so long after its last hint that fits: with several keys, hints of the others come in between. */
const FITS_MS = 120_000;
/** Addresses kept of one device: it has one, or two while it changes it. */
const MOST_ADDRESSES = 4;
/** An address where a link came to nothing is tried after the others for so long. */
const FAILURE_COUNTS_MS = 60_000;

/** Why an address is taken for a device's: its hint fits, or it said so itself in a pairing window. */
export type Evidence = 'hint' | 'word';

interface Place {
  readonly address: string;
  readonly id: EntityId;
  evidence: Evidence;
  mode: BleAdvertisement['mode'];
  pairing: boolean;
  heardMs: number;
  fitMs: number;
  links: number;
  failures: number;
  failedMs: number;
}

export interface NeighboursHandler {
  sighted(sighting: Sighting): void;
  lost(id: EntityId): void;
}

/** Who is near over Bluetooth and at which addresses. Anybody can repeat what a device advertises, so an address is a guess. */
export class BleNeighbours {
  readonly #clock: Clock;
  readonly #handler: NeighboursHandler;
  readonly #maxNames: number;
  readonly #places = new Map<string, Place>();
  /** What was last told about each device; those that changed since are told with the next {@link BleNeighbours.tick}. */
  readonly #told = new Map<EntityId, string>();
  readonly #changed = new Set<EntityId>();

  constructor(clock: Clock, maxNames: number, handler: NeighboursHandler) {
    this.#clock = clock;
    this.#maxNames = maxNames;
    this.#handler = handler;
  }

  heard(address: string, id: EntityId, { mode, pairingOpen }: BleAdvertisement, evidence: Evidence): void {
    const before = this.#places.get(address);
    if (before !== undefined && before.id !== id) this.#drop(before);
    const place = this.#places.get(address) ?? this.#placeFor(address, id);
    if (place === undefined) return;
    const nowMs = this.#clock.monotonicMs();
    Object.assign(place, { mode, pairing: pairingOpen, heardMs: nowMs, fitMs: nowMs, evidence });
    this.#changed.add(id);
    if (!this.#told.has(id)) this.#tell(id);
  }

  /** Something came from that address under a hint that fits nobody: maybe from the device that was there before. */
  heardAgain(address: string, { mode, pairingOpen }: BleAdvertisement): void {
    const place = this.#places.get(address);
    const nowMs = this.#clock.monotonicMs();
    if (place === undefined || (place.evidence === 'hint' && nowMs - place.fitMs >= FITS_MS)) return;
    Object.assign(place, { mode, pairing: pairingOpen, heardMs: nowMs });
    this.#changed.add(place.id);
  }

  /** Forgets who is not to be met any more; who is linked is, when the link has ended. */
  keep(isMet: (id: EntityId, evidence: Evidence) => boolean): void {
    for (const place of [...this.#places.values()]) {
      if (place.links === 0 && !isMet(place.id, place.evidence)) this.#drop(place);
    }
  }

  /** There is a link with that address: it is not heard meanwhile, and near all the same. */
  linked(address: string): void {
    const place = this.#places.get(address);
    if (place !== undefined) place.links++;
  }

  unlinked(address: string, proven: boolean): void {
    const place = this.#places.get(address);
    if (place === undefined) return;
    place.links = Math.max(0, place.links - 1);
    place.heardMs = this.#clock.monotonicMs();
    if (!proven) this.failed(address);
    else place.failures = 0;
  }

  failed(address: string): void {
    const place = this.#places.get(address);
    if (place === undefined) return;
    place.failures = this.#failuresOf(place) + 1;
    place.failedMs = this.#clock.monotonicMs();
  }

  /** Where to try the device that was seen at some of `addresses`, best first; the addresses themselves when it is known nowhere. */
  bestAddresses(addresses: readonly string[]): readonly string[] {
    const ids = new Set(addresses.flatMap((address) => this.#places.get(address)?.id ?? []));
    const places = [...this.#places.values()].filter((place) => ids.has(place.id)).sort((a, b) => this.#order(a, b));
    return places.length > 0 ? places.map((place) => place.address) : addresses;
  }

  /** Tells what has changed, and who is lost. */
  tick(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const place of [...this.#places.values()]) {
      if (place.links === 0 && nowMs - place.heardMs >= MAX_AGE_MS) this.#drop(place);
    }
    for (const id of [...this.#changed]) this.#tell(id);
  }

  #placeFor(address: string, id: EntityId): Place | undefined {
    const places = this.#placesOf(id);
    if (places.length === 0 && this.#told.size >= this.#maxNames) return undefined;
    if (places.length >= MOST_ADDRESSES) {
      const least = places.filter((place) => place.links === 0).at(-1);
      if (least === undefined) return undefined;
      this.#places.delete(least.address);
    }
    const fresh: Place = {
      address,
      id,
      links: 0,
      failures: 0,
      failedMs: 0,
      heardMs: 0,
      fitMs: 0,
      mode: 0,
      pairing: false,
      evidence: 'hint',
    };
    this.#places.set(address, fresh);
    return fresh;
  }

  #drop(place: Place): void {
    this.#places.delete(place.address);
    this.#changed.add(place.id);
    if (this.#placesOf(place.id).length === 0) this.#tell(place.id);
  }

  #placesOf(id: EntityId): Place[] {
    return [...this.#places.values()].filter((place) => place.id === id).sort((a, b) => this.#order(a, b));
  }

  /** Where a link failed lately comes last; else what was heard last comes first. */
  #order(a: Place, b: Place): number {
    return this.#failuresOf(a) - this.#failuresOf(b) || b.heardMs - a.heardMs;
  }

  #failuresOf({ failures, failedMs }: Place): number {
    return this.#clock.monotonicMs() - failedMs < FAILURE_COUNTS_MS ? failures : 0;
  }

  #tell(id: EntityId): void {
    this.#changed.delete(id);
    const places = this.#placesOf(id);
    const [best] = places;
    if (best === undefined) {
      if (this.#told.delete(id)) this.#handler.lost(id);
      return;
    }
    const addresses = places.map((place) => place.address);
    const text = JSON.stringify([best.mode, best.pairing, [...addresses].sort()]);
    if (this.#told.get(id) === text) return;
    this.#told.set(id, text);
    this.#handler.sighted({ id, technology: 'ble', mode: best.mode, pairing: best.pairing, addresses });
  }
}
