import type { Benchmark, BenchmarkRun, Outcome, Table } from '../benchmark.js';
import { Household, RAISED_LIMITS } from '../household.js';
import { median, quantile, rounded } from '../statistics.js';
import { BenchAir } from './bench-air.js';
import { bluetoothPair, type Established, establishments } from './establishments.js';
import { bareEnds, type Compared, carry, compare, type Ends, type Load, radioEnds, WAYS, type Way } from './goodput.js';

export interface BleFigures {
  readonly goodputRatioUp: number;
  readonly goodputRatioDown: number;
  readonly establishP50Ms: number;
  readonly attOperations: number;
  readonly bytesOnAir: number;
}

/** The message whose goodput is a figure, and shorter ones for the table. */
const LONG: Load = { messages: 200, octets: 16_000 };
const SHORT: readonly Load[] = [
  { messages: 2_000, octets: 20 },
  { messages: 2_000, octets: 300 },
  { messages: 1_000, octets: 1_024 },
];
const ROUNDS = { full: 5, smoke: 1 } as const;
const ESTABLISHMENTS = { full: { warmUps: 3, rounds: 25 }, smoke: { warmUps: 1, rounds: 3 } } as const;
/** The least that a connection can have (Bluetooth Core Vol 3 Part G, 5.2.1). */
const LEAST_MTU = 23;
const AT_LEAST_MTU: Load = { messages: 3, octets: 16_000 };

interface Row {
  readonly load: Load;
  readonly compared: Readonly<Record<Way, Compared>>;
}

async function rowFor(bare: Ends, own: Ends, load: Load, rounds: number, { clock }: BenchAir, signal: AbortSignal): Promise<Row> {
  const up = await compare(bare, own, 'up', load, rounds, clock, signal);
  const down = await compare(bare, own, 'down', load, rounds, clock, signal);
  return { load, compared: { up, down } };
}

async function goodput(bench: BenchAir, { smoke, signal, say }: BenchmarkRun): Promise<readonly Row[]> {
  say('Connecting noble with bleno, and one radio process with another ...');
  const [bare, own] = [await bareEnds(bench, signal), await radioEnds(bench, signal)];
  const rows: Row[] = [];
  for (const load of [...SHORT, LONG]) {
    const fewer = smoke ? { ...load, messages: load.messages / 10 } : load;
    say(`Sending messages of ${load.octets} octets both ways, ${fewer.messages} in each round ...`);
    rows.push(await rowFor(bare, own, fewer, smoke ? ROUNDS.smoke : ROUNDS.full, bench, signal));
  }
  await Promise.all([bare.central, bare.peripheral, own.central, own.peripheral].map(({ program }) => program.kill()));
  return rows;
}

/** Rates at the least MTU, by way. */
async function atLeastMtu(bench: BenchAir, signal: AbortSignal): Promise<Readonly<Record<Way, number>>> {
  const own = await radioEnds(bench, signal);
  const rate = async (way: Way) =>
    (AT_LEAST_MTU.messages * AT_LEAST_MTU.octets) / (await carry(own, way, AT_LEAST_MTU, bench.clock, signal));
  const rates = { up: await rate('up'), down: await rate('down') };
  await Promise.all([own.central, own.peripheral].map(({ program }) => program.kill()));
  return rates;
}

async function measure(household: Household, bench: BenchAir, run: BenchmarkRun): Promise<Outcome<BleFigures>> {
  const { smoke, signal, say } = run;
  const { warmUps, rounds } = smoke ? ESTABLISHMENTS.smoke : ESTABLISHMENTS.full;
  const rows = await goodput(bench, run);
  say('Starting two agents that have only Bluetooth ...');
  const pair = await bluetoothPair(household, bench, signal);
  say(`Establishing ${warmUps} personal networks to warm up and ${rounds} to measure ...`);
  const established = await establishments(pair, bench, warmUps, rounds, signal);
  await Promise.all([household.dismiss(pair.pne), household.dismiss(pair.gateway)]);

  say(`The same over connections that carry no more than an MTU of ${LEAST_MTU} ...`);
  await bench.air.ask('capMtu', { mtu: LEAST_MTU });
  const rates = await atLeastMtu(bench, signal);
  const short = await establishments(await bluetoothPair(household, bench, signal), bench, 1, smoke ? 1 : 5, signal);

  const long = rows.at(-1) as Row;
  return {
    tables: [goodputTable(rows), establishTable(established, short), leastTable(rates)],
    notes: [
      'Goodput: messages back to back until the last one has arrived and was compared. "up" is from the peripheral, as a PNE sends (notifications), "down" from the central, as the PN GW sends (writes without response).',
      'bare: noble in one process and bleno in another, each message in as long pieces as the connection carries. own: from agent to agent, each with a radio process, one IPC message for each CPNS message. Both in turn in each round, compared round by round.',
      'The air is virtual and has no radio in it: rates are those of the processors, ratios say what the layers of this project cost. Real Bluetooth carries a few to about 100 kB/s.',
      'Establish time: as the PNE reports it, over Bluetooth alone, the link session already up; 1-1, consent by policy.',
      'Operations and bytes: every ATT packet either way, credits included, from the first segment of PN Setup Request to the last of PN Setup Response; medians. They do not depend on the machine.',
      RAISED_LIMITS,
    ],
    figures: {
      goodputRatioUp: rounded(long.compared.up.ratio, 2),
      goodputRatioDown: rounded(long.compared.down.ratio, 2),
      establishP50Ms: rounded(median(established.timesMs)),
      attOperations: established.onAir.attOperations,
      bytesOnAir: established.onAir.bytesOnAir,
    },
  };
}

function goodputTable(rows: readonly Row[]): Table {
  return {
    title: 'Goodput over one connection, MTU 256 (kB/s)',
    heads: ['octets', 'messages', ...WAYS.flatMap((way) => [`${way}: bare`, 'own', 'own/bare'])],
    rows: rows.map(({ load, compared }) => [
      load.octets,
      load.messages,
      ...WAYS.flatMap((way) => [rounded(compared[way].bareKBps), rounded(compared[way].ownKBps), rounded(compared[way].ratio, 2)]),
    ]),
  };
}

function establishTable(usual: Established, short: Established): Table {
  const row = (mtu: number, { timesMs, onAir }: Established) => [
    mtu,
    timesMs.length,
    ...[0.5, 0.95].map((fraction) => rounded(quantile(timesMs, fraction))),
    onAir.attOperations,
    onAir.credits,
    onAir.bytesOnAir,
  ];
  return {
    title: 'Establishment over Bluetooth',
    heads: ['MTU', 'n', 'p50 ms', 'p95 ms', 'ATT operations', 'of these credits', 'bytes on air'],
    rows: [row(256, usual), row(LEAST_MTU, short)],
  };
}

function leastTable(rates: Readonly<Record<Way, number>>): Table {
  const { messages, octets } = AT_LEAST_MTU;
  return {
    title: `${messages} messages of ${octets} octets at MTU ${LEAST_MTU} (kB/s)`,
    heads: [...WAYS],
    rows: [WAYS.map((way) => rounded(rates[way]))],
  };
}

export const ble: Benchmark<BleFigures> = {
  name: 'ble',
  title: 'Bluetooth over the virtual air: goodput against bare noble and bleno, and what an establishment costs on the air',
  figures: {
    goodputRatioUp: 'goodput of 16,000-octet messages from the peripheral, agent to agent, as a part of that of bare noble and bleno',
    goodputRatioDown: 'the same from the central',
    establishP50Ms: 'median establish time',
    attOperations: 'ATT packets either way from PN Setup Request to PN Setup Response',
    bytesOnAir: 'their octets',
  },
  run: (run) =>
    Household.use(run, async (household) => {
      const bench = await BenchAir.open(household.clock);
      try {
        return await measure(household, bench, run);
      } finally {
        await bench.close();
      }
    }),
};
