import type { EntityId } from '@cpns/shared';
import type { Sighting } from '../../entity/pan-technology.js';

/** How a device was noticed. */
export type SightingSource = 'mdns' | 'by-hand';

export interface SightingsHandler {
  sighted(sighting: Sighting): void;
  lost(id: EntityId): void;
}

/** Joins what several ways of looking say about the same device, so that it is lost only when none knows it any more. */
export class Sightings {
  readonly #handler: SightingsHandler;
  readonly #known = new Map<EntityId, Map<SightingSource, Sighting>>();

  constructor(handler: SightingsHandler) {
    this.#handler = handler;
  }

  add(source: SightingSource, sighting: Sighting): void {
    const sources = this.#known.get(sighting.id) ?? new Map<SightingSource, Sighting>();
    sources.delete(source);
    sources.set(source, sighting);
    this.#known.set(sighting.id, sources);
    this.#tell(sighting.id, sources);
  }

  remove(source: SightingSource, id: EntityId): void {
    const sources = this.#known.get(id);
    if (sources?.delete(source) !== true) return;
    if (sources.size > 0) return this.#tell(id, sources);
    this.#known.delete(id);
    this.#handler.lost(id);
  }

  /** The latest word counts for what it announces, everybody's for where it is. */
  #tell(id: EntityId, sources: ReadonlyMap<SightingSource, Sighting>): void {
    const [latest, ...earlier] = [...sources.values()].reverse();
    if (latest === undefined) return;
    const addresses = [...new Set([latest, ...earlier].flatMap((s) => s.addresses))];
    this.#handler.sighted({ ...latest, id, addresses });
  }
}
