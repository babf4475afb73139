import { pnIdText } from '@cpns/agent';
import {
  ack,
  authenticationRequest,
  authenticationRequestToPne,
  authenticationResponse,
  panHandshake3,
  pneInviteRequest,
  pneInviteResponse,
  pnSetupConsent,
  pnSetupInvitation,
  pnSetupResponse,
  Status,
  sessionConfirm,
} from '@cpns/shared/messages';
import { describe, expect, it } from 'vitest';
import { BOARD_ID, establishAtPhone, type Household, household, LAPTOP_ID, PHONE_ID } from './household.js';
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

describe('an invitation into a PN that stands', () => {
  const invite = (home: Household, invited: typeof BOARD_ID) => {
    const invitation = { pnId: new Uint8Array(16).fill(9), inviter: PHONE_ID, invited };
    return home.clock.run(attack(home, BOARD_ID).exchange.request(pneInviteRequest, invitation, [pneInviteResponse], LINK, soon));
  };

  it('for another device is refused, and nobody is asked', async () => {
    const home = await household({ board: { consent: 'ask' } });
    await expect(invite(home, PHONE_ID)).rejects.toMatchObject({ status: Status.WrongState });
    expect(home.board.device.consents.list()).toEqual([]);
  });

  it.each([
    ['yes', 'always', Status.Success, true],
    ['no', 'never', Status.Rejected, false],
  ] as const)('is answered with %s as its owner says, and only a yes with a hello', async (_answer, consent, status, hello) => {
    const { body } = await invite(await household({ board: { consent } }), BOARD_ID);
    expect([body.status, body.hello !== undefined]).toEqual([status, hello]);
  });
});

it('a PNE that the server refuses is not challenged, and stays out', async () => {
  const [server, gateway] = [new Liar(), new Liar()];
  const home = await household({ laptop: { provider: gateway.provider } }, { provider: server.provider });
  const challenged: unknown[] = [];
  gateway.lie = ({ number, body }) => {
    if (number === authenticationRequestToPne.number) challenged.push(body);
  };
  server.about(authenticationRequest.number, [4, 1, 2], () => Status.NotAuthorized);
  const { outcomes } = await establishAtPhone(home, { type: 'all' });
  expect(challenged).toHaveLength(1);
  expect(outcomes.filter(({ status }) => status === Status.Success).map(({ pne }) => pne)).toEqual([PHONE_ID]);
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
  const establishing = home.phone.device.networks.establish({ type: 'one-to-one' }, undefined, () => {}, person.signal);
  await expect(home.clock.run(establishing)).rejects.toThrow();
  await home.clock.advance(100);
  expect(said).toContain(panHandshake3.number);
  expect(said).not.toContain(authenticationResponse.number);
  expect(home.phone.device.linkTo(LAPTOP_ID)?.hasPan(pnId as never)).toBe(false);
});
