import { pnIdText } from '@cpns/agent';
import {
  authenticationRequest,
  authenticationRequestToPne,
  panHandshake1,
  panHandshake2,
  panHandshake4,
  pnData,
  pneRegistrationForward,
  pnRegistrationRequest,
  relay,
} from '@cpns/shared/messages';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { disagreements } from '../../rigs/simulation/invariants/violations.js';
import { establishAtPhone, household, LAPTOP_ID, PHONE_ID } from '../simulation/household.js';
import { Liar, nothing } from '../simulation/liar.js';
import { expectNoPn, withLyingLaptop } from '../simulation/lying-gateway.js';

/** Phone and laptop, both of which an attacker can make say something else; what the phone says is noted. */
async function watched() {
  const [phone, laptop] = [new Liar(), new Liar()];
  const home = await household({ phone: { provider: phone.provider }, laptop: { provider: laptop.provider } });
  const said: number[] = [];
  phone.lie = ({ number }) => said.push(number);
  return { home, laptop, said };
}

/** What carries words of applications, to others in the PN or to the server. */
const APPLICATION = [pnData.number, relay.number];

describe('T9 Downgrade of "LocalEUKey needed" (L 1->0)', () => {
  it('L flipped from 1 to 0 on its way to the server gives no PN', async () => {
    const { home, liar } = await withLyingLaptop();
    liar.about(pnRegistrationRequest.number, [7, 0, 7], () => 0);
    await expectNoPn(home);
  });

  it.each([
    ['from 0 to 1, of a PNE that has its LocalEUKey', 0],
    ['from 1 to 0, of a PNE whose LocalEUKey has become old', 1],
  ])('L flipped %s and registers anew, gives no session', async (_name, meant) => {
    const { home, liar } = await withLyingLaptop();
    const { record } = await establishAtPhone(home, { type: 'one-to-one' });
    const pnId = pnIdText(record.pnId);
    await home.clock.advance(1_000);
    if (meant === 1) home.phone.setClockAhead(20 * 3_600_000);
    const told: unknown[] = [];
    liar.about(pneRegistrationForward.number, [2, 7], (value) => {
      told.push(value);
      return 1 - (value as number);
    });
    home.server.restart();
    const message = { pnId: undefined, to: 'server' as const, channel: 'c', contentType: 't', payload: new Uint8Array(3) };
    let outcome: boolean | undefined;
    void home.phone.device.messenger.outcome(await home.phone.device.messenger.queue(message)).then((is) => {
      outcome = is;
    });
    await home.clock.advance(20_000);
    expect(told.length).toBeGreaterThan(0);
    expect(new Set(told)).toEqual(new Set([meant]));
    expect(outcome).toBeUndefined();
    liar.lie = () => {};
    // Whom the server refused asks again after five minutes.
    await home.clock.advance(330_000);
    expect(outcome).toBe(true);
    expect(home.phone.device.hasServerSession(pnId)).toBe(true);
    expect(disagreements({ server: home.server, devices: [home.laptop, home.phone, home.board] })).toEqual([]);
  });

  it('a challenge without the LocalEUKey that was asked for ends the run', async () => {
    const { home, liar } = await withLyingLaptop();
    liar.about(authenticationRequestToPne.number, [1, 8], nothing);
    await expectNoPn(home);
  });

  it.each([
    ['the PNE', 4],
    ['the PN GW', 5],
  ])('a server that leaves the LocalEUKey of %s out gives no PN', async (_name, field) => {
    const liar = new Liar();
    const home = await household({}, { provider: liar.provider });
    liar.about(authenticationRequest.number, [4, 0, field], nothing);
    await expectNoPn(home);
    expect(home.laptop.store.keys('lk/')).toEqual([]);
  });

  it('no octet of an application leaves before SK_L, whichever message of the way there is altered, and however', async () => {
    const spots = fc.constantFrom<[number, number[]][]>(
      [panHandshake2.number, [1]],
      [panHandshake2.number, [2]],
      [panHandshake4.number, [1]],
    );
    await fc.assert(
      fc.asyncProperty(spots, fc.nat(31), fc.nat(7), fc.boolean(), async ([number, path], at, bit, takenOut) => {
        const { home, laptop, said } = await watched();
        const { record } = await establishAtPhone(home, { type: 'one-to-one' });
        await home.clock.advance(1_000);
        const message = { pnId: pnIdText(record.pnId), channel: 'c', contentType: 't', payload: new Uint8Array([1, 2, 3]) };
        const talk = async () => {
          for (const to of ['server', LAPTOP_ID] as const) await home.phone.device.messenger.queue({ ...message, to });
        };
        await talk();
        await home.clock.advance(1_000);
        expect(said).toEqual(expect.arrayContaining(APPLICATION));
        expect(home.laptop.received).toHaveLength(1);
        laptop.about(number, path, (value) =>
          takenOut ? nothing() : (value as Uint8Array).map((octet, i) => (i === at ? octet ^ (1 << bit) : octet)),
        );
        home.air.sever(PHONE_ID, LAPTOP_ID);
        await home.clock.advance(1);
        said.length = 0;
        await talk();
        await home.clock.advance(20_000);
        expect(said).toContain(panHandshake1.number);
        expect(said.filter((one) => APPLICATION.includes(one))).toEqual([]);
        expect(home.laptop.received).toHaveLength(1);
      }),
      { numRuns: 12, seed: 9 },
    );
  }, 60_000);
});
