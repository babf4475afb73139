import { NodeJsNetwork } from '@matter/nodejs';

/** Joins multicast groups on loopback alone; by itself the library joins those of IPv4 wherever the default route leads. */
export function stayOnLoopback() {
  NodeJsNetwork.getMembershipMulticastInterfaces = (_zone, ipv4) => [ipv4 ? '127.0.0.1' : `::%${process.env.MATTER_MDNS_NETWORKINTERFACE}`];
}
