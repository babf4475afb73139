import type { RemoteInfo } from 'node:dgram';
import type { Clock } from '../../ports.js';
import { TokenBucket, TokenBuckets } from '../../token-bucket.js';
import { isOnLink, isPlausible } from './addresses.js';
import type { NetworkInterface } from './network-interfaces.js';

/** RFC 6762 section 17: no mDNS packet is longer, headers included. */
const MOST_OCTETS = 9_000;
const HEADER_OCTETS = 12;
const MOST_RECORDS = 512;
/**
 * Compression pointers may form chains that are followed anew for every name, so the work of decoding is at most names times
 * pointers. An honest packet about fifty devices stays below 20,000; a crafted one of 64 KiB costs half a second.
 */
const MOST_WORK = 200_000;

const PACKETS_PER_SECOND = 500;
const OCTETS_PER_SECOND = 256 * 1024;
const PACKETS_PER_SECOND_OF_ONE_SOURCE = 150;

/** The packet can be decoded in a short time, whatever is in it. */
export function isCheapToDecode(message: Uint8Array): boolean {
  if (message.length < HEADER_OCTETS || message.length > MOST_OCTETS) return false;
  const header = new DataView(message.buffer, message.byteOffset, HEADER_OCTETS);
  const records = header.getUint16(4) + header.getUint16(6) + header.getUint16(8) + header.getUint16(10);
  if (records > MOST_RECORDS) return false;
  let pointers = 0;
  for (const octet of message) if (octet >= 0xc0) pointers++;
  return 2 * records * pointers <= MOST_WORK;
}

/** Decides which packets of one socket are worth decoding. The socket hears the whole machine: other interfaces' packets too. */
export class PacketGuard {
  readonly #packets: TokenBucket;
  readonly #octets: TokenBucket;
  readonly #sources: TokenBuckets;
  #refused = 0;

  constructor(
    clock: Clock,
    private readonly network: NetworkInterface,
    private readonly others: () => readonly NetworkInterface[],
  ) {
    this.#packets = new TokenBucket(clock, PACKETS_PER_SECOND, 2 * PACKETS_PER_SECOND);
    this.#octets = new TokenBucket(clock, OCTETS_PER_SECOND, 2 * OCTETS_PER_SECOND);
    this.#sources = new TokenBuckets(clock, PACKETS_PER_SECOND_OF_ONE_SOURCE, 3 * PACKETS_PER_SECOND_OF_ONE_SOURCE, 256);
  }

  /** Packets refused so far, for the log. */
  get refused(): number {
    return this.#refused;
  }

  admits(message: Uint8Array, source: RemoteInfo): boolean {
    const admitted = this.#isFromHere(source.address) && isCheapToDecode(message) && this.#isWithinRates(message.length, source.address);
    if (!admitted) this.#refused++;
    return admitted;
  }

  /** On this link, as RFC 6762 section 11 asks, as far as it can be told without the destination address. */
  #isFromHere(address: string): boolean {
    const zone = address.split('%')[1];
    if (zone !== undefined) return zone === this.network.name || zone === String(this.network.addresses.find((a) => a.scope !== 0)?.scope);
    if (isOnLink(address, this.network)) return true;
    return isPlausible(address, this.network) && !this.others().some((other) => isOnLink(address, other));
  }

  #isWithinRates(octets: number, address: string): boolean {
    return this.#sources.take(address) && this.#packets.take() && this.#octets.take(octets);
  }
}
