import { pnIdText } from '@cpns/agent';
import {
  ack,
  authenticationRequest,
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
import { BOARD_ID, establishAtPhone, type Household, household, PHONE_ID } from './household.js';
import { another, Liar, nothing } from './liar.js';

/** A household whose PN GW, the laptop, has been taken over. */
async function withLyingLaptop() {
  const liar = new Liar();
  const home = await household({ laptop: { provider: liar.provider } });
  return { home, liar };
}

/** Establishes and says how it ended; then lets everything come to rest. */
async function outcomeOf(home: Household, type: 'one-to-one' | 'all') {
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

const held = ({ device, store }: Household['phone']) => [...device.state.pns(), ...store.keys('lk/')];
/** The laptop as the attacker uses it: with its proven links. */
const attack = ({ laptop }: Household, to: typeof PHONE_ID) => {
  const link = laptop.device.linkTo(to);
  if (link === undefined) throw new Error('not linked');
  return link;
};
const LINK = { kind: 'link' } as const;
const soon = { timeoutMs: 3_000 };

describe('a malicious PN GW', () => {
  it.each([
    ['version', 1],
    ['suite', 2],
    ['server', 3],
    ['gateway', 4],
    ['PN ID', 5],
    ['rand_server', 6],
    ['E_S', 7],
    ['W', 8],
  ])('that alters the %s of the challenge gets no PN', async (_name, field) => {
    const { home, liar } = await withLyingLaptop();
    liar.about(authenticationRequestToPne.number, [1, field], another);
    expect(await outcomeOf(home, 'one-to-one')).toMatchObject({ pnId: undefined });
    expect(held(home.phone)).toEqual([]);
    expect(home.server.database.reads.pns.list()).toEqual([]);
  });

  it.each([
    ['LocalEUKey', 8],
    ['X25519 value', 7],
  ])('that takes the %s out of the challenge gets no PN', async (_name, field) => {
    const { home, liar } = await withLyingLaptop();
    liar.about(authenticationRequestToPne.number, [1, field], nothing);
    expect(await outcomeOf(home, 'one-to-one')).toMatchObject({ pnId: undefined });
    expect(held(home.phone)).toEqual([]);
    expect(home.server.database.reads.pns.list()).toEqual([]);
  });

  it.each([
    ['version', 1, another],
    ['suite', 2, another],
    ['PNE', 3, another],
    ['kid', 4, another],
    ['request', 5, another],
    ['capabilities', 6, another],
    ['L', 7, another],
    ['rand_PNE', 8, another],
    ['E_PNE', 9, another],
    ['E_PNE, taken out,', 9, nothing],
    ['reqMAC', 10, another],
  ])('that alters the %s of a hello gets no PN', async (_name, field, change) => {
    const { home, liar } = await withLyingLaptop();
    liar.about(pnRegistrationRequest.number, [7, 0, field], change);
    expect(await outcomeOf(home, 'one-to-one')).toMatchObject({ pnId: undefined });
    expect(held(home.phone)).toEqual([]);
    expect(home.server.database.reads.pns.list()).toEqual([]);
  });

  it.each([
    ['status', 1, () => Status.AuthFailed],
    ['PN ID', 2, another],
    ['hash_server', 3, another],
    ['hash_server, taken out,', 3, () => undefined],
    ['record', 4, another],
    ['record, taken out,', 4, () => undefined],
  ])('that alters the %s of PN Setup Response is not believed, and the PN comes to nothing', async (_name, field, change) => {
    const { home, liar } = await withLyingLaptop();
    liar.about(pnSetupResponse.number, [field], change);
    expect(await outcomeOf(home, 'one-to-one')).toMatchObject({ pnId: undefined });
    expect(held(home.phone)).toEqual([]);
    expect(home.server.database.reads.pns.list()).toEqual([]);
    expect(disagreements({ server: home.server, devices: [home.laptop, home.phone, home.board] })).toEqual([]);
  });

  it.each([
    ['status', 1, () => Status.AuthFailed],
    ['PN ID', 2, another],
    ['hash_server', 3, another],
    ['hash_server, taken out,', 3, () => undefined],
    ['record', 4, another],
    ['record, taken out,', 4, () => undefined],
  ])('that alters the %s of PN Establishment Notify keeps that PNE out, and no other', async (_name, field, change) => {
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

  it('cannot keep a PNE busy with invitations', async () => {
    const { home } = await withLyingLaptop();
    const statuses: unknown[] = [];
    for (let i = 0; i < 60; i++) {
      const invitation = { initiator: PHONE_ID, pnId: new Uint8Array(16).fill(i + 1) };
      attack(home, BOARD_ID)
        .exchange.request(pnSetupInvitation, invitation, [ack], LINK, soon)
        .catch((error) => statuses.push(error.status ?? error.code));
    }
    await home.clock.advance(10_000);
    expect(statuses.filter((status) => status === Status.Busy).length).toBeGreaterThanOrEqual(44);
    await home.clock.advance(160_000);
    expect(await outcomeOf(home, 'all')).toMatchObject({
      outcomes: new Map([
        [BOARD_ID, Status.Success],
        [PHONE_ID, Status.Success],
      ]),
    });
  });
});

describe('a malicious server', () => {
  it.each([
    ['the PNE', 4],
    ['the PN GW', 5],
  ])('that takes the LocalEUKey of %s out gets no PN', async (_name, field) => {
    const liar = new Liar();
    const home = await household({}, { provider: liar.provider });
    liar.about(authenticationRequest.number, [4, 0, field], nothing);
    expect(await outcomeOf(home, 'one-to-one')).toMatchObject({ pnId: undefined });
    expect(held(home.phone)).toEqual([]);
    expect(home.laptop.store.keys('lk/')).toEqual([]);
  });
});
