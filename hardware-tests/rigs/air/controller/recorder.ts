import { firstPlaces } from './needles.js';

/** One ATT packet as it was sent. */
export interface RecordedPacket {
  readonly atMs: number;
  /** Counts the links of the air from 1. */
  readonly link: number;
  readonly from: string;
  readonly to: string;
  readonly octets: Buffer;
}

/** What was sent since the air came to be; also what the recorder no longer keeps. */
export interface AirCounters {
  readonly attPackets: number;
  readonly attOctets: number;
  readonly links: number;
}

export interface Found {
  /** Which of the needles. */
  readonly needle: number;
  readonly packet: RecordedPacket;
}

const MOST_OCTETS = 128 * 1024 * 1024;

/** Keeps every ATT packet that goes through the air, so that it can be searched for what must never be there. */
export class Recorder {
  readonly #most: number;
  #packets: RecordedPacket[] = [];
  #kept = 0;
  #attPackets = 0;
  #attOctets = 0;
  #links = 0;
  #lost = false;

  constructor(most = MOST_OCTETS) {
    this.#most = most;
  }

  get packets(): readonly RecordedPacket[] {
    return this.#packets;
  }

  /** False: there was more than it could keep, so a search proves nothing. */
  get isComplete(): boolean {
    return !this.#lost;
  }

  get counters(): AirCounters {
    return { attPackets: this.#attPackets, attOctets: this.#attOctets, links: this.#links };
  }

  /** Gives a new link its number. */
  link(): number {
    return ++this.#links;
  }

  add(packet: RecordedPacket): void {
    this.#attPackets++;
    this.#attOctets += packet.octets.length;
    if (this.#kept + packet.octets.length > this.#most) {
      this.#lost = true;
      return;
    }
    this.#kept += packet.octets.length;
    this.#packets.push({ ...packet, octets: Buffer.from(packet.octets) });
  }

  /** Forgets the packets, not the counters. */
  clear(): void {
    this.#packets = [];
    this.#kept = 0;
    this.#lost = false;
  }

  /** The first packet that has eight octets in a row of a needle, for each needle of which there is one. Shorter needles count whole. */
  search(needles: readonly Uint8Array[]): Found[] {
    const places = firstPlaces(Buffer.concat(this.#packets.map(({ octets }) => octets)), needles);
    return [...places].sort(([a], [b]) => a - b).map(([needle, place]) => ({ needle, packet: this.#packetAt(place) }));
  }

  #packetAt(place: number): RecordedPacket {
    let end = 0;
    const found = this.#packets.find(({ octets }) => {
      end += octets.length;
      return place < end;
    });
    if (found === undefined) throw new Error('That place is behind everything that was recorded.');
    return found;
  }
}
