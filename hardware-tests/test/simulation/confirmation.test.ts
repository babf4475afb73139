import { pnIdText } from '@cpns/agent';
import {
  ack,
  authenticationResponse,
  panHandshake3,
  pnSetupConsent,
  pnSetupInvitation,
  pnSetupResponse,
  Status,
  sessionConfirm,
} from '@cpns/shared/messages';
import { describe, expect, it } from 'vitest';
import { BOARD_ID, establishAtPhone, household, LAPTOP_ID, PHONE_ID } from './household.js';
import { another, Liar } from './liar.js';
import { attack, held, LINK, soon, withLyingLaptop } from './lying-gateway.js';

async function withLyingServer() {
  const liar = new Liar();
  return { home: await household({}, { provider: liar.provider }), liar };
}

describe('what the server confirms in its first record', () => {
  it.each([
    ['another PN', [4, 1], another, { code: 'WrongInventory', status: Status.AuthFailed }],
    ['another PN GW', [4, 3], another, { code: 'WrongInventory', status: Status.AuthFailed }],
    ['nothing, with a refusal', [1], () => Status.Busy, { status: Status.Busy }],
  ])('is not kept when it is %s', async (_name, path, change, error) => {
    const { home, liar } = await withLyingServer();
    liar.about(sessionConfirm.number, path, change);
    await expect(establishAtPhone(home, { type: 'one-to-one' })).rejects.toMatchObject(error);
    expect(held(home.phone)).toEqual([]);
  });

  it('is not kept when the record was altered on its way', async () => {
    const { home, liar } = await withLyingLaptop();
    liar.about(pnSetupResponse.number, [4], another);
    await expect(establishAtPhone(home, { type: 'one-to-one' })).rejects.toMatchObject({ code: 'NoFirstRecord' });
  });

  it('ends the PN when it says that this device is not in it', async () => {
    const { home, liar } = await withLyingServer();
    await establishAtPhone(home, { type: 'one-to-one' });
    await home.clock.advance(1_000);
    liar.about(sessionConfirm.number, [1], (status) => (status === Status.Success ? Status.NotMember : status));
    home.phone.device.linkTo(LAPTOP_ID)?.close('to make it begin anew');
    const phone = await home.restart(home.phone);
    await home.clock.advance(20_000);
    expect(held(phone)).toEqual([]);
  });
});

describe('an invitation', () => {
  it('into a PN that the device is in is refused', async () => {
    const { home } = await withLyingLaptop();
    const { record } = await establishAtPhone(home, { type: 'all' });
    await home.clock.advance(1_000);
    const invitation = { initiator: PHONE_ID, pnId: record.pnId };
    const asked = attack(home, BOARD_ID).exchange.request(pnSetupInvitation, invitation, [pnSetupConsent, ack], LINK, soon);
    await expect(home.clock.run(asked)).rejects.toMatchObject({ status: Status.AlreadyMember });
  });

  it('is refused by a device that is in as many PNs as it may be, and by no other', async () => {
    const home = await household({ board: { limits: { pns: 1 } } });
    const outcomes = async () => (await establishAtPhone(home, { type: 'all' })).outcomes.find(({ pne }) => pne === BOARD_ID)?.status;
    expect(await outcomes()).toBe(Status.Success);
    await home.clock.advance(1_000);
    expect(await outcomes()).toBe(Status.Busy);
  });
});

it('a run that was given up during the PAN handshake gives no proof and leaves no session', async () => {
  const liar = new Liar();
  const home = await household({ phone: { provider: liar.provider } });
  const said: number[] = [];
  const person = new AbortController();
  let pnId = '';
  liar.lie = ({ number, body }) => {
    said.push(number);
    if (number !== panHandshake3.number) return;
    pnId = pnIdText(body.get(1) as Uint8Array);
    home.clock.after(0, () => person.abort());
  };
  const establishing = home.phone.device.establish({ type: 'one-to-one' }, undefined, () => {}, person.signal);
  await expect(home.clock.run(establishing)).rejects.toThrow();
  await home.clock.advance(100);
  expect(said).toContain(panHandshake3.number);
  expect(said).not.toContain(authenticationResponse.number);
  expect(home.phone.device.linkTo(LAPTOP_ID)?.hasPan(pnId as never)).toBe(false);
});
