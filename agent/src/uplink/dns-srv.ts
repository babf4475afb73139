import { Resolver } from 'node:dns/promises';
import { abortable, type Entropy, formatHostPort, type HostPort, isHostPort, type Logger } from '@cpns/shared';

export interface DnsSrvOptions {
  readonly entropy: Entropy;
  readonly logger: Logger;
  /** Name servers, `IP` or `IP:port`. Default: those of the system. */
  readonly servers?: readonly string[] | undefined;
}

const QUERY_LIMIT_MS = 2_000;
const MOST_RECORDS = 8;

/**
 * Where the DNS says that the CPNS Server of `domain` is: `_cpns._tcp.<domain>`, in the order of RFC 2782. Empty when there is no
 * such record or nobody answers in time. @throws the abort reason of `signal`
 */
export async function serversOfDomain(domain: string, signal: AbortSignal, options: DnsSrvOptions): Promise<HostPort[]> {
  const resolver = new Resolver({ timeout: QUERY_LIMIT_MS, tries: 1 });
  if (options.servers !== undefined) resolver.setServers(options.servers);
  const name = `_cpns._tcp.${domain}`;
  try {
    const records = await abortable(resolver.resolveSrv(name), signal);
    const valid = records.filter((r) => isHostPort(formatHostPort(r.name, r.port))).slice(0, MOST_RECORDS);
    const ranked = valid.map((r) => ({ host: r.name, port: r.port, priority: r.priority, lot: lot(options.entropy, r.weight) }));
    ranked.sort((a, b) => a.priority - b.priority || b.lot - a.lot);
    return ranked.map(({ host, port }) => ({ host, port }));
  } catch (error) {
    if (signal.aborted) throw error;
    options.logger.debug('no server in the DNS', { name, why: (error as NodeJS.ErrnoException).code ?? String(error) });
    return [];
  } finally {
    resolver.cancel();
  }
}

/** A random number whose chance to be the highest is in proportion to `weight`; weight 0 hardly ever wins. */
function lot(entropy: Entropy, weight: number): number {
  const octets = entropy.bytes(4);
  const uniform = (new DataView(octets.buffer, octets.byteOffset, 4).getUint32(0) + 1) / (2 ** 32 + 1);
  return Math.log(uniform) / Math.max(weight, 0.001);
}
