import type { Clock, Link, LinkHandler, LinkType } from '../ports.js';
import { SeededChoices } from './seeded-choices.js';

/** What happens to the frames of one direction. Rates are probabilities from 0 to 1. */
export interface Weather {
  readonly delayMs: number;
  /** Up to so much more delay, different for each frame; the order is kept. */
  readonly jitterMs: number;
  readonly loss: number;
  /** The frame arrives twice. */
  readonly duplication: number;
  /** The frame arrives so late that others overtake it. */
  readonly reordering: number;
  /** How much later such a frame arrives. */
  readonly reorderMs: number;
  /** Nothing gets through and nobody is told, as when a cable is cut or a device goes out of range. */
  readonly cut: boolean;
}

/** The {@link Link} contract holds in this weather only. */
export const FAIR_WEATHER: Weather = { delayMs: 1, jitterMs: 0, loss: 0, duplication: 0, reordering: 0, reorderMs: 20, cut: false };

export interface MemoryLinkOptions {
  readonly clock: Clock;
  /** Where chance comes from. Default: seed 1. */
  readonly choices?: SeededChoices;
  /** Weather of both directions over {@link FAIR_WEATHER}. */
  readonly weather?: Partial<Weather>;
  /** What the responder sees as the address of the initiator. */
  readonly initiatorAddress?: string;
  readonly responderAddress?: string;
  /** Default: `sim`. */
  readonly technology?: LinkType;
}

/** Frames kept until {@link Link.open}, as the port says. */
const KEPT_UNOPENED = 64;

/** One end of a connection within this process; {@link memoryLinkPair} makes two. */
export class MemoryLink implements Link {
  /** Frames sent here so far, and how many of them were lost on the way, came twice or were overtaken. */
  readonly count = { sent: 0, lost: 0, doubled: 0, late: 0 };
  readonly #clock: Clock;
  readonly #choices: SeededChoices;
  #weather: Weather;
  #peer: MemoryLink | undefined;
  #handler: LinkHandler | undefined;
  readonly #kept: Uint8Array[] = [];
  #endedBecause: string | undefined;
  /** This side wants no more frames. */
  #shut = false;
  #told = false;
  /** Nothing that keeps the order is due earlier. */
  #lastDueMs = 0;

  constructor(
    readonly initiated: boolean,
    readonly remote: string,
    readonly technology: LinkType,
    clock: Clock,
    choices: SeededChoices,
    weather: Weather,
  ) {
    this.#clock = clock;
    this.#choices = choices;
    this.#weather = weather;
  }

  /** Changes the weather of the direction in which this end sends. Of what is under way, a cut alone stops anything. */
  setWeather(change: Partial<Weather>): void {
    this.#weather = { ...this.#weather, ...change };
  }

  open(handler: LinkHandler): void {
    this.#handler = handler;
    for (const octets of this.#kept.splice(0)) if (!this.#shut) handler.frame(octets);
    this.#tell();
  }

  send(octets: Uint8Array): void {
    if (this.#endedBecause !== undefined) return;
    this.count.sent++;
    if (this.#weather.cut || this.#choices.chance(this.#weather.loss)) {
      this.count.lost++;
      return;
    }
    const copies = this.#choices.chance(this.#weather.duplication) ? 2 : 1;
    if (copies === 2) this.count.doubled++;
    for (let copy = 0; copy < copies; copy++) {
      const frame = new Uint8Array(octets);
      this.#carry((peer) => peer.#arrive(frame), this.#choices.chance(this.#weather.reordering));
    }
  }

  close(reason: string): void {
    this.#shut = true;
    if (this.#endedBecause !== undefined) return;
    this.#carry((peer) => peer.#end('the other side closed the connection'), false);
    this.#end(reason);
  }

  /** Connects two ends. */
  static join(one: MemoryLink, other: MemoryLink): void {
    one.#peer = other;
    other.#peer = one;
  }

  /** Ends both sides at once; each is told. */
  static sever(one: MemoryLink, reason: string): void {
    const other = one.#peer;
    one.#end(reason);
    if (other !== undefined) other.#end(reason);
  }

  #carry(arrival: (peer: MemoryLink) => void, late: boolean): void {
    const { delayMs, jitterMs, reorderMs } = this.#weather;
    const nowMs = this.#clock.monotonicMs();
    let dueMs = nowMs + delayMs + (jitterMs > 0 ? this.#choices.fraction() * jitterMs : 0);
    if (late) {
      dueMs += reorderMs;
      this.count.late++;
    } else this.#lastDueMs = dueMs = Math.max(dueMs, this.#lastDueMs);
    this.#clock.after(dueMs - nowMs, () => {
      if (this.#weather.cut || this.#peer === undefined) this.count.lost++;
      else arrival(this.#peer);
    });
  }

  #arrive(octets: Uint8Array): void {
    if (this.#endedBecause !== undefined) return;
    if (this.#handler !== undefined) this.#handler.frame(octets);
    else if (this.#kept.length < KEPT_UNOPENED) this.#kept.push(octets);
    else this.close('frames arrived faster than they were taken');
  }

  #end(reason: string): void {
    this.#endedBecause ??= reason;
    this.#tell();
  }

  /** Later than the call that ended the link, as a real connection does it. */
  #tell(): void {
    const [handler, reason] = [this.#handler, this.#endedBecause];
    if (handler === undefined || reason === undefined || this.#told) return;
    this.#told = true;
    void Promise.resolve().then(() => handler.closed(reason));
  }
}

/** Both ends of a connection within this process. */
export interface MemoryLinkPair {
  readonly initiator: MemoryLink;
  readonly responder: MemoryLink;
  /** Silence in both directions, unnoticed by both ends; `mend` ends it. */
  cut(): void;
  mend(): void;
  /** The connection breaks and both ends are told. */
  sever(reason: string): void;
}

/** Connects two new ends over virtual (or real) time. */
export function memoryLinkPair(options: MemoryLinkOptions): MemoryLinkPair {
  const { clock, choices = new SeededChoices(1), technology = 'sim' } = options;
  const { initiatorAddress = `${technology}:initiator`, responderAddress = `${technology}:responder` } = options;
  const weather = { ...FAIR_WEATHER, ...options.weather };
  const initiator = new MemoryLink(true, responderAddress, technology, clock, choices, weather);
  const responder = new MemoryLink(false, initiatorAddress, technology, clock, choices, weather);
  MemoryLink.join(initiator, responder);
  const both = [initiator, responder];
  return {
    initiator,
    responder,
    cut: () => both.forEach((end) => void end.setWeather({ cut: true })),
    mend: () => both.forEach((end) => void end.setWeather({ cut: false })),
    sever: (reason) => MemoryLink.sever(initiator, reason),
  };
}
