import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '@cpns/shared';
import { SystemClock, systemEntropy } from '@cpns/shared/node';
import { Keeper } from '../../processes/keeper.js';
import type { Benchmark, BenchmarkRun, Outcome, Table } from '../benchmark.js';
import { type Interleaved, interleave } from '../interleaved.js';
import { installPeers } from '../peer-packages.js';
import { repeated, throughCipher } from '../record-pair.js';
import { rounded } from '../statistics.js';
import { throughGroup } from './group-messages.js';
import { MeasuredGroup } from './measured-group.js';
import { MLS_CHANGES, MLS_LIMIT_MS, type MlsCosts, type MlsRun, measureMls } from './mls.js';
import { measureSize, type SizeCosts, type SizeRounds } from './size-costs.js';

export interface GroupsFigures {
  readonly leave4096Wraps: number;
  readonly leave4096Ms: number;
  readonly emptyCommitMs: number;
  readonly leave4096VsFlat: number;
  readonly resync4096Wraps: number;
  readonly messageRatio300B: number;
}

/** The size of which the figures speak. */
const NAMED = 4_096;
/** Octets of a message. */
const CONTENT = 300;

const SIZES: Readonly<Record<'full' | 'smoke', readonly SizeRounds[]>> = {
  full: [
    { members: 16, rounds: 21, wideRounds: 21 },
    { members: 256, rounds: 21, wideRounds: 21 },
    { members: NAMED, rounds: 21, wideRounds: 21 },
    { members: 65_536, rounds: 21, wideRounds: 5 },
  ],
  smoke: [
    { members: 16, rounds: 3, wideRounds: 2 },
    { members: NAMED, rounds: 3, wideRounds: 2 },
  ],
};
const MLS: Readonly<Record<'full' | 'smoke', readonly MlsRun[]>> = {
  full: [
    { members: 16, growth: 'grown', rounds: 11 },
    { members: 16, growth: 'added', rounds: 11 },
    { members: 256, growth: 'grown', rounds: 5 },
    { members: 256, growth: 'added', rounds: 5 },
    { members: NAMED, growth: 'added', rounds: 3 },
  ],
  smoke: [{ members: 16, growth: 'grown', rounds: 1 }],
};
const MESSAGES = { full: { rounds: 31, sliceMs: 60 }, smoke: { rounds: 3, sliceMs: 10 } } as const;

type Sized = SizeRounds & { readonly costs: SizeCosts };
type Mls = MlsRun & { readonly costs: MlsCosts | undefined };

async function measure({ smoke, signal, say }: BenchmarkRun, keeper: Keeper): Promise<Outcome<GroupsFigures>> {
  const extent = smoke ? 'smoke' : 'full';
  const clock = new SystemClock();
  await installPeers(clock, keeper, say);
  const directory = await mkdtemp(join(tmpdir(), 'cpns-bench-'));
  keeper.keep({ kind: 'directory', path: directory });

  say(`Sealing and opening messages of ${CONTENT} octets ...`);
  const content = systemEntropy.bytes(CONTENT);
  const works = [throughCipher(), throughGroup()].map((carry) => repeated(carry, content));
  const messages = await interleave(clock, works, { ...MESSAGES[extent], signal });

  const sized: Sized[] = [];
  for (const size of SIZES[extent]) sized.push({ ...size, costs: await ofSize(size, directory, { clock, signal, say }) });
  const mls: Mls[] = [];
  for (const run of MLS[extent]) {
    say(`MLS with ${run.members} members, ${run.growth} ...`);
    mls.push({ ...run, costs: await measureMls(run, { clock, keeper, signal }) });
  }
  return outcome(sized, mls, messages);
}

async function ofSize(
  size: SizeRounds,
  directory: string,
  { clock, signal, say }: { readonly clock: Clock } & Pick<BenchmarkRun, 'signal' | 'say'>,
): Promise<SizeCosts> {
  say(`Filling a group with ${size.members} members ...`);
  const group = await MeasuredGroup.make({ directory, members: size.members, clock, signal });
  try {
    say('They leave, join, and lose their way ...');
    return await measureSize(group, size, { clock, signal });
  } finally {
    await group.close();
  }
}

function outcome(sized: readonly Sized[], mls: readonly Mls[], messages: Interleaved): Outcome<GroupsFigures> {
  const { leave, resync, emptyCommit, unicast } = (sized.find(({ members }) => members === NAMED) as Sized).costs;
  return {
    tables: [changesTable(sized), flatTable(sized), mlsTable(mls), messagesTable(messages)],
    notes: [
      'A change: tree, members, epoch and signed rekey in a transaction of its own in the database of a server, synced; node keys lie sealed there. One process, the changes in turn. Notices to members and the envelopes of the rekey are not in it.',
      'Full groups: as many members as the tree has leaves. A tenth: every tenth member leaves in one epoch. Resync: what one member gets that missed any number of epochs.',
      'Bound of wraps: four times the height of the tree. Octets: parts with their signatures.',
      'Flat: the new Group Key wrapped for each other member under a key of its own that is in memory; the same members, epoch, signatures and commit, and no tree.',
      'MLS: ts-mls, MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519, WebCrypto, a process of its own. There is no server in it: the CPU is that of the member that commits the change, and nothing is written to a disk. "added": all members by one commit, so that nobody has filled the tree yet; "grown": every other member has committed once, which is the best case.',
      `MLS: each step costs the library time for every member; a group that is not done after ${MLS_LIMIT_MS / 1000} s shows no figures, and larger ones are not tried.`,
      'CPU: user and system, all threads. Medians.',
    ],
    figures: {
      leave4096Wraps: leave.wraps,
      leave4096Ms: rounded(leave.cpuMs, 3),
      emptyCommitMs: rounded(emptyCommit.cpuMs, 3),
      leave4096VsFlat: rounded(unicast.cpuMs / leave.cpuMs),
      resync4096Wraps: resync.wraps,
      messageRatio300B: rounded(messages.speed[1] as number, 3),
    },
  };
}

function changesTable(sized: readonly Sized[]): Table {
  const names = [
    ['leave', 'one leaves'],
    ['join', 'one joins'],
    ['batch', 'a tenth leaves'],
    ['resync', 'resync'],
    ['emptyCommit', 'empty commit'],
  ] as const;
  const bound = (members: number) => 4 * Math.ceil(Math.log2(members) / 2);
  return {
    title: 'One change of a service group at the server',
    heads: ['members', 'change', 'wraps', 'bound', 'octets', 'CPU (ms)', 'until durable (ms)'],
    rows: sized.flatMap(({ members, costs }) =>
      names.map(([change, name]) => {
        const { wraps, octets, cpuMs, wallMs } = costs[change];
        return [members, name, wraps, change === 'leave' ? bound(members) : '', octets, rounded(cpuMs, 2), rounded(wallMs, 2)];
      }),
    ),
  };
}

function flatTable(sized: readonly Sized[]): Table {
  return {
    title: 'The same leave without a tree',
    heads: ['members', 'wraps', 'octets', 'CPU (ms)', 'wraps to those of the tree', 'octets', 'CPU'],
    rows: sized.map(({ members, costs: { leave, unicast } }) => [
      members,
      unicast.wraps,
      unicast.octets,
      rounded(unicast.cpuMs, 2),
      rounded(unicast.wraps / leave.wraps),
      rounded(unicast.octets / leave.octets),
      rounded(unicast.cpuMs / leave.cpuMs),
    ]),
  };
}

function mlsTable(mls: readonly Mls[]): Table {
  const names = { leave: 'one leaves', join: 'one joins', batch: 'a tenth leaves' } as const;
  return {
    title: 'The same in MLS, at the member that commits it',
    heads: ['members', 'group', 'change', 'ciphertexts', 'octets', 'CPU (ms)'],
    rows: mls.flatMap(({ members, growth, costs }) =>
      MLS_CHANGES.map((change) => {
        const { ciphertexts = '-', octets = '-', cpuMs } = costs?.[change] ?? {};
        return [members, growth, names[change], ciphertexts, octets, cpuMs === undefined ? '-' : rounded(cpuMs, 1)];
      }),
    ),
  };
}

function messagesTable({ medianUs, speed }: Interleaved): Table {
  return {
    title: `One message of ${CONTENT} octets, sealed and opened`,
    heads: ['what', 'us', 'to the cipher alone'],
    rows: ['cipher alone', 'group message'].map((name, i) => [name, rounded(medianUs[i] as number, 2), rounded(speed[i] as number, 3)]),
  };
}

export const groups: Benchmark<GroupsFigures> = {
  name: 'groups',
  title: 'Members leave and join service groups of 16 to 65,536, against flat unicast and MLS; messages under the Group Key',
  figures: {
    leave4096Wraps: 'keys wrapped when one of 4,096 members leaves; bound 24',
    leave4096Ms: 'CPU of the server for that, ms; bound 3 and emptyCommitMs',
    emptyCommitMs: 'CPU of a commit that changes one value, ms',
    leave4096VsFlat: 'CPU of the same leave without a tree, divided by leave4096Ms; bound 50',
    resync4096Wraps: 'keys wrapped for one member that missed epochs; bound 7',
    messageRatio300B: 'speed of group messages of 300 octets, sealed and opened, divided by that of the cipher alone; bound 0.60',
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
