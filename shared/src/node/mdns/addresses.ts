import { BlockList, isIPv4, isIPv6 } from 'node:net';
import type { InterfaceAddress, NetworkInterface } from './network-interfaces.js';

/** Never one device: unspecified, "this network", multicast, broadcast and reserved. */
const NOBODY = new BlockList();
NOBODY.addSubnet('0.0.0.0', 8, 'ipv4');
NOBODY.addSubnet('224.0.0.0', 3, 'ipv4');
NOBODY.addAddress('::', 'ipv6');
NOBODY.addSubnet('ff00::', 8, 'ipv6');

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** Networks of homes and sites (RFC 1918, 3927, 4193, 4291), where a nearby device may be though its prefix is not ours. */
const LOCAL = new BlockList();
LOCAL.addSubnet('10.0.0.0', 8, 'ipv4');
LOCAL.addSubnet('172.16.0.0', 12, 'ipv4');
LOCAL.addSubnet('192.168.0.0', 16, 'ipv4');
LOCAL.addSubnet('169.254.0.0', 16, 'ipv4');
LOCAL.addSubnet('fc00::', 7, 'ipv6');
LOCAL.addSubnet('fe80::', 10, 'ipv6');

/** `address` without its zone; an IPv4 address mapped into IPv6 as plain IPv4. */
export function plainAddress(address: string): string {
  const zone = address.indexOf('%');
  const bare = zone < 0 ? address : address.slice(0, zone);
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare);
  return mapped?.[1] ?? bare;
}

function listed(list: BlockList, address: string): boolean {
  if (isIPv4(address)) return list.check(address, 'ipv4');
  return isIPv6(address) && list.check(address, 'ipv6');
}

/** 127.0.0.0/8 or ::1. */
export function isLoopback(address: string): boolean {
  return listed(LOOPBACK, plainAddress(address));
}

/** fe80::/10: means something only together with an interface. */
export function isLinkLocal6(address: string): boolean {
  return isIPv6(plainAddress(address)) && /^fe[89ab]/i.test(address);
}

/** `address` lies in the network of `own`. */
function inNetworkOf(address: string, own: InterfaceAddress): boolean {
  const family = own.family === 4 ? 'ipv4' : 'ipv6';
  if ((own.family === 4) !== isIPv4(address)) return false;
  const network = new BlockList();
  network.addSubnet(own.address, own.prefix, family);
  return network.check(address, family);
}

/** `address` lies in one of the networks of `network`. */
export function isOnLink(address: string, network: NetworkInterface): boolean {
  const plain = plainAddress(address);
  return network.addresses.some((own) => inNetworkOf(plain, own));
}

/** `address` is one of the interface's own. */
export function isOwnAddress(address: string, network: NetworkInterface): boolean {
  const plain = plainAddress(address);
  return network.addresses.some((own) => own.address === plain);
}

/**
 * A device heard on `network` may be at `address`. Keeps a forged announcement from pointing us at the open internet or at
 * services of this very computer.
 */
export function isPlausible(address: string, network: NetworkInterface): boolean {
  const plain = plainAddress(address);
  if (!isIPv4(plain) && !isIPv6(plain)) return false;
  if (listed(NOBODY, plain)) return false;
  if (listed(LOOPBACK, plain)) return network.loopback;
  return listed(LOCAL, plain) || isOnLink(plain, network);
}

/** Zone of IPv6 link-local addresses on `network`: its number on Windows, its name elsewhere. */
export function zoneOf(network: NetworkInterface): string {
  const scope = network.addresses.find((a) => a.scope !== 0)?.scope;
  return process.platform === 'win32' && scope !== undefined ? String(scope) : network.name;
}

/** `host:port`, IPv6 in brackets, link-local addresses with the zone of `network`. */
export function endpoint(address: string, port: number, network: NetworkInterface): string {
  const plain = plainAddress(address);
  if (isIPv4(plain)) return `${plain}:${port}`;
  return isLinkLocal6(plain) ? `[${plain}%${zoneOf(network)}]:${port}` : `[${plain}]:${port}`;
}
