import { parseHostPort, sleep } from '@cpns/shared';
import { CountingProxy, type Passage } from './counting-proxy.js';
import type { Household } from './household.js';
import { median } from './statistics.js';
import { establishOnce, freshId, pairAtOnce, readyToEstablish } from './steps.js';

/** One way of one hop; medians over the rounds. */
export interface HopTraffic {
  readonly hop: string;
  readonly messages: number;
  readonly octets: number;
}

/** Who made the others wait, and for how long; medians over the rounds. */
export interface Share {
  readonly at: string;
  readonly ms: number;
}

export interface Traffic {
  readonly hops: readonly HopTraffic[];
  readonly shares: readonly Share[];
}

/** Nothing passed for so long: the establishment has ended on every hop. */
const QUIET_MS = 50;
/** What is shorter than this on the uplink is an acknowledgement of MQTT in its TLS record, and nobody waits for that. */
const LONGEST_ACKNOWLEDGEMENT = 64;

const PARTIES = ['PNE', 'PN GW', 'CPNS Server'] as const;
type Party = (typeof PARTIES)[number];

interface Round {
  readonly hops: readonly HopTraffic[];
  readonly shares: Readonly<Record<Party, number>>;
}

/** Establishes PNs between two agents of their own, with a proxy on each hop. @throws CpnsError */
export async function countTraffic(household: Household, warmUps: number, rounds: number, signal: AbortSignal): Promise<Traffic> {
  const { clock } = household;
  const [pan, uplink] = await Promise.all([
    CountingProxy.open(clock, { webSocket: true }),
    CountingProxy.open(clock, { webSocket: false }),
  ]);
  try {
    uplink.aim(parseHostPort(household.server.publicAddress));
    // The lower id dials, so the link goes through the proxy.
    const gateway = await household.agent(freshId('b'), 'gateway', uplink.address);
    const pne = await household.agent(freshId('a'), 'pne');
    const [address] = (await gateway.request('status', {})).pan.flatMap((technology) => technology.addresses);
    pan.aim(parseHostPort(address as string));
    await pairAtOnce(pne, gateway, pan.address);
    await readyToEstablish(pne, gateway, clock, signal);

    const all: Round[] = [];
    for (let i = 0; i < warmUps + rounds; i++) {
      const before = await household.metrics();
      pan.take();
      uplink.take();
      const establishMs = await establishOnce(pne, signal);
      while (clock.monotonicMs() - Math.max(pan.lastMs, uplink.lastMs) < QUIET_MS) await sleep(clock, QUIET_MS, signal);
      const after = await household.metrics();
      const published = (way: string) => countOf(after, way) - countOf(before, way);
      const passed = { pan: pan.take(), uplink: uplink.take() };
      if (i >= warmUps) all.push({ hops: hopsOf(passed, published), shares: sharesOf(passed, establishMs) });
    }
    await Promise.all([household.dismiss(pne), household.dismiss(gateway)]);
    return {
      hops: (all[0] as Round).hops.map(({ hop }, i) => ({
        hop,
        messages: median(all.map((round) => (round.hops[i] as HopTraffic).messages)),
        octets: median(all.map((round) => (round.hops[i] as HopTraffic).octets)),
      })),
      shares: PARTIES.map((at) => ({ at, ms: median(all.map((round) => round.shares[at])) })),
    };
  } finally {
    await Promise.all([pan.close(), uplink.close()]);
  }
}

interface Passed {
  readonly pan: readonly Passage[];
  readonly uplink: readonly Passage[];
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

/** The time between two messages belongs to whoever has received the first. */
function sharesOf({ pan, uplink }: Passed, establishMs: number): Record<Party, number> {
  const messages = [
    ...pan.map(({ atMs, way }) => ({ atMs, to: way === 'out' ? ('PN GW' as const) : ('PNE' as const) })),
    ...uplink
      .filter(({ octets }) => octets > LONGEST_ACKNOWLEDGEMENT)
      .map(({ atMs, way }) => ({ atMs, to: way === 'out' ? ('CPNS Server' as const) : ('PN GW' as const) })),
  ].sort((a, b) => a.atMs - b.atMs);
  const shares: Record<Party, number> = { PNE: 0, 'PN GW': 0, 'CPNS Server': 0 };
  const endMs = (messages[0]?.atMs ?? 0) + establishMs;
  messages.forEach(({ atMs, to }, i) => {
    const untilMs = Math.min(messages[i + 1]?.atMs ?? endMs, endMs);
    if (untilMs > atMs) shares[to] += untilMs - atMs;
  });
  return shares;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
