import type { CborValue } from '@cpns/shared/messages';
import {
  ack,
  authenticationRequestToPne,
  authenticationResponse,
  pnEstablishmentNotify,
  pnMembershipWithKey,
  pnMembershipWithKeyConfirmation,
  pnRegistrationRequest,
  pnSetupAck,
  pnSetupInvitation,
  pnSetupResponse,
  relay,
  Status,
} from '@cpns/shared/messages';
import { fromHex } from '@cpns/shared/security';
import { describe, expect, it } from 'vitest';
import { disagreements } from '../../rigs/simulation/invariants/violations.js';
import { BOARD_ID, establishAtPhone, logged, PHONE_ID } from '../simulation/household.js';
import { another } from '../simulation/liar.js';
import { attack, expectNoPn, held, LINK, outcomeOf, soon, withLyingLaptop } from '../simulation/lying-gateway.js';

/** Type, sid, inst, number and length of a record of the SK channel. */
const SK_HEADER_OCTETS = 27;

/** What PN Setup Response and PN Establishment Notify have in common, and how each is altered. */
const FALSE_FIELDS = [
  ['status', 1, () => Status.AuthFailed],
  ['PN ID', 2, another],
  ['hash_server', 3, another],
  ['hash_server, taken out,', 3, () => undefined],
  ['record', 4, another],
  ['record, taken out,', 4, () => undefined],
] as const;

describe('T4 Malicious PN GW C', () => {
  it.each([
    ['server', 3],
    ['gateway', 4],
    ['PN ID', 5],
    ['rand_server', 6],
    ['E_S', 7],
    ['W', 8],
  ])('that alters the %s of the challenge gets no PN', async (_name, field) => {
    const { home, liar } = await withLyingLaptop();
    liar.about(authenticationRequestToPne.number, [1, field], another);
    await expectNoPn(home);
  });

  it.each([
    ['PNE', 3, another],
    ['kid', 4, another],
    ['request', 5, another],
    ['capabilities', 6, another],
    ['rand_PNE', 8, another],
    ['E_PNE', 9, another],
    ['reqMAC', 10, another],
  ])('that alters the %s of a hello gets no PN', async (_name, field, change) => {
    const { home, liar } = await withLyingLaptop();
    liar.about(pnRegistrationRequest.number, [7, 0, field], change);
    await expectNoPn(home);
  });

  it.each(FALSE_FIELDS)(
    'that alters the %s of PN Setup Response is not believed, and the PN comes to nothing',
    async (_name, field, change) => {
      const { home, liar } = await withLyingLaptop();
      liar.about(pnSetupResponse.number, [field], change);
      await expectNoPn(home);
      expect(disagreements({ server: home.server, devices: [home.laptop, home.phone, home.board] })).toEqual([]);
    },
  );

  it.each(FALSE_FIELDS)('that alters the %s of PN Establishment Notify keeps that PNE out, and no other', async (_name, field, change) => {
    const { home, liar } = await withLyingLaptop();
    liar.about(pnEstablishmentNotify.number, [field], change);
    const { pnId } = await outcomeOf(home, 'all');
    expect(pnId).toBeDefined();
    expect(held(home.board)).toEqual([]);
    expect(disagreements({ server: home.server, devices: [home.laptop, home.phone, home.board] })).toEqual([]);
  });

  it('that withholds PN Establishment Notify keeps that PNE out, and the server notices', async () => {
    const { home, liar } = await withLyingLaptop();
    liar.lie = (told) => {
      if (told.number !== pnEstablishmentNotify.number) return;
      told.number = ack.number;
      told.body = new Map([[1, Status.Success]]);
    };
    await outcomeOf(home, 'all');
    expect(held(home.board)).toEqual([]);
    expect(disagreements({ server: home.server, devices: [home.laptop, home.phone, home.board] })).toEqual([]);
  });

  it('is told by a PNE that could not verify the server, and takes it out at once', async () => {
    const { home, liar } = await withLyingLaptop();
    liar.about(pnEstablishmentNotify.number, [3], another);
    await establishAtPhone(home, { type: 'all' });
    await home.clock.advance(3_000);
    expect(home.server.database.reads.pns.list().map(({ pnId }) => home.server.database.reads.pns.members(pnId).length)).toEqual([1]);
    expect(home.phone.device.state.pns().map((record) => record.members.length)).toEqual([2]);
  });

  it('is told by an initiator that could not verify the server, and takes it out at once', async () => {
    const { home, liar } = await withLyingLaptop();
    liar.about(pnSetupResponse.number, [3], another);
    await establishAtPhone(home, { type: 'all' }).catch(() => undefined);
    await home.clock.advance(3_000);
    const [pn] = home.server.database.reads.pns.list();
    expect(pn && home.server.database.reads.pns.members(pn.pnId).map((member) => member.entityId)).toEqual([BOARD_ID]);
    expect(disagreements({ server: home.server, devices: [home.laptop, home.phone, home.board] })).toEqual([]);
  });

  it('that announces another PN ID than it registers gets no PN', async () => {
    const { home, liar } = await withLyingLaptop();
    liar.about(pnSetupAck.number, [1], another);
    expect(await outcomeOf(home, 'one-to-one')).toMatchObject({ pnId: undefined });
    expect(held(home.phone)).toEqual([]);
  });

  it('that invites into one PN and registers for another one leaves that PNE out', async () => {
    const { home, liar } = await withLyingLaptop();
    liar.about(pnSetupInvitation.number, [2], another);
    const { pnId } = await outcomeOf(home, 'all');
    expect(pnId).toBeDefined();
    expect(held(home.board)).toEqual([]);
  });

  it('gets no answer to a challenge that nobody asked for', async () => {
    const { home, liar } = await withLyingLaptop();
    let seen: unknown;
    liar.lie = ({ number, body }) => {
      if (number === authenticationRequestToPne.number) seen = authenticationRequestToPne.body.decode(new Map(body), 'challenge');
    };
    await establishAtPhone(home, { type: 'one-to-one' });
    const again = attack(home, PHONE_ID).exchange.request(authenticationRequestToPne, seen as never, [authenticationResponse], LINK, soon);
    await expect(home.clock.run(again)).rejects.toMatchObject({ code: 'Refused', status: Status.WrongState });
    const other = attack(home, BOARD_ID).exchange.request(authenticationRequestToPne, seen as never, [authenticationResponse], LINK, soon);
    await expect(home.clock.run(other)).rejects.toMatchObject({ code: 'Refused', status: Status.WrongState });
  });

  it('gets one answer in a run: a second challenge ends it', async () => {
    const { home, liar } = await withLyingLaptop();
    let second: Promise<unknown> | undefined;
    liar.lie = ({ number, body }) => {
      if (number !== authenticationRequestToPne.number || second !== undefined) return;
      const seen = authenticationRequestToPne.body.decode(new Map(body), 'challenge');
      second = Promise.resolve();
      home.clock.after(3, () => {
        second = attack(home, PHONE_ID)
          .exchange.request(authenticationRequestToPne, seen, [authenticationResponse], LINK, soon)
          .catch((error) => error.code);
      });
    };
    expect(await outcomeOf(home, 'one-to-one')).toMatchObject({ pnId: undefined });
    expect(await second).toBe('Refused');
    expect(held(home.phone)).toEqual([]);
  });

  it('tells its final notice once', async () => {
    const { home } = await withLyingLaptop();
    const { pnId } = await outcomeOf(home, 'all');
    const before = home.board.device.state.pn(pnId as never);
    const notice = { status: Status.Success, pnId: fromHex(pnId as string), hashServer: new Uint8Array(32), record: new Uint8Array(64) };
    const again = attack(home, BOARD_ID).exchange.request(pnEstablishmentNotify, notice, [ack], LINK, soon);
    await expect(home.clock.run(again)).rejects.toMatchObject({ status: Status.WrongState });
    expect(home.board.device.state.pn(pnId as never)).toEqual(before);
  });

  it('hands a PN key out only in the PAN session of its PN, and never an old one', async () => {
    const { home } = await withLyingLaptop();
    const one = await outcomeOf(home, 'one-to-one');
    const other = await outcomeOf(home, 'one-to-one');
    const key = { pnId: fromHex(one.pnId as string), epoch: 9, key: new Uint8Array(32).fill(7), graceMs: 0 };
    const link = attack(home, PHONE_ID);
    const inOther = link.exchange.request(
      pnMembershipWithKey,
      key,
      [pnMembershipWithKeyConfirmation],
      { kind: 'pan', pnId: other.pnId as never },
      soon,
    );
    await expect(home.clock.run(inOther)).rejects.toMatchObject({ code: 'Refused' });
    const inLink = link.exchange.request(pnMembershipWithKey, key, [pnMembershipWithKeyConfirmation], LINK, soon);
    await expect(home.clock.run(inLink)).rejects.toMatchObject({ status: Status.BadMessage });
    const old = link.exchange.request(
      pnMembershipWithKey,
      { ...key, epoch: 0 },
      [pnMembershipWithKeyConfirmation],
      { kind: 'pan', pnId: one.pnId as never },
      soon,
    );
    await expect(home.clock.run(old)).rejects.toMatchObject({ code: 'Refused' });
    expect(home.phone.device.state.pn(one.pnId as never)?.pnKeyEpoch).toBe(1);
  });

  it('cannot feed a PNE a record of the server through another PN', async () => {
    const { home } = await withLyingLaptop();
    const one = await outcomeOf(home, 'one-to-one');
    const other = await outcomeOf(home, 'one-to-one');
    const link = attack(home, PHONE_ID);
    for (const hop of [LINK, { kind: 'pan', pnId: other.pnId as never } as const]) {
      link.exchange.notify(relay, { pnId: fromHex(one.pnId as string), pne: PHONE_ID, record: new Uint8Array(100).fill(3) }, hop);
    }
    await home.clock.advance(1_000);
    expect(home.laptop.device.linkTo(PHONE_ID)).toBe(link);
    expect(home.phone.device.hasServerSession(one.pnId as never)).toBe(true);
  });

  it.each([
    ['W', [8]],
    ['W and rand_server', [8, 6]],
    ['W, rand_server and E_S', [8, 6, 7]],
  ])('the attack on the seeds: that plays the %s of another run, whose LocalEUKey it knows, gets no PN', async (_name, fields) => {
    const { home, liar } = await withLyingLaptop();
    let harvested: Map<number, CborValue> | undefined;
    liar.lie = ({ number, body }) => {
      if (number === authenticationRequestToPne.number) harvested = new Map(body.get(1) as Map<number, CborValue>);
    };
    const { pnId } = await outcomeOf(home, 'one-to-one');
    expect(home.laptop.store.keys(`lk/${pnId}/`)).toHaveLength(1);
    liar.lie = ({ number, body }) => {
      if (number !== authenticationRequestToPne.number) return;
      const challenge = new Map(body.get(1) as Map<number, CborValue>);
      for (const field of fields) challenge.set(field, harvested?.get(field) as CborValue);
      body.set(1, challenge);
    };
    expect(await outcomeOf(home, 'one-to-one')).toMatchObject({ pnId: undefined });
    expect(held(home.phone)).toHaveLength(2);
    expect(logged(home.phone, 'LocalEuKeyRefused')).toBe(true);
  });

  it('that alters any octet of the proof in PN Setup Response, of hash_server or of the sealed record, gets no PN', async () => {
    const { home, liar } = await withLyingLaptop();
    const trial = async (field: number, at: number): Promise<number> => {
      let length = 0;
      liar.about(pnSetupResponse.number, [field], (value) => {
        const octets = value as Uint8Array;
        length = octets.length;
        return octets.map((octet, i) => (i === at ? octet ^ (1 << (at % 8)) : octet));
      });
      const failed = await establishAtPhone(home, { type: 'one-to-one' }).catch((error) => error.code);
      expect(failed, `octet ${at} of field ${field}`).toBeTypeOf('string');
      await home.clock.advance(1_500);
      return length;
    };
    for (let at = 0; at < 32; at++) await trial(3, at);
    const length = await trial(4, 0);
    // Every octet of header and tag. What is between them is under that tag.
    for (let at = 1; at < length; at += at < SK_HEADER_OCTETS || at >= length - 16 ? 1 : 24) await trial(4, at);
    await home.clock.advance(200_000);
    expect(held(home.phone)).toEqual([]);
    expect(home.server.database.reads.pns.list()).toEqual([]);
  }, 60_000);
});
