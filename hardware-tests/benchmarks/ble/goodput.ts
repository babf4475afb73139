import type { Clock } from '@cpns/shared';
import { median } from '../statistics.js';
import type { BenchAir } from './bench-air.js';
import { EndProcess } from './end-process.js';

/** `up`: from the peripheral, as a PNE sends. `down`: from the central, as the PN GW sends. */
export type Way = 'up' | 'down';
export const WAYS: readonly Way[] = ['up', 'down'];

/** Two ends that are linked. */
export interface Ends {
  readonly central: EndProcess;
  readonly peripheral: EndProcess;
}

export async function bareEnds(bench: BenchAir, signal: AbortSignal): Promise<Ends> {
  const { clock, keeper } = bench;
  const [at, to] = [await bench.host(), await bench.host()];
  const ends = {
    peripheral: new EndProcess({ kind: 'bare-peripheral', host: to, clock, keeper }),
    central: new EndProcess({ kind: 'bare-central', host: at, clock, keeper }),
  };
  return link(ends, to.address, signal);
}

/** As an agent has it: a radio process at each end. */
export async function radioEnds(bench: BenchAir, signal: AbortSignal): Promise<Ends> {
  const { clock, keeper } = bench;
  const [at, to] = [await bench.host(), await bench.host()];
  const ends = {
    peripheral: new EndProcess({ kind: 'radio-end', host: to, args: [to.address, 'peripheral'], clock, keeper }),
    central: new EndProcess({ kind: 'radio-end', host: at, args: [at.address, 'central'], clock, keeper }),
  };
  return link(ends, to.address, signal);
}

async function link(ends: Ends, address: string, signal: AbortSignal): Promise<Ends> {
  await ends.central.ask('connect', { address }, signal);
  await ends.peripheral.linked(signal);
  return ends;
}

export interface Load {
  readonly messages: number;
  readonly octets: number;
}

/** How long the messages take, back to back, until the last one has arrived and was compared. In milliseconds. */
export async function carry(ends: Ends, way: Way, load: Load, clock: Clock, signal: AbortSignal): Promise<number> {
  const [from, to] = way === 'up' ? [ends.peripheral, ends.central] : [ends.central, ends.peripheral];
  await to.ask('expect', load, signal);
  const startedMs = clock.monotonicMs();
  await Promise.all([to.ask('arrived', {}, signal), from.ask('send', load, signal)]);
  return clock.monotonicMs() - startedMs;
}

/** Rates in thousands of octets a second, medians over the rounds; the ratio is the median of those of each round. */
export interface Compared {
  readonly bareKBps: number;
  readonly ownKBps: number;
  readonly ratio: number;
}

/** Both in turn, round after round, beginning with the other one each time. One round in front warms up. */
export async function compare(
  bare: Ends,
  own: Ends,
  way: Way,
  load: Load,
  rounds: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<Compared> {
  const times: { readonly bareMs: number; readonly ownMs: number }[] = [];
  for (let round = -1; round < rounds; round++) {
    const inTurn = [async () => carry(bare, way, load, clock, signal), async () => carry(own, way, load, clock, signal)];
    const first = round & 1;
    const ms = [0, 0];
    for (const which of [first, 1 - first]) ms[which] = await (inTurn[which] as () => Promise<number>)();
    const [bareMs = 0, ownMs = 0] = ms;
    if (round >= 0) times.push({ bareMs, ownMs });
  }
  const kBps = (ms: number) => (load.messages * load.octets) / ms;
  return {
    bareKBps: median(times.map(({ bareMs }) => kBps(bareMs))),
    ownKBps: median(times.map(({ ownMs }) => kBps(ownMs))),
    ratio: median(times.map(({ bareMs, ownMs }) => bareMs / ownMs)),
  };
}
