import { pnIdText } from '@cpns/agent';
import type { PnId } from '@cpns/shared';
import { pnData, pneRequest, pnReleaseRequest, relay, Status } from '@cpns/shared/messages';
import { fromHex } from '@cpns/shared/security';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Removals } from '../../../agent/src/gateway/removals.js';
import { BOARD_ID, establishAtPhone, type Household, household, LAPTOP_ID, logged, PHONE_ID } from './household.js';
import { Liar } from './liar.js';

const LINK = { kind: 'link' } as const;
const record = new Uint8Array(100).fill(3);
/** As states of devices have it. */
const SUSPENDED = 2;
const RELEASING = 3;
const PNE = 1;

/** A PN of the phone's; what the laptop, its PN GW, says is noted. */
async function withPn(type: 'one-to-one' | 'all', allowUnprotectedPan = false) {
  const liar = new Liar();
  const said: number[] = [];
  const settings = { allowUnprotectedPan };
  const home = await household({ laptop: { provider: liar.provider, settings }, phone: { settings } });
  const { record: pn } = await establishAtPhone(home, { type });
  await home.clock.advance(1_000);
  liar.lie = ({ number }) => said.push(number);
  return { home, said, pnId: pnIdText(pn.pnId) };
}

const link = ({ device }: Household['phone'], to: typeof PHONE_ID) => {
  const found = device.linkTo(to);
  if (found === undefined) throw new Error('not linked');
  return found;
};

/** From now on the laptop's PN is another one. */
function changed({ laptop }: Household, pnId: PnId, to: object): void {
  const { state } = laptop.device;
  const found = state.pn(pnId);
  if (found === undefined) throw new Error('no PN');
  vi.spyOn(state, 'pn').mockReturnValue({ ...found, ...to });
}

const fromPhoneToBoard = ({ phone }: Household, pnId: PnId) =>
  phone.device.messenger.queue({ pnId, to: BOARD_ID, channel: 'c', contentType: 't', payload: record });

const fromServer = ({ server, clock }: Household, to: typeof PHONE_ID) => {
  void server.enabler.sendData({ to, channel: 'c', contentType: 't', payload: record } as never, 60_000).catch(() => undefined);
  return clock.advance(300);
};

afterEach(() => void vi.restoreAllMocks());

describe('a record for the server', () => {
  it('of a device that is not in the PN is not carried, protected or not', async () => {
    const { home, pnId, said } = await withPn('one-to-one', true);
    link(home.board, LAPTOP_ID).exchange.notify(relay, { pnId: fromHex(pnId), pne: BOARD_ID, record }, LINK);
    await home.clock.advance(100);
    expect(logged(home.laptop, 'UnknownPn')).toBe(true);
    expect(said).not.toContain(relay.number);
  });

  it('is not carried by who is a PNE of that PN itself', async () => {
    const { home, pnId, said } = await withPn('all', true);
    changed(home, pnId, { role: PNE });
    link(home.board, LAPTOP_ID).exchange.notify(relay, { pnId: fromHex(pnId), pne: BOARD_ID, record }, { kind: 'pan', pnId });
    await home.clock.advance(100);
    expect(logged(home.laptop, 'UnknownPn')).toBe(true);
    expect(said).not.toContain(relay.number);
  });

  it('of a PNE that is being taken out is not carried', async () => {
    const { home, pnId, said } = await withPn('all');
    vi.spyOn(Removals.prototype, 'has').mockReturnValue(true);
    link(home.board, LAPTOP_ID).exchange.notify(relay, { pnId: fromHex(pnId), pne: BOARD_ID, record }, { kind: 'pan', pnId });
    await home.clock.advance(100);
    expect(logged(home.laptop, 'UnknownPn')).toBe(true);
    expect(said).not.toContain(relay.number);
  });
});

describe('a record of the server', () => {
  it('for a member waits for its PAN session', async () => {
    const { home, pnId, said } = await withPn('one-to-one');
    link(home.laptop, PHONE_ID).removePan(pnId);
    await fromServer(home, PHONE_ID);
    expect(said).not.toContain(relay.number);
  });

  it('for a PNE that is away is dropped', async () => {
    const { home } = await withPn('one-to-one');
    await home.phone.device.stop();
    await home.clock.advance(1_000);
    expect(home.laptop.device.linkTo(PHONE_ID)).toBeUndefined();
    const before = home.laptop.logger.lines.length;
    await fromServer(home, PHONE_ID);
    expect(home.laptop.logger.lines.slice(before)).toEqual([]);
  });

  it('for a PNE that is being taken out needs none', async () => {
    const { home, pnId, said } = await withPn('all');
    link(home.laptop, BOARD_ID).removePan(pnId);
    vi.spyOn(Removals.prototype, 'has').mockReturnValue(true);
    await fromServer(home, BOARD_ID);
    expect(said).toContain(relay.number);
  });
});

describe('data between members', () => {
  it('is carried to a member', async () => {
    const { home, pnId, said } = await withPn('all');
    await fromPhoneToBoard(home, pnId);
    await home.clock.advance(300);
    expect(home.board.received).toHaveLength(1);
    expect(said).toContain(pnData.number);
  });

  it('is not carried while the PN is suspended', async () => {
    const { home, pnId, said } = await withPn('all');
    changed(home, pnId, { state: SUSPENDED });
    await fromPhoneToBoard(home, pnId);
    await home.clock.advance(300);
    expect(said).not.toContain(pnData.number);
    expect(home.board.received).toEqual([]);
  });

  it('is not taken by the PN GW while the PN is suspended', async () => {
    const { home, pnId } = await withPn('one-to-one');
    changed(home, pnId, { state: SUSPENDED });
    await home.phone.device.messenger.queue({ pnId, to: LAPTOP_ID, channel: 'c', contentType: 't', payload: record });
    await home.clock.advance(300);
    expect(home.laptop.received).toEqual([]);
  });

  it('is not sent by the PN GW while the PN is suspended', async () => {
    const { home, pnId, said } = await withPn('one-to-one');
    changed(home, pnId, { state: SUSPENDED });
    await home.laptop.device.messenger.queue({ pnId, to: PHONE_ID, channel: 'c', contentType: 't', payload: record });
    await home.clock.advance(300);
    expect(said).not.toContain(pnData.number);
    expect(home.phone.received).toEqual([]);
  });

  it('is not carried to a PNE that is being taken out, although its PAN session is still there', async () => {
    const { home, pnId, said } = await withPn('all');
    vi.spyOn(Removals.prototype, 'has').mockImplementation((_pn, pne) => pne === BOARD_ID);
    await fromPhoneToBoard(home, pnId);
    await home.clock.advance(300);
    expect(said).not.toContain(pnData.number);
    expect(home.board.received).toEqual([]);
  });

  it('waits for the PAN session of its receiver', async () => {
    const { home, pnId } = await withPn('all');
    link(home.laptop, BOARD_ID).removePan(pnId);
    await fromPhoneToBoard(home, pnId);
    await home.clock.advance(300);
    expect(home.board.received).toEqual([]);
    expect(logged(home.laptop, 'NoSession')).toBe(false);
  });

  it('is not carried to somebody who is not a member, whatever sessions there are', async () => {
    const { home, pnId } = await withPn('one-to-one');
    vi.spyOn(link(home.laptop, BOARD_ID), 'hasPan').mockReturnValue(true);
    const message = { pnId: fromHex(pnId), from: PHONE_ID, to: BOARD_ID, message: record };
    link(home.phone, LAPTOP_ID).exchange.notify(pnData, message, { kind: 'pan', pnId });
    await home.clock.advance(100);
    expect(logged(home.laptop, 'NoSession')).toBe(false);
  });
});

describe('a PN that is being released', () => {
  it.each([
    ['leave', ({ phone }: Household, pnId: PnId) => phone.device.networks.leave(pnId)],
    ['release it once more', ({ laptop }: Household, pnId: PnId) => laptop.device.networks.release(pnId)],
  ] as const)('lets nobody %s', async (_what, ask) => {
    const { home, pnId, said } = await withPn('all');
    changed(home, pnId, { state: RELEASING });
    await expect(home.clock.run(ask(home, pnId))).rejects.toMatchObject({ status: Status.WrongState });
    expect(said).not.toContain(pneRequest.number);
    expect(said).not.toContain(pnReleaseRequest.number);
  });
});
