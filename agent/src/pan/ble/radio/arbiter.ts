import type { RadioDesire } from '../radio-port.js';
import { type Target, targetOf } from './arbiter-target.js';

/** Times of the arbiter, in milliseconds. */
export const ARBITER_TIMES = {
  /** A command that takes longer: the stack under us is stuck. */
  commandMs: 5_000,
  /** The same for an attempt to connect, which has its own, shorter, limits. */
  connectMs: 40_000,
  /** A scan or an advertisement is begun anew so often: a controller that was reset has forgotten it and says nothing. */
  refreshMs: 60_000,
  /** A turn of listening or being heard, where one adapter does both: from the first, up to the sum of both. */
  turnMs: 300,
  turnSpreadMs: 900,
  /** First and longest wait after a command that failed. */
  backOffMs: 100,
  backOffMaxMs: 3_000,
  /** Nobody is served for so long after {@link STRIKES} bad centrals in a row (protocol 0.26). */
  pauseMs: 10_000,
} as const;
/** Centrals in a row that were connected and proved nothing. */
const STRIKES = 2;
/** So many commands that failed in a row: the stack under us is of no use any more. */
const FAILURES = 6;

/** A peer that somebody wants to connect to. */
export interface Job {
  readonly id: number;
  /** It was heard a moment ago, so connecting makes sense. */
  readonly heard: boolean;
}

export interface ArbiterState {
  /** `two`: one for each role. */
  readonly adapters: 'one' | 'two';
  readonly desire: {
    /** Which advertisement; a new number for each content. */
    readonly advertise: number | undefined;
    readonly scan: boolean;
    readonly role: RadioDesire['role'];
  };
  readonly scanSinceMs: number | undefined;
  readonly advertised: { readonly version: number; readonly sinceMs: number } | undefined;
  readonly jobs: readonly Job[];
  readonly connecting: { readonly job: number; readonly untilMs: number } | undefined;
  readonly centralLinks: number;
  readonly served: 'none' | 'stranger' | 'proven' | { readonly closingUntilMs: number };
  readonly strikes: number;
  readonly pausedUntilMs: number;
  readonly turn: { readonly of: 'look' | 'show'; readonly untilMs: number };
  readonly busy: { readonly command: StackCommand; readonly untilMs: number } | undefined;
  readonly failures: number;
  readonly notBeforeMs: number;
}

/** Answered by `done`. */
export type StackCommand =
  | { readonly kind: 'scan'; readonly on: boolean }
  | { readonly kind: 'advertise'; readonly version: number | undefined };
export type Command =
  | StackCommand
  /** Answered by `attempted`. */
  | { readonly kind: 'connect'; readonly job: number }
  /** The job cannot be done: the one adapter serves somebody. */
  | { readonly kind: 'refuse'; readonly job: number }
  /** Answered by `servedGone`. */
  | { readonly kind: 'closeServed' }
  /** This stack is of no use any more: begin with a new process. */
  | { readonly kind: 'giveUp'; readonly why: string };

export type Input =
  | { readonly kind: 'wanted'; readonly desire: ArbiterState['desire'] }
  | { readonly kind: 'done'; readonly ok: boolean }
  | { readonly kind: 'asked' | 'heard' | 'withdrawn'; readonly job: number }
  | { readonly kind: 'attempted'; readonly job: number; readonly linked: boolean }
  | { readonly kind: 'centralGone' | 'accepted' | 'proven' | 'scanStopped' | 'tick' }
  | { readonly kind: 'servedGone'; readonly offence: boolean };

/** What a step may look at beside the state. */
export interface Moment {
  readonly nowMs: number;
  /** Uniform in [0, 1). */
  readonly dice: number;
}

export interface Step {
  readonly state: ArbiterState;
  readonly commands: readonly Command[];
  /** When the next `tick` is due. */
  readonly wakeMs: number | undefined;
}

export function initialState(adapters: ArbiterState['adapters']): ArbiterState {
  return {
    adapters,
    desire: { advertise: undefined, scan: false, role: 'either' },
    scanSinceMs: undefined,
    advertised: undefined,
    jobs: [],
    connecting: undefined,
    centralLinks: 0,
    served: 'none',
    strikes: 0,
    pausedUntilMs: 0,
    turn: { of: 'look', untilMs: 0 },
    busy: undefined,
    failures: 0,
    notBeforeMs: 0,
  };
}

/**
 * The one owner of the adapter. It knows what is wanted and what is the case, and gives the commands that bring the second nearer to the
 * first, one after the other: nothing else ever talks to the stack. On one adapter it never scans, advertises and connects at a time,
 * and never connects while a central is served: the libraries mix up the links of the two roles.
 */
export function step(before: ArbiterState, input: Input, moment: Moment): Step {
  let state = takeTurn(note(before, input, moment), moment);
  const commands: Command[] = [];
  for (;;) {
    const command = nextCommand(state, moment);
    if (command === undefined) break;
    commands.push(command);
    if (command.kind === 'giveUp') break;
    state = begin(state, command, moment);
  }
  return { state, commands, wakeMs: wakeMs(state, moment) };
}

/** What `input` tells. */
function note(s: ArbiterState, input: Input, { nowMs, dice }: Moment): ArbiterState {
  switch (input.kind) {
    case 'wanted':
      return { ...s, desire: input.desire };
    case 'done':
      return s.busy === undefined ? s : finished(s, s.busy.command, input.ok, nowMs, dice);
    case 'asked':
      return { ...s, jobs: [...s.jobs.filter(({ id }) => id !== input.job), { id: input.job, heard: false }] };
    case 'heard':
      return { ...s, jobs: s.jobs.map((job) => (job.id === input.job ? { ...job, heard: true } : job)) };
    case 'withdrawn':
      return { ...s, jobs: s.jobs.filter(({ id }) => id !== input.job) };
    case 'attempted':
      if (s.connecting?.job !== input.job) return s;
      return { ...s, connecting: undefined, centralLinks: s.centralLinks + (input.linked ? 1 : 0) };
    case 'centralGone':
      return { ...s, centralLinks: Math.max(0, s.centralLinks - 1) };
    case 'accepted':
      return { ...s, served: 'stranger' };
    case 'proven':
      return s.served === 'stranger' ? { ...s, served: 'proven', strikes: 0 } : s;
    case 'servedGone': {
      const strikes = input.offence ? s.strikes + 1 : s.strikes;
      if (strikes < STRIKES) return { ...s, served: 'none', strikes };
      return { ...s, served: 'none', strikes: 0, pausedUntilMs: nowMs + ARBITER_TIMES.pauseMs };
    }
    case 'scanStopped':
      // Another program wants the adapter: it has it for a moment.
      return s.scanSinceMs === undefined ? s : { ...backOff(s, nowMs, dice), scanSinceMs: undefined };
    case 'tick':
      return s;
  }
}

function finished(s: ArbiterState, command: StackCommand, ok: boolean, nowMs: number, dice: number): ArbiterState {
  const free = { ...s, busy: undefined };
  if (!ok) return backOff(free, nowMs, dice);
  const well = { ...free, failures: 0 };
  if (command.kind === 'scan') return { ...well, scanSinceMs: command.on ? nowMs : undefined };
  return { ...well, advertised: command.version === undefined ? undefined : { version: command.version, sinceMs: nowMs } };
}

function backOff(s: ArbiterState, nowMs: number, dice: number): ArbiterState {
  const capMs = Math.min(ARBITER_TIMES.backOffMs * 2 ** s.failures, ARBITER_TIMES.backOffMaxMs);
  return { ...s, failures: s.failures + 1, notBeforeMs: nowMs + capMs * (0.5 + dice / 2) };
}

function takeTurn(s: ArbiterState, { nowMs, dice }: Moment): ArbiterState {
  if (nowMs < s.turn.untilMs) return s;
  const untilMs = nowMs + ARBITER_TIMES.turnMs + dice * ARBITER_TIMES.turnSpreadMs;
  return { ...s, turn: { of: s.turn.of === 'look' ? 'show' : 'look', untilMs } };
}

/** What is to be done next, if anything can be done now. */
function nextCommand(s: ArbiterState, { nowMs }: Moment): Command | undefined {
  const stuck = whatIsStuck(s, nowMs);
  if (stuck !== undefined) return { kind: 'giveUp', why: stuck };
  const target = targetOf(s, nowMs);
  if (target.refuse !== undefined) return { kind: 'refuse', job: target.refuse };
  if (target.closeServed) return { kind: 'closeServed' };
  if (s.busy !== undefined || nowMs < s.notBeforeMs) return undefined;
  if (s.scanSinceMs !== undefined && !target.scan) return { kind: 'scan', on: false };
  if (s.advertised !== undefined && target.advertise === undefined) return { kind: 'advertise', version: undefined };
  if (target.connect !== undefined) return { kind: 'connect', job: target.connect };
  if (target.scan && isStale(s.scanSinceMs, nowMs)) return { kind: 'scan', on: true };
  const { advertise } = target;
  if (advertise === undefined) return undefined;
  if (s.advertised?.version === advertise && !isStale(s.advertised.sinceMs, nowMs)) return undefined;
  return { kind: 'advertise', version: advertise };
}

function begin(s: ArbiterState, command: Exclude<Command, { kind: 'giveUp' }>, { nowMs }: Moment): ArbiterState {
  switch (command.kind) {
    case 'scan':
    case 'advertise':
      return { ...s, busy: { command, untilMs: nowMs + ARBITER_TIMES.commandMs } };
    case 'connect':
      return {
        ...s,
        jobs: s.jobs.filter(({ id }) => id !== command.job),
        connecting: { job: command.job, untilMs: nowMs + ARBITER_TIMES.connectMs },
      };
    case 'refuse':
      return { ...s, jobs: s.jobs.filter(({ id }) => id !== command.job) };
    case 'closeServed':
      return { ...s, served: { closingUntilMs: nowMs + ARBITER_TIMES.commandMs } };
  }
}

function whatIsStuck(s: ArbiterState, nowMs: number): string | undefined {
  if (s.failures >= FAILURES) return 'it refuses what it is told';
  if (s.busy !== undefined && nowMs >= s.busy.untilMs) return 'it does not answer';
  if (s.connecting !== undefined && nowMs >= s.connecting.untilMs) return 'connecting does not end';
  if (typeof s.served === 'object' && nowMs >= s.served.closingUntilMs) return 'a connection does not close';
  return undefined;
}

function isStale(sinceMs: number | undefined, nowMs: number): boolean {
  return sinceMs === undefined || nowMs - sinceMs >= ARBITER_TIMES.refreshMs;
}

function wakeMs(s: ArbiterState, { nowMs }: Moment): number | undefined {
  const target: Target = targetOf(s, nowMs);
  const times = [
    s.busy?.untilMs,
    s.connecting?.untilMs,
    typeof s.served === 'object' ? s.served.closingUntilMs : undefined,
    target.alternates ? s.turn.untilMs : undefined,
    s.scanSinceMs !== undefined ? s.scanSinceMs + ARBITER_TIMES.refreshMs : undefined,
    s.advertised !== undefined ? s.advertised.sinceMs + ARBITER_TIMES.refreshMs : undefined,
    s.notBeforeMs,
    s.pausedUntilMs,
  ].filter((time): time is number => time !== undefined && time > nowMs);
  return times.length === 0 ? undefined : Math.min(...times);
}
