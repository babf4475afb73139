import type { Received } from '../../rigs/received.js';
import type { Telling } from '../scenario.js';

/** Whoever sends and takes messages: a device, or the server. */
export interface Party {
  readonly id: string;
  readonly received: readonly Received[];
}

/** One message of a figure: its number there, who sent it to whom, and its name in the catalogue. */
export type Step = readonly [step: string, from: Party, to: Party, message: { readonly name: string }];
/**
 * Messages of a figure in its order; those of a list of their own may cross in any order. Whoever was sent one of such a list may answer
 * before the others of it have arrived.
 */
export type Steps = readonly (Step | readonly Step[])[];

/**
 * Watches the messages between the server and these devices from now on. The function that it gives waits until the messages of a figure
 * have crossed, checks that they did so in its order, and says each with its step number.
 */
export function watchSteps(t: Telling, devices: readonly Party[]): (steps: Steps) => Promise<void> {
  const { server } = t.stage;
  const before = new Map<Party, number>([server, ...devices].map((party) => [party, party.received.length]));
  const nameOf = (party: Party) => (party === server ? 'server' : party.id);
  return async (steps) => {
    let taken: readonly { readonly by: Party; readonly atMs: number }[] = [];
    for (const group of steps) {
      const next: { by: Party; atMs: number }[] = [];
      for (const [step, from, to, { name }] of together(group)) {
        const answered = taken.filter(({ by }) => by === from);
        const fromMs = Math.max(0, ...(answered.length > 0 ? answered : taken).map(({ atMs }) => atMs));
        const took = await t.eventually(`step ${step}: ${nameOf(to)} takes "${name}" from ${nameOf(from)} in its turn`, async () =>
          to.received.slice(before.get(to)).find((one) => one.from === nameOf(from) && one.message === name && one.atMs >= fromMs),
        );
        t.step(`  ${step}. ${nameOf(from)} -> ${nameOf(to)}: ${name}`);
        next.push({ by: to, atMs: took.atMs });
      }
      taken = next;
    }
  };
}

function together(group: Step | readonly Step[]): readonly Step[] {
  return typeof group[0] === 'string' ? [group as Step] : (group as readonly Step[]);
}
