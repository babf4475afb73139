import { type Check, ok, problem, skipped, warning } from './check.js';

/** A clock that is off by more shows wrong times; nothing else depends on it. */
const WRONG_CLOCK_MS = 5 * 60_000;

/** What is to be said about a clock that is `offsetMs` ahead of the server's, as the end of a sentence; undefined when it is right. */
export function clockSentence(offsetMs: number): string | undefined {
  if (Math.abs(offsetMs) <= WRONG_CLOCK_MS) return undefined;
  const side = offsetMs > 0 ? 'ahead of' : 'behind';
  return `is ${duration(Math.abs(offsetMs))} ${side} the server; everything works, but times shown are wrong`;
}

/** Reaches the CPNS Server with the own EUKey. */
export const checkServer: Check = async ({ probe }, signal) => {
  const name = 'server';
  if (probe === undefined) {
    return [problem(name, 'this device is not enrolled', 'ask the operator for a code (cpns-server device add), then: cpns-agent enrol -')];
  }
  const { reachable, reason } = await probe(signal);
  if (reachable) return [ok(name, 'answers and knows the key of this device')];
  return [problem(name, reason ?? 'cannot be reached', 'set server.address in the configuration if the server has moved')];
};

/** Compares with the time of the server. No protocol rule reads this clock, so a wrong one is not a problem. */
export const checkClock: Check = async ({ clockOffsetMs, host }) => {
  const name = 'clock';
  if (clockOffsetMs === undefined) return [skipped(name, 'is compared once the agent has reached the server')];
  const says = clockSentence(clockOffsetMs);
  if (says === undefined) return [ok(name, 'agrees with the server')];
  return [
    warning(name, says, host.platform === 'linux' ? 'sudo timedatectl set-ntp true' : 'let the system set its time from the network'),
  ];
};

function duration(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  if (minutes < 120) return `${minutes} minutes`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} hours` : `${Math.round(hours / 24)} days`;
}
