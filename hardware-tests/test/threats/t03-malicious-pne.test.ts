import { pnIdText } from '@cpns/agent';
import type { PnId } from '@cpns/shared';
import {
  authenticationResponse,
  helloRequest,
  panHandshake1,
  panHandshake2,
  panHandshake3,
  panHandshake4,
  pnData,
  pneRegistrationRequest,
  pneRegistrationResponse,
  pnSetupRequest,
  RequestFlow,
  reconcile,
  reconcileResponse,
  relay,
  Status,
  toOctets,
} from '@cpns/shared/messages';
import { fromHex } from '@cpns/shared/security';
import { describe, expect, it } from 'vitest';
import { disagreements } from '../../rigs/simulation/invariants/violations.js';
import { BOARD_ID, establishAtPhone, LAPTOP_ID, logged, never, PHONE_ID } from '../simulation/household.js';
import { another, nothing } from '../simulation/liar.js';
import { toGateway, withLyingBoard } from '../simulation/lying-board.js';

const LINK = { kind: 'link' } as const;
const pan = (pnId: PnId) => ({ kind: 'pan', pnId }) as const;
const soon = { timeoutMs: 3_000 };
const record = new Uint8Array(100).fill(3);

describe('T3 Malicious PNE M', () => {
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
    const setup = home.board.device.networks.establish({ type: 'one-to-one' }, undefined, () => {}, never());
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
    const request = toOctets(helloRequest, { flow: RequestFlow.RegisterMember, version: 1, suite: 1 });
    const rest = {
      request,
      randPne: new Uint8Array(32),
      ePne: new Uint8Array(32),
      reqMac: new Uint8Array(16),
      capabilities: new Uint8Array(8),
    };
    for (let i = 0; i < 30; i++) {
      toGateway(home)
        .exchange.request(
          pneRegistrationRequest,
          { pnId: fromHex(pnId), hello: { ...hello, ...rest } },
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
});
