import { pnIdText } from '@cpns/agent';
import { pneNotificationExpel, pnUpdateRequest } from '@cpns/shared/messages';
import { describe, expect, it } from 'vitest';
import { disagreements } from '../../rigs/simulation/invariants/violations.js';
import { BOARD_ID, establishAtPhone, type Household, household, LAPTOP_ID, logged, never } from './household.js';
import { Liar } from './liar.js';

/** A PN of all three, whose PN GW asks for removals in a way that the server refuses. */
async function refusing(expelAfterUpdate = false) {
  const liar = new Liar();
  const home = await household({ laptop: { provider: liar.provider, settings: { expelAfterUpdate } } });
  const { record } = await establishAtPhone(home, { type: 'all' });
  await home.clock.advance(1_000);
  liar.about(pnUpdateRequest.number, [2], () => 9);
  return { home, pnId: pnIdText(record.pnId), liar };
}

const toldToGo = ({ board }: Household) => logged(board, pneNotificationExpel.name);
const message = { channel: 'c', contentType: 't', payload: new Uint8Array(1) };

async function expectItIsIn({ clock, server, laptop, phone, board }: Household, pnId: ReturnType<typeof pnIdText>, back = board) {
  expect(laptop.device.linkTo(BOARD_ID)?.hasPan(pnId)).toBe(true);
  const id = await phone.device.messenger.queue({ ...message, pnId, to: BOARD_ID });
  expect(await clock.run(phone.device.messenger.outcome(id))).toBe(true);
  expect(disagreements({ server, devices: [laptop, phone, back] })).toEqual([]);
}

describe('a PNE whose expulsion the server refuses', () => {
  it('is blocked, and may join again', async () => {
    const { home, pnId } = await refusing();
    const { clock, laptop, phone, board } = home;
    await clock.run(laptop.device.networks.expel(BOARD_ID, pnId));
    await clock.advance(5_000);
    expect(board.device.state.pns()).toEqual([]);
    const id = await phone.device.messenger.queue({ ...message, pnId, to: BOARD_ID });
    await clock.advance(10_000);
    expect(board.received).toEqual([]);
    await clock.run(board.device.networks.join(pnId, undefined, never()));
    expect(await clock.run(phone.device.messenger.outcome(id))).toBe(true);
    await clock.advance(5_000);
    await expectItIsIn(home, pnId);
  });

  it('and that was away meanwhile comes back as the member that it is', async () => {
    const { home, pnId } = await refusing();
    const { clock, laptop } = home;
    const store = home.board.powerCut();
    await clock.advance(10_000);
    await clock.run(laptop.device.networks.expel(BOARD_ID, pnId));
    await clock.advance(5_000);
    const board = await home.start('board', { store });
    await clock.advance(60_000);
    await expectItIsIn(home, pnId, board);
  });

  it('is not told where the server is to agree first', async () => {
    const { home, pnId } = await refusing(true);
    const { clock, laptop, board } = home;
    await clock.run(laptop.device.networks.expel(BOARD_ID, pnId));
    await clock.advance(5_000);
    expect(toldToGo(home)).toBe(false);
    expect(board.device.state.pn(pnId)).toBeDefined();
    expect(laptop.device.linkTo(BOARD_ID)).toBeDefined();
  });
});

it('a PNE is told by the server where that agrees first', async () => {
  const { home, pnId, liar } = await refusing(true);
  liar.lie = () => undefined;
  await home.clock.run(home.laptop.device.networks.expel(BOARD_ID, pnId));
  await home.clock.advance(5_000);
  expect(toldToGo(home)).toBe(true);
  expect(home.board.device.state.pns()).toEqual([]);
  expect(home.board.device.linkTo(LAPTOP_ID)?.hasPan(pnId)).toBe(false);
  expect(disagreements({ server: home.server, devices: [home.laptop, home.phone, home.board] })).toEqual([]);
});
