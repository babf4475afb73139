import type { Benchmark } from './benchmark.js';
import { ble } from './ble/ble.js';
import { establish } from './establish.js';
import { footprint } from './footprint.js';
import { groups } from './groups/groups.js';
import { membership } from './membership/membership.js';
import { peers } from './peers.js';
import { secureChannel } from './secure-channel.js';
import { server } from './server/server.js';

/** All benchmarks, in the order of `--list`. A new one is a file of its own and a line here. */
export const BENCHMARKS: readonly Benchmark[] = [establish, peers, secureChannel, server, membership, groups, footprint, ble];
