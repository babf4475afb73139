import type { Trace, TraceEvent } from './trace.js';

const LANE = 10;
const TIME = 11;

/** A sequence diagram in text: one lane for each party, one line for each message. */
export function diagram({ parties, events }: Trace): string[] {
  const heads = parties.map((party) => party.slice(0, LANE - 1).padEnd(LANE)).join('');
  const head = [`${'time (s)'.padStart(TIME - 2)}  ${heads}`.trimEnd()];
  return [...head, ...events.map((event) => lineOf(event, parties))];
}

function lineOf(event: TraceEvent, parties: readonly string[]): string {
  const time = `${(event.atMs / 1000).toFixed(3).padStart(TIME - 2)}  `;
  const lanes = parties.map(() => '|'.padEnd(LANE)).join('');
  if (event.kind === 'action') return `${time}${`=== ${event.text} `.padEnd(lanes.length, '=')}`;
  if (event.kind === 'note') return `${time}${lanes}-- ${event.text}`;
  const { from, to, text, fates } = event;
  const [start, end] = [parties.indexOf(from) * LANE, parties.indexOf(to) * LANE];
  const [left, right] = [Math.min(start, end), Math.max(start, end)];
  const lost = fates.includes('lost');
  const shaft = '-'.repeat(right - left - 2);
  const arrow = end > start ? `${shaft}${lost ? 'X' : '>'}` : `${lost ? 'X' : '<'}${shaft}`;
  const line = lanes.slice(0, left + 1) + arrow + lanes.slice(right);
  const wrong = fates.length > 0 ? `  !! ${fates.join(', ')}` : '';
  return `${time}${line}${text}${wrong}`;
}
