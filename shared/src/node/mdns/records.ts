import type { NetworkInterface } from './network-interfaces.js';

/** A DNS record as multicast-dns decodes it. Foreign ones are not to be trusted in any field. */
export interface DnsRecord {
  readonly name: string;
  readonly type: string;
  /** Seconds. 0 says goodbye. */
  readonly ttl?: number;
  /** Replaces what was known under this name (RFC 6762 section 10.2). */
  readonly flush?: boolean;
  readonly data?: unknown;
}

export interface DnsQuestion {
  readonly name: string;
  readonly type: string;
}

export interface DnsPacket {
  readonly questions: readonly DnsQuestion[];
  readonly answers: readonly DnsRecord[];
  readonly additionals: readonly DnsRecord[];
}

/** One service of this device, as others shall see it. */
export interface ServicePublication {
  /** Instance name: unique by itself, one DNS label, without dots. */
  readonly name: string;
  readonly port: number;
  readonly txt: Readonly<Record<string, string>>;
}

/** Seconds. Short, so that other people's caches forget a device that was switched off without a word. */
const TTL = 120;
/** Octets of a DNS label (RFC 1035 section 2.3.4). */
const LONGEST_LABEL = 63;
const ALL_SERVICES = '_services._dns-sd._udp.local';

/** `_cpns._tcp.local` of `cpns`. */
export function serviceDomain(type: string): string {
  return `_${type}._tcp.local`;
}

/** The records of `service` on `network`: only addresses of that interface, so that nobody is sent elsewhere. */
export function recordsOf(service: ServicePublication, type: string, network: NetworkInterface): DnsRecord[] {
  const domain = serviceDomain(type);
  const instance = `${service.name}.${domain}`;
  // Not `<name>.local`: that may well be the machine's own name, and its responder would take ours for a conflict and rename itself.
  const host = `${`${type}-${service.name}`.slice(0, LONGEST_LABEL)}.local`;
  const txt = Object.entries(service.txt).map(([key, value]) => Buffer.from(`${key}=${value}`));
  return [
    { name: domain, type: 'PTR', ttl: TTL, data: instance },
    { name: instance, type: 'SRV', ttl: TTL, flush: true, data: { port: service.port, target: host, priority: 0, weight: 0 } },
    { name: instance, type: 'TXT', ttl: TTL, flush: true, data: txt },
    { name: ALL_SERVICES, type: 'PTR', ttl: TTL, data: domain },
    ...network.addresses.map((a) => ({ name: host, type: a.family === 4 ? 'A' : 'AAAA', ttl: TTL, flush: true, data: a.address })),
  ];
}

const MOST_TXT_ITEMS = 16;

/** Keys and values of a TXT record (RFC 6763 section 6), keys in lower case, the first of equal ones. Undefined: not a TXT record's data. */
export function readTxt(data: unknown): ReadonlyMap<string, string> | undefined {
  if (!Array.isArray(data)) return undefined;
  const txt = new Map<string, string>();
  for (const item of data.slice(0, MOST_TXT_ITEMS)) {
    if (!Buffer.isBuffer(item)) return undefined;
    const equals = item.indexOf('=');
    if (equals <= 0) continue;
    const key = item.toString('latin1', 0, equals).toLowerCase();
    if (!txt.has(key)) txt.set(key, item.toString('utf8', equals + 1));
  }
  return txt;
}

/** Port and host of an SRV record's data, or undefined when it names no place. */
export function readSrv(data: unknown): { readonly port: number; readonly target: string } | undefined {
  if (typeof data !== 'object' || data === null) return undefined;
  const { port, target } = data as { port?: unknown; target?: unknown };
  if (typeof port !== 'number' || port < 1 || port > 65_535 || typeof target !== 'string' || target.length > 253) return undefined;
  return { port, target: target.toLowerCase() };
}
