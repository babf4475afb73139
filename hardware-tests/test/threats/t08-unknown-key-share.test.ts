import {
  authenticationRequestToPne,
  authenticationResponses,
  type CborMap,
  type CborValue,
  pnEstablishmentNotify,
  pnRegistrationRequest,
  pnSetupInvitation,
  pnSetupResponse,
} from '@cpns/shared/messages';
import { describe, expect, it } from 'vitest';
import { disagreements } from '../../rigs/simulation/invariants/violations.js';
import { BOARD_ID, establishAtPhone, type Household, PHONE_ID } from '../simulation/household.js';
import type { Liar } from '../simulation/liar.js';
import { expectNoPn, held, withLyingLaptop } from '../simulation/lying-gateway.js';

/** Who is in the PN after all, as the server has it, and as each device believes. */
function members({ server, phone, board }: Household) {
  const [pn] = server.database.reads.pns.list();
  const atServer = pn === undefined ? [] : server.database.reads.pns.members(pn.pnId).map(({ entityId }) => entityId);
  return { atServer, believed: [phone, board].filter((device) => held(device).length > 0).map(({ id }) => id) };
}

/** Phone and board set a PN up over the lying laptop; afterwards everybody who believes in it is in it, and nobody else. */
async function mixUp(lie: (liar: Liar) => void) {
  const { home, liar } = await withLyingLaptop();
  lie(liar);
  await establishAtPhone(home, { type: 'all' }).catch(() => undefined);
  liar.lie = () => {};
  await home.clock.advance(200_000);
  const { atServer, believed } = members(home);
  expect([...atServer].sort()).toEqual([...believed].sort());
  expect(disagreements({ server: home.server, devices: [home.laptop, home.phone, home.board] })).toEqual([]);
  return atServer;
}

const swapped = (list: readonly CborValue[], key: number): CborMap[] => {
  const [one, two] = list.map((entry) => new Map(entry as CborMap)) as [Map<number, CborValue>, Map<number, CborValue>];
  const kept = one.get(key) as CborValue;
  one.set(key, two.get(key) as CborValue);
  two.set(key, kept);
  return [one, two];
};

describe('T8 Unknown key share / session confusion', () => {
  it.each([
    ['ID_S', 3, 'cpns.tesu'],
    ['ID_B', 4, 'board'],
  ])('a PNE is not led to believe in another %s than that of its run', async (_name, field, other) => {
    const { home, liar } = await withLyingLaptop();
    liar.about(authenticationRequestToPne.number, [1, field], () => other);
    await expectNoPn(home);
  });

  it('the server is not led to believe in another ID_A than that of the key', async () => {
    const { home, liar } = await withLyingLaptop();
    liar.about(pnRegistrationRequest.number, [7, 0, 3], () => 'board');
    await expectNoPn(home);
  });

  it('two PNs set up at once are not mistaken for one another: PN_ID is of the run', async () => {
    const { home, liar } = await withLyingLaptop();
    // The server hears of another PN than the devices are told of.
    liar.about(pnRegistrationRequest.number, [1], (value) => (value as Uint8Array).map((octet) => octet ^ 0xff));
    await expectNoPn(home);
  });

  it('an invited PNE does not answer for a PN other than that of its invitation', async () => {
    const out = await mixUp((liar) =>
      liar.about(pnSetupInvitation.number, [2], (value) => (value as Uint8Array).map((octet) => octet ^ 1)),
    );
    expect(out).toEqual([PHONE_ID]);
  });

  it('the challenge of one PNE, given to the other, gives that one nothing', async () => {
    let first: CborValue | undefined;
    const out = await mixUp((liar) => {
      liar.lie = ({ number, body }) => {
        if (number !== authenticationRequestToPne.number) return;
        if (first === undefined) first = body.get(1);
        else body.set(1, first);
      };
    });
    expect(out).toHaveLength(1);
  });

  it('the proofs of two PNEs, each in the name of the other, prove neither', async () => {
    const out = await mixUp((liar) => {
      liar.lie = ({ number, body }) => {
        if (number === authenticationResponses.number) body.set(3, swapped(body.get(3) as CborValue[], 2));
      };
    });
    expect(out).toEqual([]);
  });

  it.each([
    ['hash_server', 3],
    ['first record', 4],
  ])('the %s for one PNE, given to the other, convinces neither', async (_name, field) => {
    const seen = new Map<number, CborValue>();
    const out = await mixUp((liar) => {
      liar.lie = ({ number, body }) => {
        if (number !== pnSetupResponse.number && number !== pnEstablishmentNotify.number) return;
        const other = seen.get(number === pnSetupResponse.number ? pnEstablishmentNotify.number : pnSetupResponse.number);
        seen.set(number, body.get(field) as CborValue);
        if (other !== undefined) body.set(field, other);
      };
    });
    // The one that was told first heard the truth.
    expect(out.length).toBeLessThanOrEqual(1);
    expect(seen.size).toBe(2);
  });

  it('whoever believes in a run believes in the same one as the others: without lies all of it holds', async () => {
    expect([...(await mixUp(() => {}))].sort()).toEqual([BOARD_ID, PHONE_ID]);
  });
});
