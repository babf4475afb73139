import type { Passage, Way } from './counting-proxy.js';
import { median } from './statistics.js';

export type Hop = 'pan' | 'uplink';
export type Passed = Readonly<Record<Hop, readonly Passage[]>>;

/** What one party does between the message it waits for and the one it sends. */
export interface Step {
  readonly at: 'PNE' | 'PN GW' | 'CPNS Server';
  readonly does: string;
  readonly ms: number;
}

/** What is shorter than this on the uplink is an acknowledgement of MQTT in its TLS record, and nobody waits for that. */
const LONGEST_ACKNOWLEDGEMENT = 64;

/** Every message of an establishment on whose arrival somebody waits, and what is done until the next one. */
const STEPS: readonly (Omit<Step, 'ms'> & { readonly after: readonly [Hop, Way] })[] = [
  { after: ['pan', 'out'], at: 'PN GW', does: 'takes the PN Setup Request, chooses a PN ID (1)' },
  { after: ['pan', 'in'], at: 'PN GW', does: 'asks for the membership (19)' },
  { after: ['uplink', 'out'], at: 'CPNS Server', does: 'looks the membership up (20, 21)' },
  { after: ['uplink', 'in'], at: 'PN GW', does: 'sends the PN Registration Request (4)' },
  { after: ['uplink', 'out'], at: 'CPNS Server', does: 'checks the hello, makes the LocalEUKey, challenges; durable (5)' },
  { after: ['uplink', 'in'], at: 'PN GW', does: 'unwraps its LocalEUKey, relays the challenge (6)' },
  { after: ['pan', 'in'], at: 'PNE', does: 'answers the challenge, unwraps its LocalEUKey, PAN handshake 1' },
  { after: ['pan', 'out'], at: 'PN GW', does: 'PAN handshake 2' },
  { after: ['pan', 'in'], at: 'PNE', does: 'PAN handshake 3' },
  { after: ['pan', 'out'], at: 'PN GW', does: 'PAN handshake 4' },
  { after: ['pan', 'in'], at: 'PNE', does: 'sends its proof (8)' },
  { after: ['pan', 'out'], at: 'PN GW', does: 'passes the proof on (10)' },
  { after: ['uplink', 'out'], at: 'CPNS Server', does: 'verifies; PN, members and PN key durable in one transaction (11, 12)' },
  { after: ['uplink', 'in'], at: 'PN GW', does: 'asks for the PN key (22)' },
  { after: ['uplink', 'out'], at: 'CPNS Server', does: 'gives the PN key (23)' },
  { after: ['uplink', 'in'], at: 'PN GW', does: 'PN Inventory and LocalEUKey durable (13), PN Setup Response (14)' },
  { after: ['pan', 'in'], at: 'PNE', does: 'verifies the server; PN, keys and LocalEUKey durable' },
];

/**
 * How long each step took, ms, in an establishment of `establishMs`. Undefined when something else passed in between, such as a
 * keep-alive, so that the messages cannot be told apart.
 */
export function stepTimes(passed: Passed, establishMs: number): number[] | undefined {
  const messages: { readonly hop: Hop; readonly way: Way; readonly atMs: number }[] = [];
  const all = (['pan', 'uplink'] as const).flatMap((hop) => passed[hop].map((passage) => ({ hop, ...passage })));
  for (const { hop, way, atMs, octets } of all.sort((a, b) => a.atMs - b.atMs)) {
    if (hop === 'uplink' && octets < LONGEST_ACKNOWLEDGEMENT) continue;
    const last = messages.at(-1);
    // What follows in the same direction at once belongs together.
    if (last?.hop !== hop || last.way !== way) messages.push({ hop, way, atMs });
  }
  const asExpected = STEPS.every(({ after: [hop, way] }, i) => messages[i]?.hop === hop && messages[i].way === way);
  if (!asExpected) return undefined;
  const startMs = messages[0]?.atMs ?? 0;
  const timesMs = [...messages.slice(0, STEPS.length).map(({ atMs }) => atMs), startMs + establishMs];
  return STEPS.map((_, i) => (timesMs[i + 1] as number) - (timesMs[i] as number));
}

/** Medians of {@link stepTimes} over rounds; nothing when there is no round. */
export function steps(rounds: readonly (readonly number[])[]): Step[] {
  if (rounds.length === 0) return [];
  return STEPS.map(({ at, does }, i) => ({ at, does, ms: median(rounds.map((round) => round[i] as number)) }));
}
