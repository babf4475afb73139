import { pnIdText } from '@cpns/agent';
import { Status } from '@cpns/shared/messages';
import { describe, expect, it } from 'vitest';
import { BOARD_ID, establishAtPhone, household, LAPTOP_ID, never, PHONE_ID, views } from './household.js';

describe('PN establishment, PNE initiated (seed 003 figure 10)', () => {
  it('establishes 1-1 with the server, the hop protected', async () => {
    const home = await household();
    const { clock, phone, laptop, board } = home;
    const { record } = await establishAtPhone(home, { type: 'one-to-one' });
    const pnId = pnIdText(record.pnId);
    await clock.advance(1_000);
    expect(phone.device.linkTo(LAPTOP_ID)?.hasPan(pnId)).toBe(true);
    expect(phone.device.hasServerSession(pnId)).toBe(true);
    expect(views(home, pnId, phone)).toEqual({
      server: ['phone'],
      gateway: ['laptop', 'phone'],
      pnes: [['laptop', 'phone']],
      epochs: [1, 1],
    });
    expect(phone.device.state.pn(pnId)?.pnKey).toEqual(laptop.device.state.pn(pnId)?.pnKey);
    expect(board.device.state.pns()).toEqual([]);
  });

  it('establishes All', async () => {
    const home = await household();
    const { record, outcomes } = await establishAtPhone(home, { type: 'all' });
    await home.clock.advance(1_000);
    expect(outcomes.map((outcome) => [outcome.pne, outcome.status]).sort()).toEqual([
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

  it('establishes with a named PNE, and says of others why they are not in', async () => {
    const home = await household();
    const { outcomes } = await establishAtPhone(home, { type: 'named', pnes: [BOARD_ID, 'stranger' as never] });
    expect(new Map(outcomes.map((outcome) => [outcome.pne, outcome.status]))).toEqual(
      new Map([
        ['stranger', Status.NotAuthorized],
        ['phone', Status.Success],
        ['board', Status.Success],
      ]),
    );
  });

  it('goes on without a PNE that refuses', async () => {
    const home = await household({ board: { consent: 'never' } });
    const { record, outcomes } = await establishAtPhone(home, { type: 'all' });
    await home.clock.advance(1_000);
    expect(outcomes).toContainEqual({ pne: 'board', status: Status.Rejected });
    expect(views(home, pnIdText(record.pnId), home.phone).server).toEqual(['phone']);
    expect(home.board.device.state.pns()).toEqual([]);
  });

  it('waits for a person, and takes silence for a no', async () => {
    const home = await household({ board: { consent: 'ask' } });
    const started = home.clock.monotonicMs();
    const { outcomes } = await establishAtPhone(home, { type: 'all' });
    expect(home.clock.monotonicMs() - started).toBeGreaterThanOrEqual(60_000);
    expect(outcomes).toContainEqual({ pne: 'board', status: Status.Rejected });
  });

  it('lets a person say yes', async () => {
    const home = await household({ board: { consent: 'ask' } });
    const under = home.phone.device.networks.establish({ type: 'all' }, undefined, () => {}, never());
    await home.clock.advance(3_000);
    const [question] = home.board.device.consents.list();
    expect(question).toMatchObject({ initiator: PHONE_ID, gateway: LAPTOP_ID });
    home.board.device.consents.answer(question?.consentId ?? '', true);
    const { outcomes } = await home.clock.run(under);
    expect(outcomes).toContainEqual({ pne: 'board', status: Status.Success });
  });

  it('keeps nothing anywhere when the initiator has a wrong EUKey', async () => {
    const home = await household({ phone: { euKey: new Uint8Array(32).fill(66) } });
    await expect(establishAtPhone(home, { type: 'all' })).rejects.toMatchObject({ status: Status.AuthFailed });
    await home.clock.advance(200_000);
    for (const device of [home.laptop, home.phone]) expect(device.device.state.pns()).toEqual([]);
    expect(home.laptop.store.keys('lk/')).toEqual([]);
  });

  it('goes on without a PNE that has a wrong EUKey', async () => {
    const home = await household({ board: { euKey: new Uint8Array(32).fill(66) } });
    const { outcomes, record } = await establishAtPhone(home, { type: 'all' });
    await home.clock.advance(1_000);
    expect(outcomes).toContainEqual({ pne: 'board', status: Status.AuthFailed });
    expect(views(home, pnIdText(record.pnId), home.phone).gateway).toEqual(['laptop', 'phone']);
    expect(home.board.device.state.pns()).toEqual([]);
    expect(home.board.store.keys('lk/')).toEqual([]);
  });

  it('leaves no half-made PN when the initiator gives up in the middle', async () => {
    const home = await household({ board: { consent: 'ask' } });
    const controller = new AbortController();
    const under = home.phone.device.networks.establish({ type: 'all' }, undefined, () => {}, controller.signal);
    under.catch(() => {});
    await home.clock.advance(2_000);
    controller.abort();
    await expect(under).rejects.toMatchObject({ code: 'Aborted' });
    await home.clock.advance(400_000);
    for (const device of [home.laptop, home.phone, home.board]) expect(device.device.state.pns()).toEqual([]);
    expect(home.server.database.reads.pns.list()).toEqual([]);
  });

  it('leaves no half-made PN when a person says yes after the initiator gave up', async () => {
    const home = await household({ board: { consent: 'ask' } });
    const controller = new AbortController();
    const under = home.phone.device.networks.establish({ type: 'all' }, undefined, () => {}, controller.signal);
    under.catch(() => {});
    await home.clock.advance(2_000);
    controller.abort();
    const [question] = home.board.device.consents.list();
    home.board.device.consents.answer(question?.consentId ?? '', true);
    await home.clock.advance(10_000);
    for (const device of [home.laptop, home.phone, home.board]) expect(device.device.state.pns()).toEqual([]);
    for (const device of [home.laptop, home.phone, home.board]) expect(device.store.keys('lk/')).toEqual([]);
    expect(home.server.database.reads.pns.list()).toEqual([]);
  });

  it('says that the server cannot be reached, and keeps nothing', async () => {
    const home = await household();
    home.server.goAway();
    await home.clock.advance(100);
    await expect(establishAtPhone(home, { type: 'one-to-one' })).rejects.toMatchObject({ status: Status.PeerUnreachable });
    for (const device of [home.laptop, home.phone]) expect(device.device.state.pns()).toEqual([]);
  });
});
