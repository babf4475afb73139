import { pnIdText } from '@cpns/agent';
import { type CpnsError, entityId, type PnId } from '@cpns/shared';
import { PneState, pneRegistrationRequest, Status } from '@cpns/shared/messages';
import { describe, expect, it } from 'vitest';
import { pairByCode } from '../../rigs/simulation/device.js';
import { BOARD_ID, establishAtPhone, type Household, household, LAPTOP_ID, logs, never, PHONE_ID, views } from './household.js';
import { another, Liar } from './liar.js';

type Way = 'join' | 'newcomer' | 'invited by the PN GW' | 'invited by a PNE';
const WAYS: readonly Way[] = ['join', 'newcomer', 'invited by the PN GW', 'invited by a PNE'];

/** Phone and laptop are in a PN; the board, paired with the laptop, is not. */
async function home(options: Parameters<typeof household>[0] = {}) {
  const household_ = await household(options);
  const { record } = await establishAtPhone(household_, { type: 'one-to-one' });
  await household_.clock.advance(1_000);
  return { ...household_, pnId: pnIdText(record.pnId) };
}

/** The board comes into the PN. */
function enter({ phone, laptop, board }: Household, pnId: PnId, way: Way): Promise<unknown> {
  switch (way) {
    case 'join':
      return board.device.networks.join(pnId, undefined, never());
    case 'newcomer':
      return board.device.networks.register(undefined, undefined, never());
    case 'invited by the PN GW':
      return laptop.device.networks.invite(BOARD_ID, undefined, never());
    case 'invited by a PNE':
      return phone.device.networks.invite(BOARD_ID, undefined, never());
  }
}

const ALL = ['board', 'laptop', 'phone'];
const INSIDE = { server: ['board', 'phone'], gateway: ALL, pnes: [ALL, ALL], epochs: [2, 2, 2] };

describe.each(WAYS)('the board comes into a PN: %s', (way) => {
  it('with a session, the PN key, and its hop protected', async () => {
    const house = await home();
    const { clock, board, laptop, phone, pnId, server } = house;
    await clock.run(enter(house, pnId, way)).catch((error) => {
      throw new Error(`${error.code} ${error.message}\n${logs(house)}`);
    });
    await clock.advance(3_000);
    expect(views(house, pnId, phone, board), logs(house)).toEqual(INSIDE);
    expect(board.device.linkTo(LAPTOP_ID)?.hasPan(pnId)).toBe(true);
    expect(board.device.hasServerSession(pnId)).toBe(true);
    const localKeys = [laptop.device.state.localEuKey(pnId, BOARD_ID), board.device.state.localEuKey(pnId, LAPTOP_ID)];
    expect(localKeys[0]?.key).toBeDefined();
    expect(localKeys[1]?.key).toEqual(localKeys[0]?.key);
    const keys = [laptop, phone, board].map(({ device }) => device.state.pn(pnId)?.pnKey);
    expect(keys[0]).toBeDefined();
    expect(keys[1]).toEqual(keys[0]);
    expect(keys[2]).toEqual(keys[0]);
    expect(server.database.reads.pns.member(pnId, BOARD_ID)?.state).toBe(PneState.Member);
  });

  it('and can talk with the others at once', async () => {
    const house = await home();
    const { clock, board, phone, pnId } = house;
    await clock.run(enter(house, pnId, way));
    await clock.advance(3_000);
    const message = { to: PHONE_ID, pnId, channel: 'c', contentType: 'text/plain', payload: new Uint8Array([1]) };
    const id = await board.device.messenger.queue(message);
    expect(await clock.run(board.device.messenger.outcome(id))).toBe(true);
    expect(phone.received).toHaveLength(1);
  });
});

const NOBODY = { server: ['phone'], gateway: ['laptop', 'phone'] };
const statusOf = async (attempt: Promise<unknown>) =>
  attempt.then(
    () => Status.Success,
    (error: CpnsError) => error.status ?? error.code,
  );

describe('nobody comes in', () => {
  async function remainsOut(house: Awaited<ReturnType<typeof home>>) {
    await house.clock.advance(3_000);
    expect(views(house, house.pnId, house.phone)).toMatchObject(NOBODY);
    expect(house.board.device.state.pns()).toEqual([]);
    expect(house.board.device.linkTo(LAPTOP_ID)?.hasPan(house.pnId) ?? false).toBe(false);
  }

  it.each(['invited by the PN GW', 'invited by a PNE'] as const)('who refuses: %s', async (way) => {
    const house = await home({ board: { consent: 'never' } });
    expect(await house.clock.run(statusOf(enter(house, house.pnId, way)))).toBe(Status.Rejected);
    await remainsOut(house);
  });

  it.each(['invited by the PN GW', 'invited by a PNE'] as const)('who never answers: %s', async (way) => {
    const house = await home({ board: { consent: 'ask' } });
    expect(await house.clock.run(statusOf(enter(house, house.pnId, way)))).toBe(Status.Rejected);
    await remainsOut(house);
  });

  it('whom nobody knows, or who is away', async () => {
    const house = await home();
    const { clock, phone, laptop, board } = house;
    const stranger = entityId('stranger');
    expect(await clock.run(statusOf(laptop.device.networks.invite(stranger, undefined, never())))).toBe(Status.NotAuthorized);
    await board.device.stop();
    await clock.advance(10_000);
    expect(await clock.run(statusOf(phone.device.networks.invite(BOARD_ID, undefined, never())))).toBe(Status.PeerUnreachable);
  });

  it('into a PN that nobody offers, or twice', async () => {
    const house = await home();
    const { clock, phone, board, laptop, pnId } = house;
    const unknown = '00000000000000000000000000000000' as PnId;
    expect(await clock.run(statusOf(board.device.networks.join(unknown, undefined, never())))).toBe('NoSuchPn');
    expect(await clock.run(statusOf(board.device.networks.join(unknown, LAPTOP_ID, never())))).toBe(Status.UnknownPn);
    expect(await clock.run(statusOf(phone.device.networks.join(pnId, undefined, never())))).toBe(Status.AlreadyMember);
    expect(await clock.run(statusOf(laptop.device.networks.invite(PHONE_ID, undefined, never())))).toBe(Status.AlreadyMember);
    await remainsOut(house);
  });

  it('whom the server does not challenge, and that waits for nothing any more', async () => {
    const liar = new Liar();
    const house = await home({ board: { provider: liar.provider } });
    // Its hello was changed on the way.
    liar.about(pneRegistrationRequest.number, [2, 10], another);
    expect(await house.clock.run(statusOf(enter(house, house.pnId, 'newcomer')))).toBe(Status.AuthFailed);
    expect(house.server.database.reads.pns.isPending(house.pnId, BOARD_ID)).toBe(false);
    await remainsOut(house);
  });

  it('while the PN GW cannot reach the server; afterwards it works', async () => {
    const house = await home();
    const { clock, server, board, pnId } = house;
    server.crash();
    await clock.advance(1_000);
    expect(await clock.run(statusOf(board.device.networks.join(pnId, LAPTOP_ID, never())))).not.toBe(Status.Success);
    server.restart();
    await clock.advance(60_000);
    await remainsOut(house);
    await clock.run(board.device.networks.join(pnId, undefined, never()));
  });
});

it('two who bring the same device at once have one outcome', async () => {
  const house = await home();
  const { clock, phone, laptop, board, pnId } = house;
  const ways = [
    laptop.device.networks.invite(BOARD_ID, undefined, never()),
    phone.device.networks.invite(BOARD_ID, undefined, never()),
    board.device.networks.join(pnId, LAPTOP_ID, never()),
  ];
  const statuses = await clock.run(Promise.all(ways.map(statusOf)));
  expect(statuses.filter((status) => status === Status.Success)).toHaveLength(1);
  await clock.advance(3_000);
  expect(views(house, pnId, phone, board), logs(house)).toEqual(INSIDE);
});

it('a device that left comes in again under the same CPNS ID', async () => {
  const house = await home();
  const { clock, phone, board, laptop, pnId, server } = house;
  await clock.run(board.device.networks.join(pnId, undefined, never()));
  await clock.advance(2_000);
  const { cpnsId } = server.database.reads.devices.find(BOARD_ID) ?? {};
  await clock.run(board.device.networks.leave(pnId));
  await clock.advance(2_000);
  expect(views(house, pnId, phone)).toMatchObject(NOBODY);
  await clock.run(board.device.networks.join(pnId, undefined, never()));
  await clock.run(laptop.device.networks.expel(BOARD_ID, pnId));
  await clock.advance(2_000);
  expect(views(house, pnId, phone)).toMatchObject(NOBODY);
  await clock.run(laptop.device.networks.invite(BOARD_ID, pnId, never()));
  await clock.advance(3_000);
  expect(views(house, pnId, phone, board)).toMatchObject({ server: ['board', 'phone'], gateway: ALL, pnes: [ALL, ALL] });
  expect(server.database.reads.devices.find(BOARD_ID)?.cpnsId).toBe(cpnsId);
});

it('members who are not shown one another are not told who came', async () => {
  const house = await home({ laptop: { settings: { shareMembers: false } } });
  const { clock, phone, board, pnId } = house;
  await clock.run(board.device.networks.join(pnId, undefined, never()));
  await clock.advance(3_000);
  expect(views(house, pnId, phone, board)).toMatchObject({
    server: ['board', 'phone'],
    gateway: ALL,
    pnes: [
      ['laptop', 'phone'],
      ['board', 'laptop'],
    ],
  });
});

it('a member registers anew: a new session, the same PN, nobody is asked', async () => {
  const house = await home();
  const { clock, phone, pnId } = house;
  await clock.run(phone.device.networks.register(pnId, undefined, never()));
  await clock.advance(2_000);
  expect(views(house, pnId, phone)).toEqual({ ...NOBODY, pnes: [['laptop', 'phone']], epochs: [1, 1] });
  expect(phone.device.hasServerSession(pnId)).toBe(true);
});

it('a PN Setup of more PNEs than one PN Registration holds has the rest invited', { timeout: 120_000 }, async () => {
  const house = await household({ laptop: { limits: { links: 64 } } });
  const { clock, laptop, phone, start, server } = house;
  const more = 33;
  for (let i = 0; i < more; i++) {
    const lamp = await start(`lamp-${i}`);
    await clock.advance(5_000);
    await pairByCode(clock, laptop, lamp);
  }
  await clock.advance(5_000);
  const { record, outcomes } = await establishAtPhone(house, { type: 'all' });
  expect(outcomes.filter(({ status }) => status === Status.Success)).toHaveLength(32);
  expect(outcomes.filter(({ status }) => status === Status.Pending)).toHaveLength(more + 2 - 32);
  await clock.advance(30_000);
  expect(server.database.reads.pns.members(pnIdText(record.pnId))).toHaveLength(more + 2);
  expect(phone.device.state.pn(pnIdText(record.pnId))?.members).toHaveLength(more + 3);
});

it('a PNE learns from the server that its subscription lets it be PN GW', async () => {
  const house = await home({ phone: { services: [] }, board: { services: [] } });
  const { clock, phone, board, pnId } = house;
  expect(phone.device.roles.score.missing.join()).not.toContain('subscription');
  expect(board.device.roles.score.missing.join()).toContain('subscription');
  await clock.run(enter(house, pnId, 'join'));
  await clock.advance(1_000);
  expect(board.device.roles.score.missing.join()).not.toContain('subscription');
});
