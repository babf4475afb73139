import { networkInterfaces } from 'node:os';
import type { Clock, Entropy, Logger, ServerId } from '@cpns/shared';
import { type HostNetwork, InterfaceWatch, MdnsService } from '@cpns/shared/node';
import type { BrokerAddress } from './broker/broker.js';
import { listensEverywhere } from './public-address.js';

const TYPE = 'cpns-server';
/** Octets of a DNS label (RFC 1035 section 2.3.4). */
const LONGEST_LABEL = 63;

export interface AnnouncementOptions {
  readonly serverId: ServerId;
  readonly address: BrokerAddress;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly logger: Logger;
  /** UDP port of mDNS. Default: 5353. */
  readonly mdnsPort?: number | undefined;
  readonly network?: HostNetwork;
}

/**
 * Announces the server as `_cpns-server._tcp` on the interfaces it listens on, for devices that know no address (protocol 0.11). A hint
 * and no more: only who knows a device's EUKey is believed. Returns what ends it.
 */
export async function announceServer(options: AnnouncementOptions): Promise<() => Promise<void>> {
  const { serverId, address, clock, entropy, logger, network } = options;
  const interfaces = listensEverywhere(address.host) ? undefined : interfacesWith(address.host);
  const watch = new InterfaceWatch({ clock, interfaces, ...(network && { network }) });
  const mdns = new MdnsService(
    {
      clock,
      entropy,
      logger,
      watch,
      type: TYPE,
      accepts: () => false,
      browse: false,
      ...(options.mdnsPort !== undefined && { port: options.mdnsPort }),
    },
    {
      trouble: (sentence) => {
        if (sentence !== undefined) logger.warn('The server cannot be announced on the network.', { because: sentence });
      },
    },
  );
  const name = serverId.replaceAll('.', '-').slice(0, LONGEST_LABEL);
  mdns.publish({ name, port: address.port, txt: { v: '1', id: serverId } });
  await watch.start();
  mdns.start();
  return async () => {
    await mdns.stop();
    watch.stop();
  };
}

function interfacesWith(host: string): readonly string[] {
  return Object.entries(networkInterfaces())
    .filter(([, addresses]) => addresses?.some((known) => known.address === host))
    .map(([name]) => name);
}
