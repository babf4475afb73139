import { type Clock, TokenBucket } from '@cpns/shared';
import { type BleAdvertisement, decodeBleServiceData } from '@cpns/shared/messages';
import { toHex } from '@cpns/shared/security';
import type { RadioNeighbour } from '../radio-port.js';

const LIMITS = {
  /** Addresses that are remembered. */
  addresses: 256,
  /** Repetitions of one address are told at most so often, in milliseconds. */
  everyMs: 1_000,
  /** Advertisements that are told a second in the long run, and at once. */
  perSecond: 50,
  burst: 256,
} as const;

interface Heard {
  readonly said: string;
  readonly toldMs: number;
}

/** Makes few reports out of many advertisements; whoever floods the air costs little. */
export class Neighbours {
  readonly #clock: Clock;
  readonly #tell: (neighbour: RadioNeighbour) => void;
  readonly #budget: TokenBucket;
  /** The one told longest ago is first. */
  readonly #heard = new Map<string, Heard>();

  constructor(clock: Clock, tell: (neighbour: RadioNeighbour) => void) {
    this.#clock = clock;
    this.#tell = tell;
    this.#budget = new TokenBucket(clock, LIMITS.perSecond, LIMITS.burst);
  }

  heard(address: string, serviceData: Uint8Array, rssi: number): void {
    const nowMs = this.#clock.monotonicMs();
    const said = toHex(serviceData);
    const before = this.#heard.get(address);
    if (before !== undefined && nowMs - before.toldMs < LIMITS.everyMs && before.said === said) return;
    const advertisement: BleAdvertisement | undefined = decodeBleServiceData(serviceData);
    if (advertisement === undefined || !this.#budget.take()) return;
    this.#heard.delete(address);
    this.#heard.set(address, { said, toldMs: nowMs });
    const [oldest] = this.#heard.keys();
    if (this.#heard.size > LIMITS.addresses && oldest !== undefined) this.#heard.delete(oldest);
    this.#tell({ address, advertisement, rssi });
  }
}
