import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock } from '@cpns/shared/node';
import { Keeper } from '../../processes/keeper.js';
import type { Benchmark, BenchmarkRun, Outcome } from '../benchmark.js';
import { RAISED_SETTINGS } from '../server/raised.js';
import { rounded } from '../statistics.js';
import { BusyPn, CARRIER_LIMITS, type Changed } from './busy-pn.js';

export interface MembershipFigures {
  readonly perSecond10: number;
  readonly perSecond100: number;
  readonly perSecond1000: number;
  readonly growth: number;
}

/** Members of the PN, and rounds of four changes: to warm up, and to measure. */
const EXTENT = {
  full: [
    { members: 10, warmUp: 50, rounds: 100 },
    { members: 100, warmUp: 15, rounds: 40 },
    { members: 1_000, warmUp: 3, rounds: 8 },
  ],
  smoke: [
    { members: 3, warmUp: 2, rounds: 3 },
    { members: 6, warmUp: 2, rounds: 3 },
    { members: 12, warmUp: 2, rounds: 3 },
  ],
} as const;

async function measure({ smoke, signal, say }: BenchmarkRun, keeper: Keeper): Promise<Outcome<MembershipFigures>> {
  const directory = await mkdtemp(join(tmpdir(), 'cpns-bench-'));
  keeper.keep({ kind: 'directory', path: directory });
  const results: { readonly members: number; readonly changed: Changed }[] = [];
  for (const { members, warmUp, rounds } of smoke ? EXTENT.smoke : EXTENT.full) {
    say(`Giving ${members} members their sessions ...`);
    const pn = await BusyPn.make({ directory: join(directory, String(members)), members, clock: new SystemClock(), keeper, signal });
    try {
      say(`${4 * (warmUp + rounds)} leaves, joins and expulsions ...`);
      await pn.change(warmUp);
      results.push({ members, changed: await pn.change(rounds) });
    } finally {
      await pn.close();
    }
  }
  const perSecond = results.map(({ changed: { changes, seconds } }) => changes / seconds);
  const cpuOfNotice = results.map(({ changed: { cpuUs, notices } }) => cpuUs / notices);
  const [few = Number.NaN, some = Number.NaN, many = Number.NaN] = perSecond;
  const limits = Object.entries(CARRIER_LIMITS).map(([name, value]) => `uplink.${name} ${value.toLocaleString('en')}`);
  return {
    tables: [
      {
        title: 'Changes of membership',
        heads: ['members', 'changes', 'a second', 'notices', 'CPU of the server for each change (us)', 'for each notice (us)'],
        rows: results.map(({ members, changed: { changes, notices, cpuUs } }, i) => [
          members,
          changes,
          rounded(perSecond[i] as number),
          notices,
          rounded(cpuUs / changes, 0),
          rounded(cpuOfNotice[i] as number),
        ]),
      },
    ],
    notes: [
      'One after another a member leaves, joins, is expelled and joins again: PNE Request or PN Update, the handshake of who joins, a new inventory version and PN key, one synced commit each.',
      'A change is over when it was answered and every other member has opened its sealed Inventory Notice. All records go through one PN GW over MQTT with TLS-PSK; server and devices are two processes on this machine.',
      'CPU of the server holds everything: the change itself, the notices, and what the members answer to them.',
      RAISED_SETTINGS,
      `Raised, too: ${limits.join(', ')}.`,
    ],
    figures: {
      perSecond10: rounded(few),
      perSecond100: rounded(some),
      perSecond1000: rounded(many, 2),
      growth: rounded((cpuOfNotice[2] as number) / (cpuOfNotice[1] as number), 3),
    },
  };
}

export const membership: Benchmark<MembershipFigures> = {
  name: 'membership',
  title: 'Leaves, joins and expulsions in one PN with 10, 100 and 1,000 members, each of whom is told',
  figures: {
    perSecond10: 'changes a second with 10 members, each durable and told to every member',
    perSecond100: 'the same with 100 members',
    perSecond1000: 'the same with 1,000 members',
    growth: 'CPU of the server for each notice with 1,000 members divided by that with 100; bound 1.2',
  },
  async run(run) {
    const keeper = new Keeper();
    try {
      return await measure(run, keeper);
    } finally {
      await keeper.close();
    }
  },
};
