import type { Table } from '../benchmarks/benchmark.js';
import { rounded, slope } from '../benchmarks/statistics.js';
import { files, handles, MOST_LEFT, type Sample, type SoakResult } from './soak.js';

/** The server may grow by so much, MB (10^6 octets) a minute. */
const MOST_MB_PER_MINUTE = 1;
/** V8's spaces, caches, and what is kept of replaced sessions grow to their size; half of a run that is too short to be judged. */
const WARM_UP_MINUTES = 5;
/** A line through less says nothing about growth. */
const LEAST_JUDGED_MINUTES = 3;
const MOST_NAMED = 10;

export interface SoakFigures {
  readonly messages: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly rssSlopeMBPerMinute: number;
  readonly handlesSlopePerMinute: number;
  readonly filesSlopePerMinute: number;
  readonly handlesLeft: number;
  readonly filesLeft: number;
  readonly rssMB: number;
  readonly failedDeeds: number;
}

export interface Judgement {
  readonly tables: readonly Table[];
  /** Why the server did not pass, one sentence each. */
  readonly faults: readonly string[];
  /** What a reader must know. */
  readonly notes: readonly string[];
  readonly figures: SoakFigures;
}

/** What a soak has shown. Slopes are those after the warm-up, by least squares, and of what is open beyond the connections of gateways. */
export function judge({ samples, before, after, deeds, failedDeeds, ledger }: SoakResult): Judgement {
  const minutes = (sample: Sample | undefined) => ((sample?.atMs ?? 0) - (samples[0]?.atMs ?? 0)) / 60_000;
  const isLong = minutes(samples.at(-1)) >= WARM_UP_MINUTES + LEAST_JUDGED_MINUTES;
  const warmUp = isLong ? WARM_UP_MINUTES : minutes(samples.at(-1)) / 2;
  const counted = samples.filter((sample) => minutes(sample) >= warmUp);
  const perMinute = (of: (sample: Sample) => number) =>
    rounded(slope(counted.map((sample) => ({ x: sample.atMs / 60_000, y: of(sample) }))), 3);
  const figures: SoakFigures = {
    messages: ledger.sent,
    lost: ledger.missing,
    duplicated: ledger.duplicated + ledger.astray,
    rssSlopeMBPerMinute: perMinute(({ figures }) => figures.rssOctets / 1e6),
    handlesSlopePerMinute: perMinute(handles),
    filesSlopePerMinute: perMinute(files),
    handlesLeft: handles(after) - handles(before),
    filesLeft: files(after) - files(before),
    rssMB: rounded(after.figures.rssOctets / 1e6),
    failedDeeds,
  };
  const faults = [
    figures.lost > 0 && `${figures.lost} messages were lost: ${ledger.oldest(MOST_NAMED, after.atMs).join(', ')}.`,
    figures.duplicated > 0 && `${figures.duplicated} messages arrived twice or at somebody else.`,
    isLong && figures.rssSlopeMBPerMinute >= MOST_MB_PER_MINUTE && `The server grows by ${figures.rssSlopeMBPerMinute} MB a minute.`,
    figures.handlesLeft > MOST_LEFT.handles && `${figures.handlesLeft} handles are open that were not before the first deed.`,
    figures.filesLeft > MOST_LEFT.files && `${figures.filesLeft} files are open that were not before the first deed.`,
  ].filter((fault) => fault !== false);
  const notes = isLong ? [] : ['Growth is not judged: that takes 8.5 minutes at least (--minutes).'];
  return { tables: [deedTable(deeds), serverTable(before, after)], faults, notes, figures };
}

function deedTable(deeds: SoakResult['deeds']): Table {
  const rows = Object.entries(deeds).sort(([, a], [, b]) => b - a);
  return { title: 'What happened', heads: ['deed', 'times'], rows };
}

function serverTable(before: Sample, after: Sample): Table {
  const row = (when: string, { figures, connections }: Sample) => [
    when,
    rounded(figures.rssOctets / 1e6),
    rounded(figures.heapOctets / 1e6),
    figures.handles,
    figures.files ?? '-',
    connections,
  ];
  return {
    title: 'The server when everything is quiet',
    heads: ['when', 'resident MB', 'heap MB', 'handles', 'files', 'connected'],
    rows: [row('before the first deed', before), row('after the last one', after)],
  };
}
