import type { EntityId } from '@cpns/shared';
import { ack, pnSetupInvitation } from '@cpns/shared/messages';
import { describe, expect, it } from 'vitest';
import { type Household, household, LAPTOP_ID, never, PHONE_ID } from '../simulation/household.js';
import { BOBS, neighbours } from '../simulation/neighbours.js';
import { stranger } from '../simulation/stranger.js';

const LINK = { kind: 'link' } as const;

/** Invites the board in the name of these initiators, one each half second, and counts what its person sees; every question gets a no. */
async function flood(home: Household, initiators: readonly string[]) {
  const { consents } = home.board.device;
  let prompts = 0;
  for (const [i, initiator] of initiators.entries()) {
    const invitation = { initiator: initiator as EntityId, pnId: new Uint8Array(16).fill(i) };
    void home.laptop.device
      .linkTo(home.board.id)
      ?.exchange.request(pnSetupInvitation, invitation, [ack], LINK, { timeoutMs: 3_000 })
      .catch(() => undefined);
    await home.clock.advance(500);
    for (const { consentId } of consents.list()) {
      prompts++;
      consents.answer(consentId, false);
    }
  }
  return prompts;
}

describe('T28 prompt flood at a person', () => {
  it('a PNE asks a person three times in ten minutes, however often it wants to', async () => {
    const home = await household({ board: { consent: 'ask' } });
    expect(await flood(home, new Array(100).fill(PHONE_ID))).toBe(3);
    expect(await flood(home, ['someone-else'])).toBe(1);
  });

  it('a PN GW cannot flood a person, whatever initiators it invents', async () => {
    const home = await household({ board: { consent: 'ask' } });
    const prompts = await flood(
      home,
      Array.from({ length: 200 }, (_, i) => `stranger-${i}`),
    );
    // Nine in ten minutes, one more as time goes by.
    expect(prompts).toBeLessThanOrEqual(11);
    expect(prompts).toBeGreaterThan(2);
  });

  it('a PN GW of another user cannot flood the owner of a device with PNE Confirm', async () => {
    const { clock, den, home } = await neighbours();
    let prompts = 0;
    for (let i = 0; i < 8; i++) {
      const under = den.device.networks.establish({ type: 'named', pnes: [BOBS] }, undefined, () => {}, never());
      under.catch(() => {});
      await clock.advance(3_000);
      for (const { consentId } of home.device.consents.list()) {
        prompts++;
        home.device.consents.answer(consentId, false);
      }
      await expect(clock.run(under)).rejects.toMatchObject({ code: 'NobodyLeft' });
    }
    expect(prompts).toBe(3);
  });

  it('a question that nobody answers holds no more than its own minute', async () => {
    const home = await household({ board: { consent: 'ask' } });
    const setup = home.phone.device.networks.establish({ type: 'all' }, undefined, () => {}, never());
    await home.clock.advance(1_000);
    expect(home.board.device.consents.list()).toHaveLength(1);
    expect((await home.clock.run(setup)).outcomes).toHaveLength(2);
    expect(home.board.device.consents.list()).toEqual([]);
  });

  it('strangers cannot make a device that is not open for pairing show anything, nor show more than five codes', async () => {
    const home = await household();
    const { laptop, clock } = home;
    for (let i = 0; i < 8; i++) (await stranger(home, LAPTOP_ID, `early-${i}` as EntityId)).beginPairing();
    const codes: string[] = [];
    const window = laptop.device.pairing
      .pair(
        { type: 'code' },
        undefined,
        (event) => {
          if (event.type !== 'code') return;
          codes.push(event.code);
          clock.after(10, () => laptop.device.pairing.answer(event.attempt, { type: 'no' }));
        },
        never(),
      )
      .catch((error) => error.code as string);
    let others = 0;
    while (laptop.device.pairing.window !== undefined && others < 12) {
      const visitor = await home.start(`visitor-${others++}`);
      const asking = visitor.device.pairing.pair(
        { type: 'code', peer: LAPTOP_ID },
        20_000,
        (event) => {
          if (event.type === 'code') clock.after(5, () => visitor.device.pairing.answer(event.attempt, { type: 'yes' }));
        },
        never(),
      );
      await clock.run(asking.catch(() => undefined));
    }
    expect(await clock.run(window)).toEqual(expect.any(String));
    expect(codes.length).toBeGreaterThan(0);
    expect(codes.length).toBeLessThanOrEqual(5);
    expect(laptop.device.state.pairings().size).toBe(2);
  });
});
