import { execFileSync } from 'node:child_process';
import type { Keeper } from '../../processes/keeper.js';
import type { Cable } from '../cable.js';
import { ipBatch, within } from './ip.js';

/** Names of namespaces begin so; after it the id of the process that made them. */
export const PREFIX = 'cpns';

/** A host: a network namespace with one card. */
export interface Host extends Cable {
  readonly namespace: string;
  readonly address: string;
  /** Words in front of a command that is to run there. */
  readonly prefix: readonly string[];
}

/** One Ethernet switch. Its namespace is its own: that of the machine is not touched. */
export interface Segment {
  readonly bridge: string;
  readonly subnet: string;
}

/** Switches and hosts of one stage. */
export class LanNetwork {
  readonly #prefix: string;
  readonly #keeper: Keeper;
  #cards = 0;
  #segments = 0;

  constructor(keeper: Keeper, number: number) {
    this.#keeper = keeper;
    this.#prefix = `${PREFIX}${process.pid}-${number}`;
  }

  segment(): Segment {
    const number = this.#segments++;
    const bridge = this.#namespace(`switch${number}`);
    ipBatch(bridge, ['link add br0 type bridge mcast_snooping 0 stp_state 0', 'link set br0 up']);
    return { bridge, subnet: `10.77.${number}` };
  }

  host(name: string, segment: Segment): Host {
    const namespace = this.#namespace(name);
    // No time is spent on looking for a second owner of the own IPv6 address; where there is no IPv6 there is nothing to do.
    const script = 'for name in default all; do echo 0 >/proc/sys/net/ipv6/conf/$name/accept_dad; done 2>/dev/null; true';
    execFileSync('ip', [...within(namespace).slice(1), 'sh', '-c', script]);
    return this.attach(namespace, segment, 'eth0');
  }

  /** Puts another card into a host. */
  attach(namespace: string, segment: Segment, card: string): Host {
    const number = ++this.#cards;
    const address = `${segment.subnet}.${number}`;
    const [port, { bridge }] = [`p${number}`, segment];
    ipBatch(undefined, [`link add ${card} netns ${namespace} type veth peer name ${port} netns ${bridge}`]);
    ipBatch(bridge, [`link set ${port} master br0 up`]);
    ipBatch(namespace, [`addr add ${address}/24 dev ${card}`, `link set ${card} up`]);
    return {
      namespace,
      address,
      prefix: within(namespace),
      unplug: () => ipBatch(bridge, [`link set ${port} down`]),
      plug: () => ipBatch(bridge, [`link set ${port} up`]),
    };
  }

  #namespace(name: string): string {
    const namespace = `${this.#prefix}-${name}`;
    this.#keeper.keep({ kind: 'namespace', name: namespace });
    ipBatch(undefined, [`netns add ${namespace}`]);
    ipBatch(namespace, ['link set lo up']);
    return namespace;
  }
}
