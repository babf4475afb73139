import { pnIdText } from '@cpns/agent';
import { expect } from 'vitest';
import { establishAtPhone, type Household, household, type PHONE_ID } from './household.js';
import { Liar } from './liar.js';

/** A household whose PN GW, the laptop, has been taken over. */
export async function withLyingLaptop() {
  const liar = new Liar();
  const home = await household({ laptop: { provider: liar.provider } });
  return { home, liar };
}

/** The phone establishes. Says how it ended; then lets everything come to rest. */
export async function outcomeOf(home: Household, type: 'one-to-one' | 'all') {
  const outcome = await establishAtPhone(home, { type }).then(
    ({ record, outcomes }) => ({
      pnId: pnIdText(record.pnId),
      outcomes: new Map(outcomes.map(({ pne, status }) => [pne as string, status])),
    }),
    (error) => ({ code: error.code as string, pnId: undefined, outcomes: undefined }),
  );
  await home.clock.advance(200_000);
  return outcome;
}

/** PNs and LocalEUKeys of a device. */
export const held = ({ device, store }: Household['phone']) => [...device.state.pns(), ...store.keys('lk/')];
/** The laptop as the attacker uses it: with its proven links. */
export const attack = ({ laptop }: Household, to: typeof PHONE_ID) => {
  const link = laptop.device.linkTo(to);
  if (link === undefined) throw new Error('not linked');
  return link;
};
export const LINK = { kind: 'link' } as const;
export const soon = { timeoutMs: 3_000 };

/** The phone establishes over a PN GW that lies: nothing comes of it, and nothing is left of it anywhere. */
export async function expectNoPn(home: Household): Promise<void> {
  expect(await outcomeOf(home, 'one-to-one')).toMatchObject({ pnId: undefined });
  expect(held(home.phone)).toEqual([]);
  expect(home.server.database.reads.pns.list()).toEqual([]);
}
