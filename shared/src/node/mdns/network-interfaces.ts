import { createSocket, type Socket, type SocketOptions } from 'node:dgram';
import { isIPv4 } from 'node:net';
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';

/** One address of a network interface. */
export interface InterfaceAddress {
  /** Without zone. */
  readonly address: string;
  readonly family: 4 | 6;
  /** Length of the network part, in bits. */
  readonly prefix: number;
  /** Number of the interface, for IPv6 link-local addresses; else 0. */
  readonly scope: number;
}

/** A network interface that is up, with its addresses. */
export interface NetworkInterface {
  readonly name: string;
  readonly loopback: boolean;
  /** Tells a replaced card from the same one. */
  readonly mac: string;
  readonly addresses: readonly InterfaceAddress[];
}

/** What is asked of the operating system. Tests put their own in its place. */
export interface HostNetwork {
  /** @throws whatever the system throws: on many Android builds it is not allowed to look. */
  interfaces(): NodeJS.Dict<NetworkInterfaceInfo[]>;
  /** The IPv4 address that the default route would send from, or undefined. */
  sourceAddress(): Promise<string | undefined>;
  /** Default: the sockets of this computer. */
  createSocket?(options: SocketOptions): Socket;
}

/** TEST-NET-1 (RFC 5737): a destination that only chooses a route. Connecting a UDP socket sends nothing. */
const ANYWHERE = '192.0.2.1';

/** The network of this computer. */
export const hostNetwork: HostNetwork = {
  interfaces: networkInterfaces,
  sourceAddress: () =>
    new Promise((resolve) => {
      const socket = createSocket('udp4');
      const done = (address?: string) => {
        socket.close();
        resolve(address);
      };
      socket.once('error', () => done());
      socket.connect(9, ANYWHERE, () => done(socket.address().address));
    }),
};

/**
 * Bridges and virtual cables of containers and virtual machines: nobody's phone is behind them. A plain `br0` stays, because it
 * often carries the address of the real card.
 */
const VIRTUAL =
  /^(docker\d|br-[0-9a-f]{12}$|veth|virbr\d|vnet\d|cni\d|cali|flannel|podman\d|lxcbr\d|lxdbr\d|vmnet\d|vboxnet\d|ifb\d|dummy\d)/;

const MOST_INTERFACES = 64;

/** All interfaces that are up and have an address. @throws what {@link HostNetwork.interfaces} throws */
export function readInterfaces(network: HostNetwork): NetworkInterface[] {
  const found: NetworkInterface[] = [];
  for (const [name, infos] of Object.entries(network.interfaces())) {
    const [first] = infos ?? [];
    if (infos === undefined || first === undefined) continue;
    found.push({ name, loopback: first.internal, mac: first.mac, addresses: infos.map(toAddress) });
  }
  return found.slice(0, MOST_INTERFACES);
}

function toAddress(info: NetworkInterfaceInfo): InterfaceAddress {
  const prefix = Number(info.cidr?.split('/')[1] ?? (info.family === 'IPv4' ? 32 : 128));
  const scope = info.family === 'IPv6' ? info.scopeid : 0;
  return { address: info.address, family: isIPv4(info.address) ? 4 : 6, prefix, scope };
}

/**
 * The interfaces to use: those named in `wanted` (`lo` means the loopback under whatever name), by default all but loopback and
 * the virtual ones of containers; loopback alone when there is nothing else.
 */
export function chooseInterfaces(all: readonly NetworkInterface[], wanted: readonly string[] | undefined): NetworkInterface[] {
  if (wanted !== undefined) return all.filter((i) => wanted.includes(i.name) || (i.loopback && wanted.includes('lo')));
  const real = all.filter((i) => !i.loopback && !VIRTUAL.test(i.name));
  return real.length > 0 ? real : all.filter((i) => i.loopback);
}
