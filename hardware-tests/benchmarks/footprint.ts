import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { sleep } from '@cpns/shared';
import { PackedAgent } from '../processes/packed-agent.js';
import type { ProcessFigures } from '../processes/probe.js';
import type { Benchmark, BenchmarkRun, Outcome, Table } from './benchmark.js';
import { Household, RAISED_LIMITS } from './household.js';
import { IdleGateways } from './idle-gateways.js';
import { rounded } from './statistics.js';
import { establishOnce, freshId, pairAtOnce, readyToEstablish } from './steps.js';

export interface FootprintFigures {
  readonly agentRssMB: number;
  readonly serverRssMB: number;
  readonly perGatewayKB: number;
  readonly agentInstallMB: number;
}

const IDLE_MS = { full: 60_000, smoke: 1_000 } as const;
/** Connected after each step. */
const GATEWAYS = { full: [500, 1_000, 2_500, 5_000], smoke: [50, 100] } as const;
/** After the last gateway has connected, what it left to do is done. */
const SETTLE_MS = { full: 10_000, smoke: 1_000 } as const;

/** Memory of the server while so many gateways are connected. */
interface Step {
  readonly gateways: number;
  readonly figures: ProcessFigures;
}

async function measure(household: Household, { smoke, signal, say }: BenchmarkRun): Promise<Outcome<FootprintFigures>> {
  const mode = smoke ? 'smoke' : 'full';
  const { clock, keeper, directory } = household;

  say('Packing the agent and installing it into an empty folder ...');
  const folder = join(directory, 'packed');
  await mkdir(folder);
  const packed = await PackedAgent.install({ directory: folder, clock, keeper });
  await packed.check();
  const installed = await packed.octets();

  say('Starting two agents and making a personal network of them ...');
  const gateway = await household.agent(freshId('gw'), 'gateway');
  const pne = await household.agent(freshId('pne'), 'pne');
  await pairAtOnce(pne, gateway);
  await readyToEstablish(pne, gateway, clock, signal);
  await establishOnce(pne, signal);
  say(`Leaving server and agents alone for ${IDLE_MS[mode] / 1000} s ...`);
  await sleep(clock, IDLE_MS[mode], signal);
  const agents = [await gateway.figures(), await pne.figures()] as const;
  const idle: Step = { gateways: 0, figures: await household.serverFigures() };
  await Promise.all([household.dismiss(pne), household.dismiss(gateway)]);

  const steps = await connectGateways(household, GATEWAYS[mode], SETTLE_MS[mode], signal, say);
  const last = steps.at(-1) as Step;
  return {
    tables: [processTable(agents, idle), gatewayTable(idle, steps)],
    notes: [
      `Each process is asked after ${IDLE_MS[mode] / 1000} s without work, after a garbage collection forced from within (node --import of a probe).`,
      'The agents are paired, linked and in one personal network; one is its PN GW and connected to the server.',
      'Gateways: held by one other process, each connected over TLS-PSK, authenticated by Connection setup, introduced, in no personal network; keep-alive 10 s.',
      'Install: npm pack of @cpns/shared and @cpns/agent, npm install --omit=optional of both, space taken on the disk; the installed cpns-agent shows its help and runs doctor.',
      RAISED_LIMITS,
      'MB is 10^6 octets, KB 10^3.',
    ],
    figures: {
      agentRssMB: megabytes(Math.max(...agents.map(({ rssOctets }) => rssOctets))),
      serverRssMB: megabytes(idle.figures.rssOctets),
      perGatewayKB: perGateway(idle, last, 'rssOctets'),
      agentInstallMB: megabytes(installed),
    },
  };
}

/** Connects more and more gateways, and tells the memory of the server after each step. @throws CpnsError */
async function connectGateways(
  household: Household,
  counts: readonly number[],
  settleMs: number,
  signal: AbortSignal,
  say: BenchmarkRun['say'],
): Promise<Step[]> {
  const held = new IdleGateways(household.clock, household.keeper);
  try {
    const steps: Step[] = [];
    let connected = 0;
    for (const count of counts) {
      say(`Connecting gateways until there are ${count} ...`);
      const codes: string[] = [];
      for (; connected < count; connected++) codes.push(await household.enrol(freshId('idle')));
      await held.add(codes, signal);
      await sleep(household.clock, settleMs, signal);
      const figures = await household.serverFigures();
      steps.push({ gateways: held.ready, figures });
    }
    return steps;
  } finally {
    await held.close();
  }
}

function processTable([gateway, pne]: readonly [ProcessFigures, ProcessFigures], server: Step): Table {
  const row = (name: string, { rssOctets, heapOctets, externalOctets }: ProcessFigures) =>
    [name, ...[rssOctets, heapOctets, externalOctets].map(megabytes)] as const;
  return {
    title: 'Idle processes (MB)',
    heads: ['process', 'resident', 'JavaScript heap', 'buffers'],
    rows: [row('agent, PN GW', gateway), row('agent, PNE', pne), row('server', server.figures)],
  };
}

function gatewayTable(idle: Step, steps: readonly Step[]): Table {
  return {
    title: 'Server with gateways connected (MB; KB per gateway against none)',
    heads: ['gateways', 'resident', 'JavaScript heap', 'buffers', 'resident each', 'heap each', 'buffers each'],
    rows: [
      [idle.gateways, ...sizes(idle), '-', '-', '-'],
      ...steps.map((step) => [
        step.gateways,
        ...sizes(step),
        perGateway(idle, step, 'rssOctets'),
        perGateway(idle, step, 'heapOctets'),
        perGateway(idle, step, 'externalOctets'),
      ]),
    ],
  };
}

function sizes({ figures }: Step): number[] {
  return [figures.rssOctets, figures.heapOctets, figures.externalOctets].map(megabytes);
}

function perGateway(idle: Step, step: Step, what: 'rssOctets' | 'heapOctets' | 'externalOctets'): number {
  return rounded((step.figures[what] - idle.figures[what]) / step.gateways / 1000);
}

function megabytes(octets: number): number {
  return rounded(octets / 1e6);
}

export const footprint: Benchmark<FootprintFigures> = {
  name: 'footprint',
  title: 'Memory of idle agents and of the server, per connected PN GW too, and disk space of an installed agent',
  figures: {
    agentRssMB: 'resident memory of the larger of two idle agents in one personal network, MB; bound 90',
    serverRssMB: 'resident memory of the idle server, MB; bound 120',
    perGatewayKB: 'growth of the server for each connected and authenticated PN GW, KB; bound 60',
    agentInstallMB: 'disk space of @cpns/agent installed from its packed form, MB; bound 40',
  },
  run: (run) => Household.use(run, (household) => measure(household, run), { probed: true }),
};
