import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '@cpns/shared';
import { SystemClock } from '@cpns/shared/node';
import { Keeper } from '../../processes/keeper.js';
import type { Benchmark, BenchmarkRun, Outcome, Table } from '../benchmark.js';
import { median, quantile, rounded } from '../statistics.js';
import { handshakeBound, mqttBound, recordSql, sqlBound, togetherBound } from './bounds.js';
import { type Measured, MeasuredServer } from './measured-server.js';
import { RAISED_SETTINGS } from './raised.js';

export interface ServerFigures {
  readonly perSecond: number;
  readonly cpuPerEstablishmentUs: number;
  readonly boundUs: number;
  readonly ratio: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly flatness100k: number;
}

/** How much is done: durations in milliseconds. */
const EXTENT = {
  full: {
    gateways: 200,
    registered: [1_000, 100_000],
    warmUp: 5_000,
    measured: 20_000,
    handshakes: 3_000,
    recorded: 4_000,
    bare: 10_000,
    windows: 5,
    windowWarmUp: 2_500,
    window: 3_000,
  },
  smoke: {
    gateways: 20,
    registered: [100, 400],
    warmUp: 500,
    measured: 1_500,
    handshakes: 200,
    recorded: 100,
    bare: 1_000,
    windows: 1,
    windowWarmUp: 300,
    window: 700,
  },
} as const;

async function measure(run: BenchmarkRun, directory: string, clock: Clock, keeper: Keeper): Promise<Outcome<ServerFigures>> {
  const { signal, say } = run;
  const extent = run.smoke ? EXTENT.smoke : EXTENT.full;
  const { gateways } = extent;
  const common = { gateways, clock, keeper, signal };
  const [fewPnes, manyPnes] = extent.registered;
  say(`Filling two servers: ${fewPnes} and ${manyPnes} registered PNEs ...`);
  const few = await MeasuredServer.make({ ...common, directory: join(directory, 'few'), registered: fewPnes });
  const many = await MeasuredServer.make({ ...common, directory: join(directory, 'many'), registered: manyPnes });
  try {
    say(`Recording the SQL of ${extent.recorded} establishments ...`);
    await recordSql(few.stateDirectory, few.crowdFile, extent.recorded, common);

    say(`${gateways} PN GWs establish personal networks for ${(extent.warmUp + extent.measured) / 1_000} s ...`);
    await few.start();
    const passed = await few.example();
    const main = await few.measure(extent.warmUp, extent.measured);
    await few.stop();

    const perCommit = main.transactions / main.commits;
    say(
      `Measuring the bound: handshake, SQL with ${rounded(perCommit)} transactions in a commit, ${passed.length} messages by bare aedes ...`,
    );
    const handshake = await handshakeBound(extent.handshakes, common);
    const sql = await sqlBound(few.stateDirectory, perCommit, common);
    const traffic = { passed, connections: gateways };
    const mqtt = await mqttBound(traffic, extent.windowWarmUp, extent.bare, common);
    const together = await togetherBound(few.stateDirectory, traffic, common);

    const windows: { few: number; many: number }[] = [];
    for (let i = 0; i < extent.windows; i++) {
      say(`Window ${i + 1} of ${extent.windows} on either server ...`);
      const rate = async (server: MeasuredServer) => {
        await server.start();
        const { establishments, seconds } = await server.measure(extent.windowWarmUp, extent.window);
        await server.stop();
        return establishments / seconds;
      };
      windows.push({ few: await rate(few), many: await rate(many) });
    }

    const cpuUs = main.cpuUs / main.establishments;
    const boundUs = handshake.us + sql.us + mqtt.us;
    const rates = { few: median(windows.map((window) => window.few)), many: median(windows.map((window) => window.many)) };
    const octets = (way: string) => passed.filter((message) => message.way === way).map((message) => message.octets);
    return {
      tables: [
        timeTable(main),
        {
          title: 'CPU of one establishment (us)',
          heads: ['part', 'us', 'of the whole'],
          rows: [
            ['handshake, the half of the server', handshake.us],
            ['the same SQL', sql.us],
            ['the same messages, bare aedes over TLS-PSK', mqtt.us],
            ['bound: these three', boundUs],
            ['the same three in one process, one after another as they come', together.us],
            ['server', cpuUs],
          ].map(([part, us]) => [part as string, rounded(us as number), rounded((us as number) / cpuUs, 3)]),
        },
        {
          title: 'Establishments a second, by registered PNEs',
          heads: ['window', fewPnes.toLocaleString('en'), manyPnes.toLocaleString('en')],
          rows: [...windows, rates].map((window, i) => [i < windows.length ? i + 1 : 'median', rounded(window.few), rounded(window.many)]),
        },
      ],
      notes: [
        `Server and crowd are two processes on this machine: ${gateways} PN GWs over MQTT with TLS-PSK, authenticated, each with 5 PNEs, each establishing one PN 1-1 after another; none waits for another, so p50 and p99 are those of a server with as much to do as it can.`,
        `One establishment: ${octets('up').length} messages up (${octets('up').join(', ')} octets) and ${octets('down').length} down (${octets('down').join(', ')}); X25519, LocalEUKey in two wraps, ${rounded(sql.transactions)} transactions with ${rounded(sql.statements, 0)} statements.`,
        `Transactions in one commit: ${rounded(perCommit)}; every commit is synced.`,
        `The three parts of the bound ran in processes of their own; bare aedes did ${rounded(mqtt.perSecond, 0)} such exchanges a second.`,
        `Between the windows each server was stopped, which brings its write-ahead log into the database; ${extent.windowWarmUp / 1_000} s warm-up before each.`,
        RAISED_SETTINGS,
      ],
      figures: {
        perSecond: rounded(main.establishments / main.seconds),
        cpuPerEstablishmentUs: rounded(cpuUs),
        boundUs: rounded(boundUs),
        ratio: rounded(boundUs / cpuUs, 3),
        p50Ms: rounded(median(main.timesMs)),
        p99Ms: rounded(quantile(main.timesMs, 0.99)),
        flatness100k: rounded(rates.few / rates.many, 3),
      },
    };
  } finally {
    await Promise.all([few.close(), many.close()]);
  }
}

function timeTable({ timesMs, establishments, seconds }: Measured): Table {
  return {
    title: `Establishments: ${establishments} in ${rounded(seconds)} s; time of one (ms)`,
    heads: ['n', 'min', 'p50', 'p95', 'p99', 'max'],
    rows: [[establishments, ...[0, 0.5, 0.95, 0.99, 1].map((fraction) => rounded(quantile(timesMs, fraction)))]],
  };
}

export const server: Benchmark<ServerFigures> = {
  name: 'server',
  title: 'The server under 200 PN GWs that establish personal networks without a break, against the work that cannot be left out',
  figures: {
    perSecond: 'establishments a second',
    cpuPerEstablishmentUs: 'CPU of the server process, user and system, divided by the establishments',
    boundUs: 'CPU of the server half of the handshake, of the same SQL and of the same messages through bare aedes',
    ratio: 'boundUs divided by cpuPerEstablishmentUs; bound 0.60',
    p50Ms: 'median time of an establishment at the PN GW, from PN Membership Request to the session acknowledgement',
    p99Ms: '99th percentile of it',
    flatness100k: 'establishments a second with 1,000 registered PNEs divided by those with 100,000; bound 1.25',
  },
  async run(run) {
    const keeper = new Keeper();
    try {
      const directory = await mkdtemp(join(tmpdir(), 'cpns-bench-'));
      keeper.keep({ kind: 'directory', path: directory });
      return await measure(run, directory, new SystemClock(), keeper);
    } finally {
      await keeper.close();
    }
  },
};
