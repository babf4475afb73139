import { type Clock, sleep } from '@cpns/shared';
import type { AgentProcess } from '../processes/agent-process.js';
import type { Benchmark, BenchmarkRun, Outcome, Table } from './benchmark.js';
import { Household, RAISED_LIMITS } from './household.js';
import { Matter } from './matter.js';
import { installPeers } from './peer-packages.js';
import { median, quantile, rounded } from './statistics.js';
import { establishOnce, freshId, pairAtOnce, probed, readyToEstablish, SETTLE_MS } from './steps.js';

export interface PeersFigures {
  readonly matterCommissionP50Ms: number;
  readonly establishP50Ms: number;
  readonly ratio: number;
  readonly fullP50Ms: number;
}

const WARM_UPS = { full: 3, smoke: 1 } as const;
const ROUNDS = { full: 12, smoke: 2 } as const;

/** From the first word of two fresh agents with each other to a PN between them. */
interface FullWay {
  readonly gatewayIsLower: boolean;
  readonly pairMs: number;
  readonly electMs: number;
  readonly establishMs: number;
  readonly totalMs: number;
}

async function fullWay(household: Household, gatewayIsLower: boolean, signal: AbortSignal): Promise<FullWay> {
  const { clock } = household;
  const [lower, higher] = [freshId('a'), freshId('b')];
  const [gateway, pne] = await Promise.all([
    household.agent(gatewayIsLower ? lower : higher, 'gateway'),
    household.agent(gatewayIsLower ? higher : lower, 'pne'),
  ]);
  try {
    await Promise.all([gateway, pne].map((agent) => probed(agent, clock, signal)));
    await sleep(clock, SETTLE_MS, signal);

    const startedMs = clock.monotonicMs();
    const ready = readyToEstablish(pne, gateway, clock, signal);
    ready.catch(() => {});
    await pairAtOnce(pne, gateway);
    const pairedMs = clock.monotonicMs();
    await ready;
    const electedMs = clock.monotonicMs();
    await establishOnce(pne, signal);
    const endMs = clock.monotonicMs();
    return {
      gatewayIsLower,
      pairMs: pairedMs - startedMs,
      electMs: electedMs - pairedMs,
      establishMs: endMs - electedMs,
      totalMs: endMs - startedMs,
    };
  } finally {
    await Promise.all([household.dismiss(pne), household.dismiss(gateway)]);
  }
}

/** The household's own pair, left alone for as long as everybody else is before being measured. */
async function settledEstablish(pne: AgentProcess, clock: Clock, signal: AbortSignal): Promise<number> {
  await sleep(clock, SETTLE_MS, signal);
  return await establishOnce(pne, signal);
}

async function measure(household: Household, { smoke, signal, say }: BenchmarkRun): Promise<Outcome<PeersFigures>> {
  const [warmUps, rounds] = smoke ? [WARM_UPS.smoke, ROUNDS.smoke] : [WARM_UPS.full, ROUNDS.full];
  const { clock, keeper, directory } = household;
  await installPeers(clock, keeper, say);
  say('Starting two agents and a Matter controller ...');
  const gateway = await household.agent(freshId('gw'), 'gateway');
  const pne = await household.agent(freshId('pne'), 'pne');
  await pairAtOnce(pne, gateway);
  await readyToEstablish(pne, gateway, clock, signal);
  const matter = await Matter.open({ clock, keeper, directory }, signal);

  const commissions: number[] = [];
  const establishes: number[] = [];
  const ways: FullWay[] = [];
  try {
    for (let i = 0; i < warmUps + rounds; i++) {
      say(i < warmUps ? `Warm-up ${i + 1} of ${warmUps} ...` : `Round ${i - warmUps + 1} of ${rounds} ...`);
      const commissionMs = await matter.commission(signal);
      const establishMs = await settledEstablish(pne, clock, signal);
      const way = await fullWay(household, i % 2 === 0, signal);
      if (i < warmUps) continue;
      commissions.push(commissionMs);
      establishes.push(establishMs);
      ways.push(way);
    }
  } finally {
    await matter.close();
  }
  return outcome(commissions, establishes, ways);
}

function outcome(commissions: readonly number[], establishes: readonly number[], ways: readonly FullWay[]): Outcome<PeersFigures> {
  const matterCommissionP50Ms = median(commissions);
  const establishP50Ms = median(establishes);
  const totals = ways.map(({ totalMs }) => totalMs);
  const fullP50Ms = median(totals);
  return {
    tables: [
      {
        title: 'Interleaved in one run (ms)',
        heads: ['what', 'n', 'min', 'p50', 'max', 'to commissionNode()'],
        rows: [
          row('matter.js commissionNode()', commissions, matterCommissionP50Ms),
          row('cpns establish', establishes, matterCommissionP50Ms),
          row('cpns full way', totals, matterCommissionP50Ms),
        ],
      },
      partsTable(ways),
    ],
    notes: [
      'commissionNode(): @matter/main and @project-chip/matter.js, a controller that stays and a fresh device with new storage each round, two processes, on-network, mDNS on loopback.',
      'Establish: one more PN, 1-1, between two agents that are paired and connected; time as the agent reports it.',
      `Full way: two fresh agents whose processes have run for ${SETTLE_MS} ms, unpaired; from both windows opened at once, over mDNS, pairing by code confirmed at once, link, election and the PN GW's connection to the server, to "pn create" done.`,
      'Server, agents, controller and device are processes of their own on this machine.',
      RAISED_LIMITS,
    ],
    figures: {
      matterCommissionP50Ms: rounded(matterCommissionP50Ms),
      establishP50Ms: rounded(establishP50Ms),
      ratio: rounded(establishP50Ms / matterCommissionP50Ms, 4),
      fullP50Ms: rounded(fullP50Ms),
    },
  };
}

function row(what: string, times: readonly number[], baseMs: number): (string | number)[] {
  const quantiles = [0, 0.5, 1].map((fraction) => rounded(quantile(times, fraction)));
  return [what, times.length, ...quantiles, rounded(median(times) / baseMs, 3)];
}

function partsTable(ways: readonly FullWay[]): Table {
  const part = (what: string, of: readonly FullWay[]) => [
    what,
    of.length,
    ...[of.map((w) => w.pairMs), of.map((w) => w.electMs), of.map((w) => w.establishMs), of.map((w) => w.totalMs)].map((times) =>
      of.length === 0 ? '-' : rounded(median(times)),
    ),
  ];
  return {
    title: 'Parts of the full way (ms, medians)',
    heads: ['rounds', 'n', 'browse, pair, link', 'elect, connect', 'pn create', 'all'],
    rows: [
      part('all', ways),
      part(
        'the PN GW has the lower entity id',
        ways.filter((way) => way.gatewayIsLower),
      ),
      part(
        'the PNE has the lower entity id',
        ways.filter((way) => !way.gatewayIsLower),
      ),
    ],
  };
}

export const peers: Benchmark<PeersFigures> = {
  name: 'peers',
  title: 'PN establishment against commissioning a device with matter.js, on the same machine',
  figures: {
    matterCommissionP50Ms: 'median time of commissionNode() for a fresh on-network device',
    establishP50Ms: 'median establish time of a PN 1-1',
    ratio: 'establishP50Ms / matterCommissionP50Ms',
    fullP50Ms: 'median time of browse, pair, link, elect and establish for two fresh agents',
  },
  run: (run) => Household.use(run, (household) => measure(household, run)),
};
