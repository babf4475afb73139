import { endpoint, isPlausible } from './addresses.js';
import type { NetworkInterface } from './network-interfaces.js';
import { type DnsRecord, readSrv, readTxt, serviceDomain } from './records.js';

/** A service somebody announces. Nothing in it is proven. */
export interface ServiceSighting {
  /** Instance name, lower case. */
  readonly name: string;
  readonly txt: ReadonlyMap<string, string>;
  /** `host:port`, the most recently heard first. */
  readonly endpoints: readonly string[];
}

export interface ServiceCacheOptions {
  /** `cpns` for `_cpns._tcp.local`. */
  readonly type: string;
  /** Which instance names are worth keeping. */
  readonly accepts: (name: string) => boolean;
  readonly maxNames: number;
  /** How long a service lives without being heard of. */
  readonly maxAgeMs: number;
  readonly found: (sighting: ServiceSighting) => void;
  readonly lost: (name: string) => void;
}

/** What one host said about a service on one interface: a liar elsewhere cannot overwrite it. */
interface Testimony {
  endpoints: readonly string[];
  txt: ReadonlyMap<string, string> | undefined;
  heardMs: number;
}

interface Entry {
  readonly name: string;
  /** Who was the first to tell of it. */
  readonly origin: string;
  readonly testimonies: Map<string, Testimony>;
  /** Earlier end of life, after a goodbye that nobody has contradicted yet. */
  endMs: number;
  /** What was last told, so that only changes are. */
  told: string | undefined;
  toldMs: number;
  /** How many more changes may be told at once. */
  credit: number;
}

const MOST_TESTIMONIES = 4;
const MOST_ENDPOINTS = 8;
/** One host cannot fill the cache. A repeater between two networks speaks for many devices, so it is not few. */
const MOST_NAMES_OF_ONE_SOURCE = 64;
/** RFC 6762 section 10.1: a goodbye takes effect after a second, in which the service may contradict. */
const GOODBYE_MS = 1_000;
const INCOMPLETE_MS = 10_000;
/** Changes of one service are told at once as long as they are few, and at most so often in the long run. */
const TELL_AT_ONCE = 5;
const TELL_EVERY_MS = 250;
const FRESH_SHARE = 0.6;

/**
 * Services heard of on all interfaces. It only keeps what is whole (port and TXT), ages by its own clock, and is bounded: when it
 * is full, newcomers wait until somebody has gone.
 */
export class ServiceCache {
  readonly #options: ServiceCacheOptions;
  readonly #domain: string;
  readonly #entries = new Map<string, Entry>();

  constructor(options: ServiceCacheOptions) {
    this.#options = options;
    this.#domain = serviceDomain(options.type);
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Takes what one packet from `source` says. Returns true when somebody said goodbye, so that it is time to ask. */
  receive(records: readonly DnsRecord[], source: string, network: NetworkInterface, nowMs: number): boolean {
    if (!isPlausible(source, network)) return false;
    let goodbye = false;
    const hosts = hostAddresses(records, network);
    const touched = new Set<Entry>();
    for (const record of records) {
      const name = this.#instanceOf(record);
      if (name === undefined) continue;
      if (record.ttl === 0) {
        goodbye = this.#bid(name, nowMs) || goodbye;
        continue;
      }
      const entry = this.#entryOf(name, source);
      if (entry === undefined) continue;
      const testimony = testimonyOf(entry, `${network.name} ${source}`, nowMs);
      testimony.heardMs = nowMs;
      entry.endMs = Number.POSITIVE_INFINITY;
      if (record.type === 'SRV') testimony.endpoints = endpointsOf(record, hosts, source, network) ?? testimony.endpoints;
      if (record.type === 'TXT') testimony.txt = readTxt(record.data) ?? testimony.txt;
      touched.add(entry);
    }
    for (const entry of touched) this.#tell(entry, nowMs);
    return goodbye;
  }

  /** Lets go of what is too old and tells what was held back. */
  sweep(nowMs: number): void {
    for (const entry of this.#entries.values()) {
      for (const [key, testimony] of entry.testimonies) {
        const limitMs = testimony.endpoints.length > 0 && testimony.txt !== undefined ? this.#options.maxAgeMs : INCOMPLETE_MS;
        if (nowMs - testimony.heardMs >= Math.min(limitMs, this.#options.maxAgeMs)) entry.testimonies.delete(key);
      }
      if (entry.testimonies.size === 0 || nowMs >= entry.endMs) this.#drop(entry);
      else this.#tell(entry, nowMs);
    }
  }

  /** Somebody has not been heard of for most of a lifetime, or is about to go: worth a question. */
  isAnyStale(nowMs: number): boolean {
    for (const entry of this.#entries.values()) {
      if (entry.endMs !== Number.POSITIVE_INFINITY) return true;
      if (nowMs - lastHeardMs(entry) > FRESH_SHARE * this.#options.maxAgeMs) return true;
    }
    return false;
  }

  /** Full names of services of which a part is missing, at most `most`. */
  incomplete(most: number): string[] {
    const names: string[] = [];
    for (const entry of this.#entries.values()) {
      if (names.length >= most) break;
      if (entry.told === undefined && sightingOf(entry) === undefined) names.push(`${entry.name}.${this.#domain}`);
    }
    return names;
  }

  #instanceOf(record: DnsRecord): string | undefined {
    const domain = this.#domain;
    let full: unknown;
    if (record.type === 'PTR' && record.name.toLowerCase() === domain) full = record.data;
    else if (record.type === 'SRV' || record.type === 'TXT') full = record.name;
    if (typeof full !== 'string' || full.length > 255 || !full.toLowerCase().endsWith(`.${domain}`)) return undefined;
    const name = full.slice(0, -domain.length - 1).toLowerCase();
    return this.#options.accepts(name) ? name : undefined;
  }

  #bid(name: string, nowMs: number): boolean {
    const entry = this.#entries.get(name);
    if (entry === undefined || entry.endMs !== Number.POSITIVE_INFINITY) return false;
    entry.endMs = nowMs + GOODBYE_MS;
    return true;
  }

  #entryOf(name: string, origin: string): Entry | undefined {
    const known = this.#entries.get(name);
    if (known !== undefined || this.#entries.size >= this.#options.maxNames) return known;
    const siblings = [...this.#entries.values()].filter((e) => e.origin === origin).length;
    if (siblings >= MOST_NAMES_OF_ONE_SOURCE) return undefined;
    const never = Number.POSITIVE_INFINITY;
    const entry: Entry = { name, origin, testimonies: new Map(), endMs: never, told: undefined, toldMs: 0, credit: TELL_AT_ONCE };
    this.#entries.set(name, entry);
    return entry;
  }

  #tell(entry: Entry, nowMs: number): void {
    const sighting = sightingOf(entry);
    if (sighting === undefined) return;
    const credit = Math.min(TELL_AT_ONCE, entry.credit + (nowMs - entry.toldMs) / TELL_EVERY_MS);
    if (credit < 1) return;
    const summary = JSON.stringify([[...sighting.txt].sort(), [...sighting.endpoints].sort()]);
    if (summary === entry.told) return;
    entry.told = summary;
    entry.toldMs = nowMs;
    entry.credit = credit - 1;
    this.#options.found(sighting);
  }

  #drop(entry: Entry): void {
    this.#entries.delete(entry.name);
    if (entry.told !== undefined) this.#options.lost(entry.name);
  }
}

function testimonyOf(entry: Entry, key: string, nowMs: number): Testimony {
  const known = entry.testimonies.get(key);
  if (known !== undefined) return known;
  if (entry.testimonies.size >= MOST_TESTIMONIES) {
    const [oldest] = [...entry.testimonies].sort(([, a], [, b]) => a.heardMs - b.heardMs);
    if (oldest !== undefined) entry.testimonies.delete(oldest[0]);
  }
  const testimony: Testimony = { endpoints: [], txt: undefined, heardMs: nowMs };
  entry.testimonies.set(key, testimony);
  return testimony;
}

function lastHeardMs(entry: Entry): number {
  return Math.max(...[...entry.testimonies.values()].map((t) => t.heardMs));
}

/** The sum of all testimonies that are whole, the latest first; undefined when there is none. */
function sightingOf(entry: Entry): ServiceSighting | undefined {
  const whole = [...entry.testimonies.values()].filter((t) => t.endpoints.length > 0 && t.txt !== undefined);
  whole.sort((a, b) => b.heardMs - a.heardMs);
  const [latest] = whole;
  if (latest?.txt === undefined) return undefined;
  const endpoints = [...new Set(whole.flatMap((t) => t.endpoints))].slice(0, MOST_ENDPOINTS);
  return { name: entry.name, txt: latest.txt, endpoints };
}

/** The plausible addresses in a packet, by host name. */
function hostAddresses(records: readonly DnsRecord[], network: NetworkInterface): ReadonlyMap<string, readonly string[]> {
  const hosts = new Map<string, string[]>();
  for (const { type, name, ttl, data } of records) {
    if ((type !== 'A' && type !== 'AAAA') || ttl === 0 || typeof data !== 'string' || !isPlausible(data, network)) continue;
    const host = name.toLowerCase();
    const addresses = hosts.get(host);
    if (addresses === undefined) hosts.set(host, [data]);
    else if (addresses.length < MOST_ENDPOINTS) addresses.push(data);
  }
  return hosts;
}

/** Where the packet came from first, then the addresses it names. Undefined: the record names no place. */
function endpointsOf(
  srv: DnsRecord,
  hosts: ReadonlyMap<string, readonly string[]>,
  source: string,
  network: NetworkInterface,
): string[] | undefined {
  const place = readSrv(srv.data);
  if (place === undefined) return undefined;
  const addresses = [source, ...(hosts.get(place.target) ?? [])];
  return [...new Set(addresses.map((a) => endpoint(a, place.port, network)))].slice(0, MOST_ENDPOINTS);
}
