import type { BuiltStage, Need, Rig } from '../rig.js';
import type { BenchHost } from './bench-host.js';
import type { Technology } from './bench-settings.js';
import { BenchStage, type BenchStageOptions } from './bench-stage.js';
import type { DeviceMarks } from './host-facts.js';

/** A host that can be used, or the sentence that says why it cannot. */
export type BenchPlace = { readonly name: string; readonly host: BenchHost } | { readonly name: string; readonly trouble: string };

export interface BenchRigOptions extends Pick<BenchStageOptions, 'technology' | 'serverAddress' | 'directory' | 'clock' | 'keeper'> {
  readonly pair: readonly [BenchPlace, BenchPlace];
  /** Hosts that play third and further devices, where they can. */
  readonly others: readonly BenchPlace[];
  readonly serverPlace: BenchPlace | undefined;
  /** The number of the next stage, over all rigs of the bench. */
  readonly nextNumber: () => number;
}

/** One pair of devices of the bench that reach each other in one way. */
export class BenchRig implements Rig {
  readonly name: string;
  readonly title: string;
  readonly offers: ReadonlySet<Need>;
  /** A device is one device, and its adapter and port 5353 are there once. */
  readonly atOnce = 1;
  readonly #options: BenchRigOptions;

  constructor(options: BenchRigOptions) {
    const names = options.pair.map(({ name }) => name).join('+');
    this.#options = options;
    this.name = `bench ${options.technology} ${names}`;
    this.offers = new Set<Need>(['power', options.technology === 'lan' ? 'ip' : 'ble']);
    this.title = `your devices ${names} by ${options.technology}`;
  }

  async obstacle(): Promise<string | undefined> {
    const { pair, serverPlace, technology } = this.#options;
    if (serverPlace !== undefined && 'trouble' in serverPlace) return serverPlace.trouble;
    for (const place of pair) {
      const obstacle = obstacleAt(place, technology);
      if (obstacle !== undefined) return obstacle;
    }
    return undefined;
  }

  async lacks(): Promise<undefined> {
    return undefined;
  }

  marks(): readonly DeviceMarks[] {
    const { pair, technology } = this.#options;
    return pair.flatMap((place) => ('host' in place ? [place.host.marks(technology)] : []));
  }

  async build(): Promise<BuiltStage> {
    const { pair, others, serverPlace, nextNumber } = this.#options;
    return BenchStage.build({
      ...this.#options,
      cast: this.#able([...pair, ...others]),
      serverHost: serverPlace !== undefined && 'host' in serverPlace ? serverPlace.host : undefined,
      number: nextNumber(),
    });
  }

  /** The bench ends its hosts. */
  async close(): Promise<void> {}

  #able(places: readonly BenchPlace[]): BenchHost[] {
    return places.flatMap((place) => ('host' in place && obstacleAt(place, this.#options.technology) === undefined ? [place.host] : []));
  }
}

function obstacleAt(place: BenchPlace, technology: Technology): string | undefined {
  return 'trouble' in place ? place.trouble : place.host.lacks(technology);
}
