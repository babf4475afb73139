import type { Clock, Entropy, Logger } from '../../ports.js';
import type { InterfaceWatch } from './interface-watch.js';
import { MdnsInterface } from './mdns-interface.js';
import type { NetworkInterface } from './network-interfaces.js';
import { type DnsPacket, type DnsQuestion, recordsOf, type ServicePublication, serviceDomain } from './records.js';
import { ServiceCache, type ServiceSighting } from './service-cache.js';

export interface MdnsServiceOptions {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly logger: Logger;
  /** Which interfaces to use. Started and stopped by whoever made it. */
  readonly watch: InterfaceWatch;
  /** `cpns` for `_cpns._tcp`. */
  readonly type: string;
  /** Instance names worth keeping, in lower case. */
  readonly accepts: (name: string) => boolean;
  /** Default: 256. */
  readonly maxNames?: number;
  /** Milliseconds after which a service that is not heard of any more is lost. Default: 25,000. */
  readonly maxAgeMs?: number;
  /** UDP port. Default: 5353. */
  readonly port?: number;
  /** Looks for services of others. Default: true. */
  readonly browse?: boolean;
}

export interface MdnsServiceEvents {
  found?(sighting: ServiceSighting): void;
  lost?(name: string): void;
  /** Why multicast does not work, in one sentence; undefined when it works again. */
  trouble?(sentence: string | undefined): void;
}

interface Open {
  readonly mdns: MdnsInterface;
  readonly network: NetworkInterface;
  /** The interface as it was when opened. */
  readonly fingerprint: string;
  readonly openedMs: number;
  /** Next question, on the monotonic clock. */
  askMs: number;
  /** Questions asked in a row at growing distance after opening. */
  eager: number;
  /** When anybody, we included, asked last. */
  askedMs: number;
}

const MDNS_PORT = 5353;
const TICK_MS = 250;
/** After opening: at once, 1 s and 3 s later (RFC 6762 section 5.2), then in the long rhythm. */
const EAGER_GAPS_MS = [1_000, 2_000];
const RHYTHM_MS = 9_000;
const RHYTHM_JITTER_MS = 4_000;
const STALE_GAP_MS = 2_000;
const SHORTEST_GAP_MS = 1_000;
const MOST_FOLLOW_UPS = 8;
/** A service that does not look around says again that it is there, to notice when its socket has gone deaf. */
const REMIND_MS = 60_000;
const REFRESH_GAP_MS = 5_000;
const REOPEN_GAP_MS = 3_000;

/**
 * Announces one service and finds those of others, on all chosen interfaces, and survives everything that happens to them. What
 * it finds is a hint: anybody on the link can say anything.
 */
export class MdnsService {
  readonly #options: MdnsServiceOptions;
  readonly #events: MdnsServiceEvents;
  readonly #domain: string;
  readonly #cache: ServiceCache;
  readonly #open = new Map<string, Open>();
  readonly #closing = new Set<Promise<void>>();
  #publication: ServicePublication | undefined;
  #cancelTick: (() => void) | undefined;
  #forgetWatch: (() => void) | undefined;
  #trouble: string | undefined;
  #refreshedMs = Number.NEGATIVE_INFINITY;

  constructor(options: MdnsServiceOptions, events: MdnsServiceEvents) {
    this.#options = options;
    this.#events = events;
    this.#domain = serviceDomain(options.type);
    this.#cache = new ServiceCache({
      type: options.type,
      accepts: (name) => name !== this.#publication?.name && options.accepts(name),
      maxNames: options.maxNames ?? 256,
      maxAgeMs: options.maxAgeMs ?? 25_000,
      found: (sighting) => events.found?.(sighting),
      lost: (name) => events.lost?.(name),
    });
  }

  start(): void {
    this.#forgetWatch = this.#options.watch.onChange(() => this.#followInterfaces());
    this.#followInterfaces();
    this.#tick();
  }

  /** Announces `publication` in place of what was announced before; undefined: nothing. */
  publish(publication: ServicePublication | undefined): void {
    this.#publication = publication;
    for (const open of this.#open.values()) this.#publishOn(open);
  }

  /** Something may have changed that the system did not tell: opens everything anew and asks, at most every five seconds. */
  refresh(): void {
    const nowMs = this.#options.clock.monotonicMs();
    this.#options.watch.check();
    if (nowMs - this.#refreshedMs < REFRESH_GAP_MS) return this.#askSoon(nowMs);
    this.#refreshedMs = nowMs;
    for (const [key, open] of this.#open) if (nowMs - open.openedMs >= SHORTEST_GAP_MS) this.#close(key, false);
    this.#followInterfaces();
    this.#askSoon(nowMs);
  }

  /** Says goodbye on all interfaces and closes them. */
  async stop(): Promise<void> {
    this.#cancelTick?.();
    this.#forgetWatch?.();
    for (const key of [...this.#open.keys()]) this.#close(key, true);
    await Promise.all(this.#closing);
  }

  #followInterfaces(): void {
    const wanted = new Map(this.#options.watch.current.flatMap(withFamilies));
    for (const [key, open] of this.#open) if (wanted.get(key)?.fingerprint !== open.fingerprint) this.#close(key, false);
    for (const [key, { network, family, fingerprint }] of wanted) {
      if (this.#open.has(key)) continue;
      const nowMs = this.#options.clock.monotonicMs();
      const mdns = this.#tryOpen(network, family, key);
      if (mdns === undefined) continue;
      const open: Open = { mdns, network, fingerprint, openedMs: nowMs, askMs: nowMs, eager: 0, askedMs: Number.NEGATIVE_INFINITY };
      this.#open.set(key, open);
      this.#publishOn(open);
      this.#ask(open, nowMs);
    }
  }

  #tryOpen(network: NetworkInterface, family: 4 | 6, key: string): MdnsInterface | undefined {
    try {
      return this.#openOn(network, family, key);
    } catch (error) {
      this.#options.logger.debug('mDNS cannot be opened', { interface: network.name, family, error: String(error) });
      return undefined;
    }
  }

  #openOn(network: NetworkInterface, family: 4 | 6, key: string): MdnsInterface {
    const { clock, logger, port, watch } = this.#options;
    return new MdnsInterface({
      network,
      family,
      port: port ?? MDNS_PORT,
      createSocket: (options) => watch.createSocket(options),
      clock,
      logger,
      all: () => watch.current,
      response: (packet, source) => this.#receive(packet, source, key),
      asked: (names) => {
        const open = this.#open.get(key);
        if (open !== undefined && names.has(this.#domain)) open.askedMs = clock.monotonicMs();
      },
    });
  }

  #publishOn(open: Open): void {
    const service = this.#publication;
    open.mdns.publish(service === undefined ? [] : recordsOf(service, this.#options.type, open.network));
  }

  #receive(packet: DnsPacket, source: string, key: string): void {
    const open = this.#open.get(key);
    if (open === undefined || this.#options.browse === false) return;
    const nowMs = this.#options.clock.monotonicMs();
    if (this.#cache.receive([...packet.answers, ...packet.additionals], source, open.network, nowMs)) this.#askSoon(nowMs);
  }

  #tick(): void {
    const nowMs = this.#options.clock.monotonicMs();
    this.#cache.sweep(nowMs);
    if (this.#cache.isAnyStale(nowMs)) this.#askSoon(nowMs, STALE_GAP_MS);
    if (this.#cache.incomplete(1).length > 0) this.#askSoon(nowMs);
    for (const [key, open] of this.#open) {
      if (open.mdns.deaf || (open.mdns.trouble !== undefined && nowMs - open.openedMs >= REOPEN_GAP_MS)) this.#close(key, false);
      else if (nowMs >= open.askMs) this.#ask(open, nowMs);
    }
    this.#followInterfaces();
    this.#reportTrouble();
    this.#cancelTick = this.#options.clock.after(TICK_MS, () => this.#tick());
  }

  /** Moves the next question forward on all interfaces, to no nearer than `gapMs` after the last. */
  #askSoon(nowMs: number, gapMs: number = SHORTEST_GAP_MS): void {
    for (const open of this.#open.values()) open.askMs = Math.min(open.askMs, Math.max(nowMs, open.askedMs + gapMs));
  }

  #ask(open: Open, nowMs: number): void {
    if (this.#options.browse === false) {
      open.askMs = nowMs + REMIND_MS;
      if (nowMs > open.openedMs) open.mdns.announce();
      return;
    }
    const rhythmMs = RHYTHM_MS + this.#jitterMs();
    const isRoutine = open.eager >= EAGER_GAPS_MS.length && !this.#cache.isAnyStale(nowMs);
    // Somebody asked the same just now, and the answers go to everybody (RFC 6762 section 7.3).
    if (isRoutine && nowMs - open.askedMs < RHYTHM_MS && this.#cache.incomplete(1).length === 0) {
      open.askMs = open.askedMs + rhythmMs;
      return;
    }
    open.askMs = nowMs + (EAGER_GAPS_MS[open.eager] ?? rhythmMs);
    open.eager++;
    open.askedMs = nowMs;
    open.mdns.ask(this.#questions());
  }

  #questions(): DnsQuestion[] {
    const missing = this.#cache.incomplete(MOST_FOLLOW_UPS).flatMap((name) => [
      { name, type: 'SRV' },
      { name, type: 'TXT' },
    ]);
    return [{ name: this.#domain, type: 'PTR' }, ...missing];
  }

  #jitterMs(): number {
    const [octet = 0] = this.#options.entropy.bytes(1);
    return (octet / 256) * RHYTHM_JITTER_MS;
  }

  #close(key: string, goodbye: boolean): void {
    const open = this.#open.get(key);
    if (open === undefined) return;
    this.#open.delete(key);
    const closing = open.mdns.close(goodbye).finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }

  #reportTrouble(): void {
    const sentence = this.#troubleNow();
    if (sentence === this.#trouble) return;
    this.#trouble = sentence;
    this.#events.trouble?.(sentence);
  }

  /** Nothing as long as one interface works. */
  #troubleNow(): string | undefined {
    const all = [...this.#open.values()];
    if (all.length === 0) return 'This device has no network interface that can be used now, so nobody nearby can be found.';
    const [first] = all;
    if (first === undefined || all.some((open) => open.mdns.trouble === undefined)) return undefined;
    const code = first.mdns.trouble;
    if (code === 'EADDRINUSE') {
      return `Another program keeps UDP port ${this.#options.port ?? MDNS_PORT} for itself, so nobody nearby is found by multicast: end it, or give addresses by hand.`;
    }
    return `Multicast does not work on ${first.network.name} (${code}), so nobody nearby is found by it: check the network, or give addresses by hand.`;
  }
}

/** An interface speaks mDNS over IPv4, and over IPv6 where it has a link-local address; loopback over IPv4 only. */
function withFamilies(network: NetworkInterface): [string, { network: NetworkInterface; family: 4 | 6; fingerprint: string }][] {
  const has4 = network.addresses.some((a) => a.family === 4);
  const has6 = network.addresses.some((a) => a.family === 6 && a.scope !== 0);
  const families = [...(has4 ? [4 as const] : []), ...(has6 && !network.loopback ? [6 as const] : [])];
  const fingerprint = JSON.stringify(network);
  return families.map((family) => [`${network.name} ${family}`, { network, family, fingerprint }]);
}
