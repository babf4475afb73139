import { pnIdText } from '@cpns/agent';
import { PneState, pnEstablishmentNotify, Status } from '@cpns/shared/messages';
import { describe, expect, it } from 'vitest';
import type { SimulatedDevice } from '../../rigs/simulation/device.js';
import { BOARD_ID, type Household, household, LAPTOP_ID, never, PHONE_ID, views } from './household.js';

type Setup = Parameters<SimulatedDevice['device']['networks']['establish']>[0];

/** Establishes at the laptop, which is PN GW. */
function establishAtLaptop({ laptop }: Household, setup: Setup, signal = never()) {
  const steps: string[] = [];
  const under = laptop.device.networks.establish(setup, undefined, (_step, text) => steps.push(text), signal);
  under.catch(() => {});
  return { under, steps };
}

function nothingIsKept(home: Household) {
  for (const { device, store } of [home.laptop, home.phone, home.board]) {
    expect(device.state.pns()).toEqual([]);
    expect(store.keys('lk/')).toEqual([]);
  }
  expect(home.server.database.reads.pns.list()).toEqual([]);
}

describe('PN establishment, PN GW initiated (seed 003 figure 11)', () => {
  it('establishes with one named PNE, and tells how far it is', async () => {
    const home = await household();
    const { under, steps } = establishAtLaptop(home, { type: 'named', pnes: [PHONE_ID] });
    const { record, outcomes, establishMs } = await home.clock.run(under);
    const pnId = pnIdText(record.pnId);
    expect(outcomes).toEqual([{ pne: PHONE_ID, status: Status.Success }]);
    expect(establishMs).toBeGreaterThan(0);
    expect(steps).toHaveLength(5);
    await home.clock.advance(1_000);
    expect(views(home, pnId, home.phone)).toEqual({
      server: ['phone'],
      gateway: ['laptop', 'phone'],
      pnes: [['laptop', 'phone']],
      epochs: [1, 1],
    });
    expect(home.server.database.reads.pns.find(pnId)).toMatchObject({ initiator: LAPTOP_ID, gateway: LAPTOP_ID });
    expect(home.server.database.reads.pns.member(pnId, PHONE_ID)?.state).toBe(PneState.Member);
    expect(home.phone.device.linkTo(LAPTOP_ID)?.hasPan(pnId)).toBe(true);
    expect(home.board.device.state.pns()).toEqual([]);
  });

  it('establishes All, and everybody has the PN key', async () => {
    const home = await household();
    const { record, outcomes } = await home.clock.run(establishAtLaptop(home, { type: 'all' }).under);
    expect(outcomes.map(({ pne, status }) => [pne, status]).sort()).toEqual([
      ['board', Status.Success],
      ['phone', Status.Success],
    ]);
    const all = ['board', 'laptop', 'phone'];
    expect(views(home, pnIdText(record.pnId), home.phone, home.board)).toEqual({
      server: ['board', 'phone'],
      gateway: all,
      pnes: [all, all],
      epochs: [1, 1, 1],
    });
  });

  it('asks the person at each device, and goes on without who says no', async () => {
    const home = await household({ board: { consent: 'ask' } });
    const { under } = establishAtLaptop(home, { type: 'all' });
    await home.clock.advance(2_000);
    const [question] = home.board.device.consents.list();
    expect(question).toMatchObject({ kind: 'invitation', initiator: LAPTOP_ID, gateway: LAPTOP_ID });
    home.board.device.consents.answer(question?.consentId ?? '', false);
    const { record, outcomes } = await home.clock.run(under);
    expect(outcomes).toContainEqual({ pne: BOARD_ID, status: Status.Rejected });
    await home.clock.advance(1_000);
    expect(views(home, pnIdText(record.pnId), home.phone).server).toEqual(['phone']);
    expect(home.board.device.state.pns()).toEqual([]);
  });

  it('keeps nothing and says why when nobody takes part', async () => {
    const home = await household({ board: { consent: 'never' }, phone: { consent: 'never' } });
    const { under } = establishAtLaptop(home, { type: 'all' });
    await expect(home.clock.run(under)).rejects.toMatchObject({
      code: 'NobodyLeft',
      status: Status.Rejected,
      message: expect.stringContaining('phone: a person or a policy said no'),
    });
    nothingIsKept(home);
  });

  it('keeps nothing when nobody proves itself', async () => {
    const home = await household({ phone: { euKey: new Uint8Array(32).fill(66) } });
    const { under } = establishAtLaptop(home, { type: 'named', pnes: [PHONE_ID] });
    await expect(home.clock.run(under)).rejects.toMatchObject({ status: Status.AuthFailed });
    await home.clock.advance(200_000);
    nothingIsKept(home);
  });

  it('goes on without a PNE that has a wrong EUKey, or is not there', async () => {
    const home = await household({ board: { euKey: new Uint8Array(32).fill(66) } });
    await home.server.enrol('tablet');
    const { under } = establishAtLaptop(home, { type: 'named', pnes: [PHONE_ID, BOARD_ID, 'tablet' as never] });
    const { record, outcomes } = await home.clock.run(under);
    expect(new Map(outcomes.map(({ pne, status }) => [pne as string, status]))).toEqual(
      new Map([
        ['tablet', Status.PeerUnreachable],
        ['phone', Status.Success],
        ['board', Status.AuthFailed],
      ]),
    );
    await home.clock.advance(1_000);
    expect(views(home, pnIdText(record.pnId), home.phone).gateway).toEqual(['laptop', 'phone']);
    expect(home.board.store.keys('lk/')).toEqual([]);
  });

  it('takes a PNE out again that could not verify the server; without another one there is no PN (e.12)', async () => {
    const home = await household();
    const spoilt = new Set([PHONE_ID]);
    spoilNotices(home, spoilt);
    const first = await home.clock.run(establishAtLaptop(home, { type: 'all' }).under);
    const pnId = pnIdText(first.record.pnId);
    expect(first.outcomes).toContainEqual({ pne: PHONE_ID, status: Status.AuthFailed });
    await home.clock.advance(5_000);
    expect(views(home, pnId, home.board)).toMatchObject({ server: ['board'], gateway: ['board', 'laptop'], pnes: [['board', 'laptop']] });
    expect(home.phone.device.state.pns()).toEqual([]);

    await expect(home.clock.run(establishAtLaptop(home, { type: 'named', pnes: [PHONE_ID] }).under)).rejects.toMatchObject({
      code: 'NobodyLeft',
    });
    await home.clock.advance(5_000);
    expect(home.server.database.reads.pns.list().map((pn) => pn.pnId)).toEqual([pnId]);
    expect(home.laptop.device.state.pns()).toHaveLength(1);
  });

  it('leaves nothing when the person gives up while others are asked', async () => {
    const home = await household({ board: { consent: 'ask' } });
    const controller = new AbortController();
    const { under } = establishAtLaptop(home, { type: 'all' }, controller.signal);
    await home.clock.advance(2_000);
    controller.abort();
    await expect(under).rejects.toMatchObject({ code: 'Aborted' });
    const [question] = home.board.device.consents.list();
    if (question !== undefined) home.board.device.consents.answer(question.consentId, true);
    await home.clock.advance(200_000);
    nothingIsKept(home);
  });

  it('says that the server cannot be reached', async () => {
    const home = await household();
    home.server.goAway();
    await home.clock.advance(100);
    await expect(home.clock.run(establishAtLaptop(home, { type: 'all' }).under)).rejects.toMatchObject({ status: Status.PeerUnreachable });
    nothingIsKept(home);
  });

  it('runs one at a time, and asks with whom', async () => {
    const home = await household();
    const { under } = establishAtLaptop(home, { type: 'all' });
    await expect(home.clock.run(establishAtLaptop(home, { type: 'all' }).under)).rejects.toMatchObject({ code: 'SetupBusy' });
    await home.clock.run(under);
    await expect(establishAtLaptop(home, { type: 'one-to-one' }).under).rejects.toMatchObject({ code: 'WithWhom' });
  });
});

/** The laptop alters the hash_server that it relays to these. */
function spoilNotices(home: Household, to: ReadonlySet<string>) {
  for (const pne of to) {
    const exchange = home.laptop.device.linkTo(pne as never)?.exchange;
    if (exchange === undefined) throw new Error(`no link to ${pne}`);
    const request = exchange.request.bind(exchange);
    exchange.request = ((type, body, ...rest) => {
      if (type.number !== pnEstablishmentNotify.number) return request(type, body, ...rest);
      return request(type, { ...(body as object), hashServer: new Uint8Array(32) } as never, ...rest);
    }) as typeof exchange.request;
  }
}
