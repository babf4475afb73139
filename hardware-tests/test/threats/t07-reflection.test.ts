import { pnIdText } from '@cpns/agent';
import {
  authenticationResponses,
  type CborMap,
  type CborValue,
  panHandshake1,
  panHandshake2,
  panHandshake3,
  panHandshake4,
  pnRegistrationRequest,
  pnSetupResponse,
} from '@cpns/shared/messages';
import { nativeProvider } from '@cpns/shared/node';
import { helloCapsHash, requestMac } from '@cpns/shared/security';
import { describe, expect, it } from 'vitest';
import { establishAtPhone, type Household, household, LAPTOP_ID, PHONE_ID } from '../simulation/household.js';
import { Liar } from '../simulation/liar.js';
import { expectNoPn, withLyingLaptop } from '../simulation/lying-gateway.js';

const links = ({ phone, laptop }: Household) => [phone.device.linkTo(LAPTOP_ID), laptop.device.linkTo(PHONE_ID)];

describe('T7 Reflection / role mix-up', () => {
  it('hash_PNE sent back as hash_server is refused', async () => {
    const { home, liar } = await withLyingLaptop();
    let hashPne: CborValue | undefined;
    let reflected = 0;
    liar.lie = ({ number, body }) => {
      if (number === authenticationResponses.number) hashPne = ((body.get(3) as CborMap[])[0] as CborMap).get(2);
      if (number !== pnSetupResponse.number) return;
      body.set(3, hashPne as CborValue);
      reflected++;
    };
    await expectNoPn(home);
    expect(hashPne).toBeInstanceOf(Uint8Array);
    expect(reflected).toBeGreaterThan(0);
  });

  it('hash_PNE and the nonce of the PNE, sent back in the PAN handshake, are refused', async () => {
    for (const [from, to] of [
      [
        [panHandshake3.number, 2],
        [panHandshake4.number, 1],
      ],
      [
        [panHandshake1.number, 2],
        [panHandshake2.number, 1],
      ],
      [
        [panHandshake1.number, 3],
        [panHandshake2.number, 2],
      ],
    ] as const) {
      const [phone, laptop] = [new Liar(), new Liar()];
      const home = await household({ phone: { provider: phone.provider }, laptop: { provider: laptop.provider } });
      const { record } = await establishAtPhone(home, { type: 'one-to-one' });
      await home.clock.advance(1_000);
      let said: CborValue | undefined;
      let reflected = 0;
      phone.lie = ({ number, body }) => {
        if (number === from[0]) said = body.get(from[1]);
      };
      laptop.about(to[0], [to[1]], () => {
        reflected++;
        return said;
      });
      home.air.sever(PHONE_ID, LAPTOP_ID);
      await home.clock.advance(8_000);
      expect(reflected).toBeGreaterThan(0);
      expect(home.phone.device.linkTo(LAPTOP_ID)?.hasPan(pnIdText(record.pnId)) ?? false).toBe(false);
    }
  });

  it('a device cannot be PNE and PN GW of one run: the server refuses it as its own PN GW', async () => {
    const { home, liar } = await withLyingLaptop();
    const { root } = home.laptop;
    let made = 0;
    liar.lie = ({ number, body }) => {
      if (number !== pnRegistrationRequest.number) return;
      const said = new Map((body.get(7) as CborMap[])[0] as CborMap);
      const hello = {
        version: 1,
        suite: 1,
        idPne: LAPTOP_ID,
        kid: root.kid,
        request: said.get(5) as Uint8Array,
        capabilities: said.get(6) as Uint8Array,
        localEuKeyNeeded: 1,
        randPne: said.get(8) as Uint8Array,
        ePne: said.get(9) as Uint8Array,
      };
      const capsHash = helloCapsHash(nativeProvider, LAPTOP_ID, hello);
      said.set(3, LAPTOP_ID).set(4, root.kid);
      said.set(10, requestMac(nativeProvider, root.kAuth, { ...hello, idGw: LAPTOP_ID, capsHash }));
      body.set(4, LAPTOP_ID).set(7, [said]);
      made++;
    };
    await expectNoPn(home);
    expect(made).toBeGreaterThan(0);
  });

  it('everything that a device says over a new link, sent back to it, proves nothing', async () => {
    const home = await household();
    const { attacker, air, clock } = home;
    let echoed = 0;
    attacker.scheme = (message) => {
      if (message.way !== 'air' || message.from === 'server') return 'pass';
      echoed++;
      attacker.inject({ ...message, from: message.to, to: message.from });
      return 'drop';
    };
    air.sever(PHONE_ID, LAPTOP_ID);
    await clock.advance(30_000);
    expect(echoed).toBeGreaterThan(2);
    expect(links(home)).toEqual([undefined, undefined]);
    attacker.rest();
    await clock.advance(60_000);
    expect(links(home)).not.toContain(undefined);
  });

  it('records of a proven link, sent back to their sender, close it', async () => {
    const home = await household();
    const { attacker, clock } = home;
    const [before] = links(home);
    const attack = attacker.once(
      ({ way, from, to }) => way === 'air' && from === PHONE_ID && to === LAPTOP_ID,
      (message) => {
        attacker.inject({ ...message, from: LAPTOP_ID, to: PHONE_ID });
        return 'drop';
      },
    );
    while (!attack.done) await clock.advance(1_000);
    await clock.advance(10);
    expect(before?.signal.aborted).toBe(true);
  });

  it('what a device says to the server, sent back to it, is no word of the server', async () => {
    const home = await household();
    const { attacker, clock, server } = home;
    await establishAtPhone(home, { type: 'one-to-one' });
    server.restart();
    attacker.scheme = (message) => {
      if (message.way !== 'uplink' || message.to !== 'server') return 'pass';
      attacker.inject({ ...message, from: 'server', to: message.from });
      return 'drop';
    };
    await clock.advance(30_000);
    expect(home.laptop.device.uplink.isReady).toBe(false);
    expect(home.phone.device.state.pns()).toHaveLength(1);
  });

  it('hash_PNE of the PNE in the place of its answer to another run counts nowhere', async () => {
    const { home, liar } = await withLyingLaptop();
    const answers: CborValue[] = [];
    liar.lie = ({ number, body }) => {
      if (number !== authenticationResponses.number) return;
      const [entry] = body.get(3) as CborMap[];
      answers.push((entry as CborMap).get(2) as CborValue);
    };
    await establishAtPhone(home, { type: 'one-to-one' });
    liar.lie = ({ number, body }) => {
      if (number !== authenticationResponses.number) return;
      const entry = new Map((body.get(3) as CborMap[])[0] as CborMap);
      body.set(3, [entry.set(2, answers[0] as CborValue)]);
    };
    const second = await establishAtPhone(home, { type: 'one-to-one' }).catch((error) => error.code);
    expect(second).toBeTypeOf('string');
    expect(home.phone.device.state.pns()).toHaveLength(1);
  });
});
