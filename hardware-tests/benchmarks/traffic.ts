import { parseHostPort, sleep } from '@cpns/shared';
import { CountingProxy, type Passage } from './counting-proxy.js';
import type { Household } from './household.js';
import { median } from './statistics.js';
import { establishOnce, freshId, pairThrough, readyToEstablish } from './steps.js';
import { type Passed, type Step, steps, stepTimes } from './timeline.js';

/** One way of one hop; medians over the rounds. */
export interface HopTraffic {
  readonly hop: string;
  readonly messages: number;
  readonly octets: number;
}

export interface Traffic {
  readonly hops: readonly HopTraffic[];
  /** Medians over the rounds in which nothing came in between. */
  readonly steps: readonly Step[];
}

/** Nothing passed for so long: the establishment has ended on every hop. */
const QUIET_MS = 50;
/** Establishes PNs between two agents of their own, with a proxy on each hop. @throws CpnsError */
export async function countTraffic(household: Household, warmUps: number, rounds: number, signal: AbortSignal): Promise<Traffic> {
  const { clock } = household;
  const [pan, uplink] = await Promise.all([
    CountingProxy.open(clock, { webSocket: true }),
    CountingProxy.open(clock, { webSocket: false }),
  ]);
  try {
    uplink.aim(parseHostPort(household.server.publicAddress));
    const gateway = await household.agent(freshId('gw'), 'gateway', { server: uplink.address });
    const pne = await household.agent(freshId('pne'), 'pne');
    const [address] = (await gateway.request('status', {})).pan.flatMap((technology) => technology.addresses);
    pan.aim(parseHostPort(address as string));
    await pairThrough(pan.address, pne, gateway);
    await readyToEstablish(pne, gateway, clock, signal);

    const traffic: HopTraffic[][] = [];
    const times: number[][] = [];
    for (let i = 0; i < warmUps + rounds; i++) {
      const before = await household.metrics();
      pan.take();
      uplink.take();
      const establishMs = await establishOnce(pne, signal);
      while (clock.monotonicMs() - Math.max(pan.lastMs, uplink.lastMs) < QUIET_MS) await sleep(clock, QUIET_MS, signal);
      const after = await household.metrics();
      const published = (way: string) => countOf(after, way) - countOf(before, way);
      const passed = { pan: pan.take(), uplink: uplink.take() };
      if (i < warmUps) continue;
      traffic.push(hopsOf(passed, published));
      const timesOfSteps = stepTimes(passed, establishMs);
      if (timesOfSteps !== undefined) times.push(timesOfSteps);
    }
    await Promise.all([household.dismiss(pne), household.dismiss(gateway)]);
    return { hops: medians(traffic), steps: steps(times) };
  } finally {
    await Promise.all([pan.close(), uplink.close()]);
  }
}

function countOf(metrics: ReadonlyMap<string, number>, way: string): number {
  return metrics.get(`cpns_broker_${way}_messages_total`) ?? 0;
}

function hopsOf({ pan, uplink }: Passed, published: (way: string) => number): HopTraffic[] {
  const octets = (passages: readonly Passage[], way: string) => sum(passages.filter((p) => p.way === way).map((p) => p.octets));
  const messages = (way: string) => sum(pan.filter((p) => p.way === way).map((p) => p.messages));
  return [
    { hop: 'PNE to PN GW', messages: messages('out'), octets: octets(pan, 'out') },
    { hop: 'PN GW to PNE', messages: messages('in'), octets: octets(pan, 'in') },
    { hop: 'PN GW to CPNS Server', messages: published('uplink'), octets: octets(uplink, 'out') },
    { hop: 'CPNS Server to PN GW', messages: published('downlink'), octets: octets(uplink, 'in') },
  ];
}

function medians(rounds: readonly (readonly HopTraffic[])[]): HopTraffic[] {
  const [first = []] = rounds;
  return first.map(({ hop }, i) => {
    const all = rounds.map((round) => round[i] as HopTraffic);
    return { hop, messages: median(all.map(({ messages }) => messages)), octets: median(all.map(({ octets }) => octets)) };
  });
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
