import type { Clock, Entropy, Logger, ServerId } from '@cpns/shared';
import { type HostNetwork, InterfaceWatch, MdnsService } from '@cpns/shared/node';

export interface AnnounceOptions {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly logger: Logger;
  /** ID_S: lets a device pass over servers that are not its own. */
  readonly serverId: ServerId;
  /** TCP port where devices connect. */
  readonly port: number;
  /** Names of network interfaces. Default: all but loopback, loopback alone when there is nothing else. */
  readonly interfaces?: readonly string[];
  /** UDP port of mDNS. Default: 5353. */
  readonly mdnsPort?: number;
  readonly network?: HostNetwork;
}

/** Under way until {@link Announcement.stop}. */
export interface Announcement {
  /** Says goodbye and closes. */
  stop(): Promise<void>;
}

/**
 * Announces the server by mDNS as `_cpns-server._tcp`, so that devices without an address find it (protocol 0.11). Never fails: where
 * multicast does not work, the log says so and nothing else is affected.
 */
export async function announceServer(options: AnnounceOptions): Promise<Announcement> {
  const { clock, entropy, serverId, port, interfaces = [], mdnsPort, network } = options;
  const logger = options.logger.child('announce');
  const watch = new InterfaceWatch({ clock, interfaces: interfaces.length > 0 ? interfaces : undefined, ...(network && { network }) });
  const service = new MdnsService(
    {
      clock,
      entropy,
      logger,
      watch,
      type: 'cpns-server',
      accepts: () => false,
      browse: false,
      ...(mdnsPort !== undefined && { port: mdnsPort }),
    },
    {
      trouble: (sentence) => {
        if (sentence === undefined) logger.notice('the server is announced on the local network again');
        else logger.notice('the server is not announced on the local network', { why: sentence });
      },
    },
  );
  await watch.start();
  service.publish({ name: instanceName(serverId), port, txt: { v: '1', id: serverId } });
  service.start();
  return {
    async stop() {
      watch.stop();
      await service.stop();
    },
  };
}

/** ID_S as one DNS label, short enough for the host name that is made of it. */
function instanceName(serverId: ServerId): string {
  return serverId.replaceAll('.', '-').slice(0, 48).replace(/-+$/, '') || 'server';
}
