import { pnIdText } from '@cpns/agent';
import type { EntityId, PnId } from '@cpns/shared';
import { PneAction, pneRequest, pneResponse, pnReleaseRequest, pnReleaseResponse, Status } from '@cpns/shared/messages';
import { fromHex } from '@cpns/shared/security';
import { describe, expect, it } from 'vitest';
import { disagreements } from '../../rigs/simulation/invariants/violations.js';
import { BOARD_ID, establishAtPhone, type Household, household, LAPTOP_ID, PHONE_ID, texts, views } from './household.js';
import { LINK } from './lying-gateway.js';

async function established(type: 'all' | 'one-to-one' = 'all') {
  const home = await household();
  const { record } = await establishAtPhone(home, { type });
  await home.clock.advance(1_000);
  return { home, pnId: pnIdText(record.pnId) };
}
const wrongIn = ({ server, laptop, phone, board }: Household, devices = [laptop, phone, board]) => disagreements({ server, devices });
const membersOf = ({ server }: Household, pnId: PnId) => server.database.reads.pns.members(pnId).map((member) => member.entityId as string);
const message = { channel: 'c', contentType: 't', payload: new Uint8Array(1) };

describe('leaving (seed 003 figure 15)', () => {
  it('takes that PNE out everywhere, and the others get a new PN key', async () => {
    const { home, pnId } = await established();
    const { clock, board, phone, laptop } = home;
    const before = phone.device.state.pn(pnId)?.pnKey;
    expect(await clock.run(board.device.networks.leave(undefined))).toBe(pnId);
    expect(board.device.state.pns()).toEqual([]);
    expect(board.store.keys('lk/')).toEqual([]);
    expect(laptop.device.state.pn(pnId)?.members.map((member) => member.entityId)).not.toContain(BOARD_ID);
    await clock.advance(2_000);
    expect(views(home, pnId, phone)).toMatchObject({ server: ['phone'], pnes: [['laptop', 'phone']], epochs: [2, 2] });
    expect(phone.device.state.pn(pnId)?.pnKey).not.toEqual(before);
    expect(wrongIn(home)).toEqual([]);
  });

  it('of the last PNE takes the PN with it', async () => {
    const { home } = await established('one-to-one');
    await home.clock.run(home.phone.device.networks.leave(undefined));
    await home.clock.advance(1_000);
    expect(home.server.database.reads.pns.list()).toEqual([]);
    expect(home.laptop.device.state.pns()).toEqual([]);
    expect(wrongIn(home)).toEqual([]);
  });

  it('needs the PN GW and the server: without them nothing has changed', async () => {
    const { home, pnId } = await established();
    const { clock, board } = home;
    home.server.goAway();
    await clock.advance(1_000);
    await expect(clock.run(board.device.networks.leave(pnId))).rejects.toMatchObject({ status: Status.PeerUnreachable });
    home.server.reachable = true;
    await clock.advance(60_000);
    expect(membersOf(home, pnId)).toContain('board');
    const store = home.laptop.powerCut();
    await clock.advance(10_000);
    await expect(clock.run(board.device.networks.leave(pnId))).rejects.toMatchObject({ code: 'NoGateway' });
    const laptop = await home.start('laptop', { store });
    await clock.advance(30_000);
    await clock.run(board.device.networks.leave(pnId));
    await clock.advance(2_000);
    expect(wrongIn(home, [laptop, home.phone, board])).toEqual([]);
  });

  it('says which PN where there are several, and is nothing for the PN GW', async () => {
    const { home, pnId } = await established();
    await establishAtPhone(home, { type: 'one-to-one' });
    const { phone, laptop, clock } = home;
    await expect(phone.device.networks.leave(undefined)).rejects.toMatchObject({ code: 'WhichPn' });
    await expect(laptop.device.networks.leave(pnId)).rejects.toMatchObject({ code: 'UnknownPn' });
    expect(await clock.run(phone.device.networks.leave(pnId))).toBe(pnId);
    expect(phone.device.state.pns()).toHaveLength(1);
  });
});

describe('expelling (seed 003 figure 16)', () => {
  it('takes the PNE out everywhere and tells it', async () => {
    const { home, pnId } = await established();
    const { clock, laptop, phone, board } = home;
    expect(await clock.run(laptop.device.networks.expel(BOARD_ID, undefined))).toEqual({ pnId, answered: true });
    await clock.advance(2_000);
    expect(board.device.state.pns()).toEqual([]);
    expect(texts(board.happenings)).toContain(`No longer in personal network ${pnId}.`);
    expect(views(home, pnId, phone)).toMatchObject({ server: ['phone'], gateway: ['laptop', 'phone'], epochs: [2, 2] });
    expect([...laptop.store.keys('removal/')]).toEqual([]);
    expect(wrongIn(home)).toEqual([]);
  });

  it('drops traffic at once, and asks the server until it answers, after a restart of the PN GW, too', async () => {
    const { home, pnId } = await established();
    const { clock, phone, board } = home;
    home.server.goAway();
    await clock.advance(100);
    expect(await clock.run(home.laptop.device.networks.expel(BOARD_ID, pnId))).toEqual({ pnId, answered: false });
    await clock.advance(5_000);
    expect(board.device.state.pns()).toEqual([]);
    expect(home.laptop.device.linkTo(BOARD_ID)?.hasPan(pnId)).toBe(false);
    const id = await phone.device.messenger.queue({ ...message, pnId, to: BOARD_ID });
    await clock.advance(5_000);
    expect(board.received).toEqual([]);
    const laptop = await home.restart(home.laptop);
    await clock.advance(30_000);
    expect(laptop.device.linkTo(BOARD_ID)?.hasPan(pnId)).toBe(false);
    expect(membersOf(home, pnId)).toContain('board');
    home.server.reachable = true;
    await clock.advance(120_000);
    expect(membersOf(home, pnId)).toEqual(['phone']);
    expect(laptop.store.keys('removal/')).toEqual([]);
    expect(wrongIn(home, [laptop, phone, board])).toEqual([]);
    expect(board.received).toEqual([]);
    expect(phone.device.messenger.outbox.ids()).toContain(id);
  });

  it('carries nothing of a PNE that does not listen, and nothing to it', async () => {
    const { home, pnId } = await established();
    const { clock, laptop, phone, board } = home;
    // Nothing gets through to the board, which goes on as if it were in; nor to the server, which would take it out.
    home.server.hook = () => [];
    home.air.hook = ({ to, octets }) => (to === BOARD_ID ? [] : octets);
    const expelling = laptop.device.networks.expel(BOARD_ID, pnId);
    await clock.advance(5);
    expect(laptop.device.linkTo(BOARD_ID)?.hasPan(pnId)).toBe(true);
    await board.device.messenger.queue({ ...message, pnId, to: PHONE_ID });
    await board.device.messenger.queue({ ...message, pnId, to: LAPTOP_ID });
    await clock.advance(400);
    expect([phone.received, laptop.received]).toEqual([[], []]);
    await clock.run(expelling);
    home.server.hook = ({ octets }) => octets;
    home.air.hook = ({ octets }) => octets;
    await clock.advance(120_000);
    expect(wrongIn(home)).toEqual([]);
    expect([phone.received, laptop.received]).toEqual([[], []]);
  });

  it('of a PNE that is away blocks it, and it learns of it when it is back', async () => {
    const { home, pnId } = await established();
    const { clock, laptop } = home;
    const store = home.board.powerCut();
    await clock.advance(10_000);
    await clock.run(laptop.device.networks.expel(BOARD_ID, pnId));
    await clock.advance(60_000);
    const board = await home.start('board', { store });
    await clock.advance(20_000);
    expect(board.device.state.pns()).toEqual([]);
    expect(wrongIn(home, [laptop, home.phone, board])).toEqual([]);
  });

  it('is for the PN GW, and for PNEs that are in', async () => {
    const { home, pnId } = await established('one-to-one');
    await expect(home.laptop.device.networks.expel(BOARD_ID, pnId)).rejects.toMatchObject({ code: 'UnknownPne' });
    await expect(home.phone.device.networks.expel(LAPTOP_ID, pnId)).rejects.toMatchObject({ code: 'UnknownPn' });
  });
});

describe('releasing (seed 003 figures 18 and 19)', () => {
  it('at the PN GW ends the PN for everybody', async () => {
    const { home, pnId } = await established();
    const { clock, laptop, phone, board, server } = home;
    expect(await clock.run(laptop.device.networks.release(undefined))).toBe(pnId);
    await clock.advance(100);
    expect(server.database.reads.pns.list()).toEqual([]);
    for (const { device, store } of [laptop, phone, board]) {
      expect(device.state.pns()).toEqual([]);
      expect(store.keys('lk/')).toEqual([]);
    }
    expect(wrongIn(home)).toEqual([]);
  });

  it('at a PNE ends it, too', async () => {
    const { home, pnId } = await established();
    const { clock, laptop, phone, board, server } = home;
    expect(await clock.run(board.device.networks.release(pnId))).toBe(pnId);
    expect(board.device.state.pns()).toEqual([]);
    await clock.advance(1_000);
    expect(server.database.reads.pns.list()).toEqual([]);
    expect([laptop, phone].map(({ device }) => device.state.pns())).toEqual([[], []]);
    expect(wrongIn(home)).toEqual([]);
  });

  it('tells a PNE that comes back soon, and one that comes back late', async () => {
    for (const awayMs of [10_000, 300_000]) {
      const { home, pnId } = await established();
      const { clock, laptop } = home;
      const store = home.board.powerCut();
      await clock.advance(10_000);
      await clock.run(laptop.device.networks.release(pnId));
      await clock.advance(awayMs);
      const board = await home.start('board', { store });
      await clock.advance(90_000);
      expect([laptop, home.phone, board].map(({ device }) => device.state.pns())).toEqual([[], [], []]);
      expect(wrongIn(home, [laptop, home.phone, board])).toEqual([]);
    }
  });

  it('that the server did not hear of is undone when it is back', async () => {
    const { home, pnId } = await established();
    const { clock, laptop, phone, server } = home;
    await expect(async () => {
      server.goAway();
      await clock.run(laptop.device.networks.release(pnId));
    }).rejects.toMatchObject({ family: 'Transport' });
    expect(laptop.device.state.pn(pnId)?.state).toBe(1);
    server.reachable = true;
    await clock.advance(60_000);
    // The server is lost as the request comes.
    server.hook = () => {
      server.crash();
      return [];
    };
    await expect(clock.run(laptop.device.networks.release(pnId))).rejects.toMatchObject({ code: 'OutcomeUnknown' });
    server.hook = ({ octets }) => octets;
    server.restart();
    await clock.advance(90_000);
    expect(wrongIn(home)).toEqual([]);
    expect([laptop, phone].map(({ device }) => device.state.pn(pnId)?.state)).toEqual([1, 1]);
    expect(await clock.run(phone.device.networks.release(pnId))).toBe(pnId);
  });

  it('stops traffic while it is under way', async () => {
    const { home, pnId } = await established();
    const { clock, laptop, phone, board, server } = home;
    // The server hears nothing any more, and nobody knows it yet.
    server.hook = () => [];
    const releasing = laptop.device.networks.release(pnId).catch(() => {});
    await clock.advance(1_000);
    expect(laptop.device.state.pn(pnId)?.state).toBe(3);
    await phone.device.messenger.queue({ ...message, pnId, to: BOARD_ID });
    await expect(clock.run(board.device.networks.leave(pnId))).rejects.toMatchObject({ status: Status.WrongState });
    await expect(clock.run(board.device.networks.release(pnId))).rejects.toMatchObject({ status: Status.WrongState });
    expect(board.received).toEqual([]);
    server.hook = ({ octets }) => octets;
    await clock.run(releasing);
    await clock.advance(120_000);
    expect(wrongIn(home)).toEqual([]);
  });

  it('by the operator tells everybody', async () => {
    const { home, pnId } = await established();
    const { clock, server } = home;
    await clock.run(server.enabler.removePn(pnId));
    await clock.advance(2_000);
    expect([home.laptop, home.phone, home.board].map(({ device }) => device.state.pns())).toEqual([[], [], []]);
    expect(wrongIn(home)).toEqual([]);
    await expect(server.enabler.removePn(pnId)).rejects.toMatchObject({ code: 'UnknownPn' });
  });
});

describe('what a PNE asks to end a part in a PN', () => {
  it('counts in its PAN session and for itself alone', async () => {
    const { home, pnId } = await established();
    const other = pnIdText((await establishAtPhone(home, { type: 'all' })).record.pnId);
    const { clock, board, phone, laptop } = home;
    await clock.advance(1_000);
    const link = board.device.linkTo(LAPTOP_ID);
    if (link === undefined) throw new Error('not linked');
    const options = { timeoutMs: 5_000 };
    const octets = fromHex(pnId);
    const leave = (pne: EntityId, hop: Parameters<typeof link.exchange.request>[3]) =>
      link.exchange.request(pneRequest, { action: PneAction.Leave, pnId: octets, pne }, [pneResponse], hop, options);
    const release = (initiator: EntityId, hop: Parameters<typeof link.exchange.request>[3]) =>
      link.exchange.request(pnReleaseRequest, { pnId: octets, initiator }, [pnReleaseResponse], hop, options);
    const pan = { kind: 'pan', pnId } as const;
    const foreign = { kind: 'pan', pnId: other } as const;
    for (const attempt of [
      () => leave(phone.id, pan),
      () => leave(board.id, LINK),
      () => leave(board.id, foreign),
      () => release(laptop.id, pan),
      () => release(phone.id, pan),
      () => release(board.id, foreign),
    ]) {
      await expect(clock.run(attempt())).rejects.toMatchObject({ code: 'Refused' });
    }
    // The catalogue has it in no link session.
    await expect(clock.run(release(board.id, LINK))).rejects.toMatchObject({ status: Status.BadMessage });
    expect(membersOf(home, pnId)).toEqual(['board', 'phone']);
    expect(laptop.device.state.pn(pnId)?.state).toBe(1);
    expect(wrongIn(home)).toEqual([]);
  });
});
