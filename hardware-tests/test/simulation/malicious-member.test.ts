import { pnIdText } from '@cpns/agent';
import type { EntityId, PnId } from '@cpns/shared';
import {
  ack,
  authenticationResponse,
  dataAnswer,
  panHandshake1,
  panHandshake2,
  panHandshake3,
  panHandshake4,
  pnData,
  pneRegistrationRequest,
  pneRegistrationResponse,
  pnSetupRequest,
  reconcile,
  reconcileResponse,
  relay,
  Status,
} from '@cpns/shared/messages';
import { fromHex } from '@cpns/shared/security';
import { describe, expect, it } from 'vitest';
import { pairByCode } from '../../rigs/simulation/device.js';
import { disagreements } from '../../rigs/simulation/invariants/violations.js';
import { BOARD_ID, establishAtPhone, type Household, household, LAPTOP_ID, logged, never, PHONE_ID } from './household.js';
import { another, Liar, nothing } from './liar.js';

const LINK = { kind: 'link' } as const;
const pan = (pnId: PnId) => ({ kind: 'pan', pnId }) as const;
const soon = { timeoutMs: 3_000 };
const record = new Uint8Array(100).fill(3);

/** The board has been taken over; the phone and the laptop are honest. */
async function withLyingBoard(type: 'one-to-one' | 'all') {
  const liar = new Liar();
  const home = await household({ board: { provider: liar.provider } });
  const { record: pn } = await establishAtPhone(home, { type });
  await home.clock.advance(1_000);
  return { home, liar, pnId: pnIdText(pn.pnId) };
}

const toGateway = ({ board }: Household) => {
  const link = board.device.linkTo(LAPTOP_ID);
  if (link === undefined) throw new Error('not linked');
  return link;
};

describe('a malicious PNE', () => {
  it('cannot have records relayed for a PN that it is not in', async () => {
    const { home, pnId } = await withLyingBoard('one-to-one');
    const relayed = () => home.server.deeds.done.length;
    const before = relayed();
    toGateway(home).exchange.notify(relay, { pnId: fromHex(pnId), pne: PHONE_ID, record }, LINK);
    await home.clock.advance(500);
    expect(relayed()).toBe(before);
    expect(logged(home.laptop, 'UnprotectedHop')).toBe(true);
  });

  it('cannot have records relayed outside the PAN session of the PN', async () => {
    const { home, pnId } = await withLyingBoard('all');
    toGateway(home).exchange.notify(relay, { pnId: fromHex(pnId), pne: BOARD_ID, record }, LINK);
    await home.clock.advance(100);
    expect(logged(home.laptop, 'UnprotectedHop')).toBe(true);
  });

  it('cannot send in the PAN session of one PN for another one', async () => {
    const { home, pnId } = await withLyingBoard('all');
    const other = await establishAtPhone(home, { type: 'one-to-one' });
    const otherId = pnIdText(other.record.pnId);
    const link = toGateway(home);
    link.exchange.notify(relay, { pnId: fromHex(otherId), pne: PHONE_ID, record }, pan(pnId));
    link.exchange.notify(pnData, { pnId: fromHex(otherId), from: BOARD_ID, to: PHONE_ID, message: record }, pan(pnId));
    await home.clock.advance(100);
    expect(home.laptop.logger.lines.filter((line) => String(line.fields.why).startsWith('WrongPn'))).toHaveLength(2);
    expect(home.phone.received).toEqual([]);
  });

  it('cannot send data in the name of another member', async () => {
    const { home, pnId } = await withLyingBoard('all');
    toGateway(home).exchange.notify(pnData, { pnId: fromHex(pnId), from: PHONE_ID, to: LAPTOP_ID, message: record }, pan(pnId));
    await home.clock.advance(100);
    expect(logged(home.laptop, 'WrongSender')).toBe(true);
    expect(home.laptop.received).toEqual([]);
  });

  it('cannot send data to the server in the name of another member', async () => {
    const { home, liar } = await withLyingBoard('all');
    liar.about(160, [1, 2], () => 'phone');
    await home.board.device.messenger.queue({ pnId: undefined, to: 'server', channel: 'c', contentType: 't', payload: record });
    await home.clock.advance(5_000);
    expect(home.server.logger.lines.some((line) => String(line.fields.why).startsWith('WrongSender'))).toBe(true);
  });

  it('is not acted for under the id that a relay names', async () => {
    const { home, pnId } = await withLyingBoard('all');
    const before = home.server.logger.lines.length;
    toGateway(home).exchange.notify(relay, { pnId: fromHex(pnId), pne: PHONE_ID, record }, pan(pnId));
    await home.clock.advance(100);
    const dropped = home.server.logger.lines.slice(before).filter((line) => line.message.includes('record of a PNE'));
    expect(dropped.map((line) => line.fields.pne)).toEqual([BOARD_ID]);
  });

  it('cannot set a PN up or register in the name of another device', async () => {
    const { home, liar, pnId } = await withLyingBoard('all');
    liar.about(pnSetupRequest.number, [1, 3], () => 'phone');
    const setup = home.board.device.establish({ type: 'one-to-one' }, undefined, () => {}, never());
    await expect(home.clock.run(setup)).rejects.toMatchObject({ status: Status.AuthFailed });
    liar.about(pneRegistrationRequest.number, [2, 3], () => 'phone');
    home.laptop.device.linkTo(BOARD_ID)?.close('to make it register');
    home.server.restart();
    await home.clock.advance(20_000);
    expect(logged(home.laptop, 'WrongPne')).toBe(true);
    expect(home.phone.device.hasServerSession(pnId)).toBe(true);
  });

  it('gets no PAN session without the LocalEUKey', async () => {
    const { home, pnId } = await withLyingBoard('one-to-one');
    const body = { pnId: fromHex(pnId), a: new Uint8Array(32), ePneLocal: new Uint8Array(32).fill(9), headerHash: new Uint8Array(32) };
    const handshake = toGateway(home).exchange.request(panHandshake1, body, [panHandshake2], LINK, soon);
    await expect(home.clock.run(handshake)).rejects.toMatchObject({ status: Status.AuthFailed });
    const late = toGateway(home).exchange.request(
      panHandshake3,
      { pnId: fromHex(pnId), hashPneL: new Uint8Array(32) },
      [panHandshake4],
      LINK,
      soon,
    );
    await expect(home.clock.run(late)).rejects.toMatchObject({ status: Status.WrongState });
  });

  it('is told nothing of PNs that it is not in', async () => {
    const { home, pnId } = await withLyingBoard('one-to-one');
    const pns = [{ pnId: fromHex(pnId), inventoryVersion: 1, pnKeyEpoch: 0, state: 4 as const }];
    const compared = toGateway(home).exchange.request(reconcile, { pns }, [reconcileResponse], LINK, soon);
    const { body } = await home.clock.run(compared);
    expect(body.pns).toEqual([{ pnId: fromHex(pnId), status: Status.UnknownPn, inventoryVersion: 0, pnKeyEpoch: 0 }]);
  });

  it('cannot hold an establishment up by saying pending for ever', async () => {
    const { home, liar } = await withLyingBoard('one-to-one');
    liar.lie = (told) => {
      if (told.number !== authenticationResponse.number) return;
      told.number = 17;
      told.body = new Map([[1, 1_000]]);
    };
    const { outcomes } = await establishAtPhone(home, { type: 'all' });
    expect(new Map(outcomes.map(({ pne, status }) => [pne, status]))).toEqual(
      new Map([
        [PHONE_ID, Status.Success],
        [BOARD_ID, Status.Timeout],
      ]),
    );
    await home.clock.advance(200_000);
    expect(disagreements({ server: home.server, devices: [home.laptop, home.phone, home.board] })).toEqual([]);
  });

  it('with a wrong hash_PNE is left out', async () => {
    const { home, liar } = await withLyingBoard('one-to-one');
    liar.about(authenticationResponse.number, [2], another);
    const { outcomes } = await establishAtPhone(home, { type: 'all' });
    expect(outcomes).toContainEqual({ pne: BOARD_ID, status: Status.AuthFailed });
    await home.clock.advance(200_000);
    expect(disagreements({ server: home.server, devices: [home.laptop, home.phone, home.board] })).toEqual([]);
  });

  it('that consents with a huge hello does not keep the others out', async () => {
    const { home, liar } = await withLyingBoard('one-to-one');
    liar.about(67, [3, 5], nothing);
    const { outcomes } = await establishAtPhone(home, { type: 'all' });
    expect(outcomes).toContainEqual({ pne: PHONE_ID, status: Status.Success });
  });

  it('cannot make the gateway forward more registrations than one at a time', async () => {
    const { home, pnId } = await withLyingBoard('all');
    const statuses: unknown[] = [];
    const hello = { version: 1, suite: 1, idPne: BOARD_ID, kid: '0'.repeat(16) as never, localEuKeyNeeded: 1 };
    const rest = { randPne: new Uint8Array(32), ePne: new Uint8Array(32), reqMac: new Uint8Array(16), capabilities: new Uint8Array(8) };
    for (let i = 0; i < 30; i++) {
      toGateway(home)
        .exchange.request(
          pneRegistrationRequest,
          { pnId: fromHex(pnId), hello: { ...hello, ...rest, request: new Uint8Array(4) } },
          [pneRegistrationResponse],
          LINK,
          soon,
        )
        .then(
          ({ body }) => statuses.push(body.status),
          (error) => statuses.push(error.status ?? error.code),
        );
    }
    await home.clock.advance(5_000);
    expect(statuses.filter((status) => status === Status.Busy)).toHaveLength(29);
  });

  it('is answered no more than so many requests a second', async () => {
    const { home } = await withLyingBoard('one-to-one');
    let answered = 0;
    let refused = 0;
    for (let i = 0; i < 500; i++) {
      toGateway(home)
        .exchange.request(reconcile, { pns: [] }, [reconcileResponse], LINK, soon)
        .then(
          () => answered++,
          () => refused++,
        );
    }
    await home.clock.advance(1_000);
    expect(answered).toBeLessThanOrEqual(125);
    expect(refused).toBeGreaterThanOrEqual(375);
    expect(home.board.device.linkTo(LAPTOP_ID)).toBeDefined();
  });
});

describe('application data', () => {
  it('duplicates of a data message are shown once', async () => {
    const home = await household();
    const { record: pn } = await establishAtPhone(home, { type: 'all' });
    await home.clock.advance(1_000);
    const pnId = pnIdText(pn.pnId);
    // The receipts are lost at first, so the phone sends again what the board has stored.
    const lost = home.air.links.filter(({ from, to }) => [from, to].includes(BOARD_ID));
    const id = await home.phone.device.messenger.queue({ pnId, to: BOARD_ID, channel: 'c', contentType: 't', payload: record });
    home.air.hook = ({ from, octets }) => (from === LAPTOP_ID && octets[0] === 1 ? [] : octets);
    await home.clock.advance(200);
    home.air.hook = ({ octets }) => octets;
    expect(lost.length).toBeGreaterThan(0);
    await home.clock.advance(60_000);
    expect(await home.clock.run(home.phone.device.messenger.outcome(id))).toBe(true);
    expect(home.board.received).toHaveLength(1);
  });

  it('of the server is answered again and shown once when its answer was lost', async () => {
    const liar = new Liar();
    const home = await household({ phone: { provider: liar.provider } });
    await establishAtPhone(home, { type: 'one-to-one' });
    let lost = 0;
    liar.lie = (told) => {
      if (told.number === dataAnswer.number && lost++ === 0) told.number = ack.number;
    };
    const sent = home.server.enabler.sendData({ to: PHONE_ID, channel: 'c', contentType: 't', payload: record } as never, 60_000);
    expect(await home.clock.run(sent)).toMatchObject({ state: 'delivered' });
    expect(lost).toBeGreaterThan(1);
    expect(home.phone.received).toHaveLength(1);
  });

  it('as large as allowed, with the longest names, reaches the server and other entities from a PNE', async () => {
    const home = await household();
    const { device, ...rest } = await home.start('x'.repeat(32));
    await pairByCode(home.clock, home.laptop, { device, ...rest });
    await home.clock.advance(2_000);
    await home.clock.run(device.establish({ type: 'all' }, undefined, () => {}, never()));
    await home.clock.advance(1_000);
    const names = { pnId: undefined, channel: 'c'.repeat(32), contentType: 't'.repeat(64) };
    const queue = (to: 'server' | EntityId, octets: number) =>
      device.messenger.queue({ ...names, to, payload: new Uint8Array(octets).fill(7) });
    // To an entity the names share the room of one envelope with the payload.
    await expect(queue(BOARD_ID, 16_000)).rejects.toMatchObject({ code: 'MessageTooLarge' });
    const ids = [await queue('server', 16_000), await queue(LAPTOP_ID, 15_990), await queue(BOARD_ID, 15_990)];
    const outcomes = Promise.all(ids.map((id) => device.messenger.outcome(id)));
    expect(await home.clock.run(outcomes, 60_000)).toEqual([true, true, true]);
    for (const { received } of [home.laptop, home.board]) expect(received.map(({ data }) => data.payload.length)).toEqual([15_990]);
  });

  it('is not kept from the server by messages to somebody who is away', async () => {
    const home = await household();
    const { record: pn } = await establishAtPhone(home, { type: 'all' });
    await home.clock.advance(1_000);
    await home.board.device.stop();
    await home.clock.advance(10_000);
    const message = { pnId: pnIdText(pn.pnId), channel: 'c', contentType: 't', payload: record };
    for (let i = 0; i < 40; i++) await home.phone.device.messenger.queue({ ...message, to: BOARD_ID });
    const id = await home.phone.device.messenger.queue({ ...message, to: 'server' });
    const startedMs = home.clock.monotonicMs();
    expect(await home.clock.run(home.phone.device.messenger.outcome(id))).toBe(true);
    expect(home.clock.monotonicMs() - startedMs).toBeLessThan(2_000);
  });
});
