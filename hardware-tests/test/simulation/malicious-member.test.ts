import { pnIdText } from '@cpns/agent';
import type { EntityId } from '@cpns/shared';
import { ack, authenticationResponse, dataAnswer, reconcile, reconcileResponse, Status } from '@cpns/shared/messages';
import { describe, expect, it } from 'vitest';
import { pairByCode } from '../../rigs/simulation/device.js';
import { disagreements } from '../../rigs/simulation/invariants/violations.js';
import { BOARD_ID, establishAtPhone, household, LAPTOP_ID, never, PHONE_ID } from './household.js';
import { Liar } from './liar.js';
import { toGateway, withLyingBoard } from './lying-board.js';

const LINK = { kind: 'link' } as const;
const soon = { timeoutMs: 3_000 };
const record = new Uint8Array(100).fill(3);

describe('a malicious PNE', () => {
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
    await home.clock.run(device.networks.establish({ type: 'all' }, undefined, () => {}, never()));
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
