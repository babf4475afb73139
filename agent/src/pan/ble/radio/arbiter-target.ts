import type { ArbiterState } from './arbiter.js';

/** What should be the case now. */
export interface Target {
  readonly scan: boolean;
  readonly advertise: number | undefined;
  /** The job to connect for. */
  readonly connect: number | undefined;
  /** A job that cannot be done. */
  readonly refuse: number | undefined;
  readonly closeServed: boolean;
  /** It changes with the turn. */
  readonly alternates: boolean;
}

const QUIET: Target = { scan: false, advertise: undefined, connect: undefined, refuse: undefined, closeServed: false, alternates: false };

/** What the desire, the jobs and the links together ask for at this moment. */
export function targetOf(s: ArbiterState, nowMs: number): Target {
  return s.adapters === 'two' ? ofTwo(s, nowMs) : ofOne(s, nowMs);
}

function ofTwo(s: ArbiterState, nowMs: number): Target {
  const connect = s.connecting === undefined ? s.jobs.find(({ heard }) => heard)?.id : undefined;
  const advertise = s.served === 'none' ? advertisement(s, nowMs) : undefined;
  const free = s.connecting === undefined && connect === undefined;
  return { ...QUIET, connect, advertise, ...listening(s, free && (s.desire.scan || isSeeking(s)), s.centralLinks > 0) };
}

function ofOne(s: ArbiterState, nowMs: number): Target {
  if (typeof s.served === 'object') return QUIET;
  // A central came in while this side had begun to connect.
  if (s.connecting !== undefined) return { ...QUIET, closeServed: s.served !== 'none' };
  const job = s.jobs.find(({ heard }) => heard);
  if (s.served !== 'none') return whileServing(s, job?.id);
  if (job !== undefined) return { ...QUIET, connect: job.id };
  const advertise = s.centralLinks === 0 ? advertisement(s, nowMs) : undefined;
  const scan = s.desire.scan || isSeeking(s);
  if (advertise === undefined) return { ...QUIET, ...listening(s, scan, s.centralLinks > 0) };
  if (!scan) return { ...QUIET, advertise };
  // Also while it seeks somebody: two devices that seek each other and do not show themselves would never meet.
  if (s.turn.of === 'look') return { ...QUIET, scan, alternates: true };
  return { ...QUIET, advertise, alternates: true };
}

/** A device that is to be central turns round as soon as it has somebody to connect to; the link it has is good until then. */
function whileServing(s: ArbiterState, connectable: number | undefined): Target {
  const central = s.desire.role === 'central';
  if (central && connectable !== undefined) return { ...QUIET, closeServed: true };
  const [first] = s.jobs;
  if (!central && s.served === 'proven' && first !== undefined) return { ...QUIET, refuse: first.id };
  return { ...QUIET, ...listening(s, s.desire.scan || (central && isSeeking(s)), true) };
}

/** Listening takes air time from the links there are: then it is done in turns, unless somebody waits for it. */
function listening(s: ArbiterState, wanted: boolean, linked: boolean): Pick<Target, 'scan' | 'alternates'> {
  const alternates = wanted && linked && !isSeeking(s);
  return { scan: wanted && (!alternates || s.turn.of === 'look'), alternates };
}

function isSeeking(s: ArbiterState): boolean {
  return s.jobs.some(({ heard }) => !heard);
}

/** What may be advertised: everything but this device's links allows it. */
function advertisement({ desire, pausedUntilMs }: ArbiterState, nowMs: number): number | undefined {
  return desire.role === 'central' || nowMs < pausedUntilMs ? undefined : desire.advertise;
}
