import type { Benchmark, BenchmarkRun, Outcome, Table } from './benchmark.js';
import { Household, RAISED_LIMITS } from './household.js';
import { median, quantile, rounded } from './statistics.js';
import { establishOnce, freshId, pairAtOnce, readyToEstablish } from './steps.js';
import { countTraffic, type Traffic } from './traffic.js';

export interface EstablishFigures {
  readonly n: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly messages: number;
  readonly bytes: number;
}

/** Rounds before the first that counts: code is compiled, caches are filled. */
const WARM_UPS = 5;
const ROUNDS = { full: 60, smoke: 5 } as const;
const COUNTED_ROUNDS = { full: 15, smoke: 3 } as const;

async function measure(household: Household, { smoke, signal, say }: BenchmarkRun): Promise<Outcome<EstablishFigures>> {
  const rounds = smoke ? ROUNDS.smoke : ROUNDS.full;
  say('Starting two agents ...');
  const gateway = await household.agent(freshId('gw'), 'gateway');
  const pne = await household.agent(freshId('pne'), 'pne');
  await pairAtOnce(pne, gateway);
  await readyToEstablish(pne, gateway, household.clock, signal);

  say(`Establishing ${WARM_UPS} personal networks to warm up and ${rounds} to measure ...`);
  for (let i = 0; i < WARM_UPS; i++) await establishOnce(pne, signal);
  const times: number[] = [];
  for (let i = 0; i < rounds; i++) times.push(await establishOnce(pne, signal));

  say('Counting what two more agents and the server send, through proxies ...');
  const traffic = await countTraffic(household, WARM_UPS, smoke ? COUNTED_ROUNDS.smoke : COUNTED_ROUNDS.full, signal);
  const messages = traffic.hops.reduce((sum, hop) => sum + hop.messages, 0);
  const bytes = traffic.hops.reduce((sum, hop) => sum + hop.octets, 0);
  const syncMs = await household.syncMs();
  return {
    tables: [timeTable(times), trafficTable(traffic), stepTable(traffic), shareTable(traffic)],
    notes: [
      'Establish time: at the PNE, from PN Setup Request sent to PN Setup Response verified and stored; 1-1, consent by policy, X25519 with the server and on the hop.',
      `Server, PN GW and PNE are processes of their own on this machine: WebSocket, MQTT over TLS-PSK, every commit synced (one small sync takes ${rounded(syncMs, 2)} ms here).`,
      'Each round adds one PN and keeps those before.',
      RAISED_LIMITS,
      'Messages and bytes: medians over rounds of their own through counting TCP proxies, from before "pn create" until the hops are quiet after it: seed 002 steps 18 to 26 with the PNE\'s acknowledgement.',
      'On the PAN hop a message is a binary WebSocket message, on the uplink an MQTT PUBLISH taken in or handed out by the broker; bytes are TCP payload, with WebSocket, TLS, MQTT and their acknowledgements.',
    ],
    figures: {
      n: times.length,
      p50Ms: rounded(median(times)),
      p95Ms: rounded(quantile(times, 0.95)),
      messages: Math.round(messages),
      bytes: Math.round(bytes),
    },
  };
}

function timeTable(times: readonly number[]): Table {
  const half = Math.floor(times.length / 2);
  const row = (name: string, values: readonly number[]) =>
    [name, values.length, ...[0, 0.5, 0.95, 1].map((fraction) => rounded(quantile(values, fraction)))] as const;
  return {
    title: 'Establish time (ms)',
    heads: ['rounds', 'n', 'min', 'p50', 'p95', 'max'],
    rows: [row('all', times), row('first half', times.slice(0, half)), row('second half', times.slice(half))],
  };
}

function trafficTable({ hops }: Traffic): Table {
  return {
    title: 'What one establishment sends',
    heads: ['hop', 'messages', 'bytes'],
    rows: hops.map(({ hop, messages, octets }) => [hop, rounded(messages), rounded(octets)]),
  };
}

function stepTable({ steps }: Traffic): Table {
  return {
    title: 'Where the time goes, step by step, through the proxies (ms; steps of the seeds in brackets)',
    heads: ['at', 'what', 'p50'],
    rows: steps.map(({ at, does, ms }) => [at, does, rounded(ms, 2)]),
  };
}

function shareTable({ steps }: Traffic): Table {
  const parties = [...new Set(steps.map(({ at }) => at))];
  return {
    title: 'The same by party',
    heads: ['at', 'steps', 'ms'],
    rows: parties.map((party) => {
      const own = steps.filter(({ at }) => at === party);
      return [party, own.length, rounded(own.reduce((sum, { ms }) => sum + ms, 0))];
    }),
  };
}

export const establish: Benchmark<EstablishFigures> = {
  name: 'establish',
  title: 'PN establishment 1-1 over the LAN: server, PN GW and PNE as processes of their own',
  figures: {
    n: 'establishments measured',
    p50Ms: 'median establish time',
    p95Ms: '95th percentile',
    messages: 'messages of one establishment on both hops, both ways',
    bytes: 'TCP payload octets of one establishment on both hops, both ways',
  },
  run: (run) => Household.use(run, (household) => measure(household, run)),
};
