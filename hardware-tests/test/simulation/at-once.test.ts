import { pnIdText } from '@cpns/agent';
import type { PnId } from '@cpns/shared';
import { Mode } from '@cpns/shared/messages';
import { describe, expect, it } from 'vitest';
import { LAPTOP, pairByCode } from '../../rigs/simulation/device.js';
import { disagreements } from '../../rigs/simulation/invariants/violations.js';
import { BOARD_ID, establishAtPhone, type Household, household, LAPTOP_ID, never, PHONE_ID } from './household.js';

async function established(type: 'all' | 'one-to-one' = 'all') {
  const home = await household();
  const { record } = await establishAtPhone(home, { type });
  await home.clock.advance(1_000);
  return { home, pnId: pnIdText(record.pnId) };
}
const wrongIn = ({ server, laptop, phone, board }: Household, devices = [laptop, phone, board]) => disagreements({ server, devices });
const membersOf = ({ server }: Household, pnId: PnId) => server.database.reads.pns.members(pnId).map((member) => member.entityId as string);
/** What came of things that were asked for in the same moment. */
const outcomes = (home: Household, ...asked: readonly Promise<unknown>[]) =>
  home.clock.run(Promise.allSettled(asked)).then((settled) => settled.map(({ status }) => status));

describe('asked for at once,', () => {
  it('two invitations of one device let it in once', async () => {
    const { home, pnId } = await established('one-to-one');
    const { laptop, phone, board } = home;
    const said = await outcomes(
      home,
      laptop.device.networks.invite(BOARD_ID, pnId, never()),
      phone.device.networks.invite(BOARD_ID, pnId, never()),
    );
    expect(said.filter((outcome) => outcome === 'fulfilled')).toHaveLength(1);
    await home.clock.advance(10_000);
    expect(membersOf(home, pnId)).toEqual(['board', 'phone']);
    expect(board.device.state.pn(pnId)).toBeDefined();
    expect(wrongIn(home)).toEqual([]);
  });

  it('an invitation and a join of one device let it in at most once; who hears that it is busy may ask again', async () => {
    const { home, pnId } = await established('one-to-one');
    const { clock, laptop, board } = home;
    await outcomes(home, laptop.device.networks.invite(BOARD_ID, pnId, never()), board.device.networks.join(pnId, undefined, never()));
    await clock.advance(30_000);
    expect(wrongIn(home)).toEqual([]);
    if (board.device.state.pn(pnId) === undefined) await clock.run(board.device.networks.join(pnId, undefined, never()));
    await clock.advance(5_000);
    expect(membersOf(home, pnId)).toEqual(['board', 'phone']);
    expect(wrongIn(home)).toEqual([]);
  });

  it('leaving during a release ends with nobody in the PN', async () => {
    for (const first of ['leave', 'release'] as const) {
      const { home, pnId } = await established();
      const { laptop, board } = home;
      const ask = { leave: () => board.device.networks.leave(pnId), release: () => laptop.device.networks.release(pnId) };
      const asked = first === 'leave' ? [ask.leave(), ask.release()] : [ask.release(), ask.leave()];
      await outcomes(home, ...asked);
      await home.clock.advance(90_000);
      expect(home.server.database.reads.pns.list()).toEqual([]);
      expect([laptop, home.phone, board].map(({ device }) => device.state.pns().length)).toEqual([0, 0, 0]);
      expect(wrongIn(home)).toEqual([]);
    }
  });

  it('two releases, and a release and an expulsion, end the PN', async () => {
    for (const other of ['release', 'expel'] as const) {
      const { home, pnId } = await established();
      const { laptop, phone } = home;
      const second = other === 'release' ? phone.device.networks.release(pnId) : laptop.device.networks.expel(BOARD_ID, pnId);
      await outcomes(home, laptop.device.networks.release(pnId), second);
      await home.clock.advance(90_000);
      expect(home.server.database.reads.pns.list()).toEqual([]);
      expect(wrongIn(home)).toEqual([]);
    }
  });

  it('leaving and expelling the same device take it out once', async () => {
    const { home, pnId } = await established();
    const { laptop, board } = home;
    await outcomes(home, board.device.networks.leave(pnId), laptop.device.networks.expel(BOARD_ID, pnId));
    await home.clock.advance(30_000);
    expect(membersOf(home, pnId)).toEqual(['phone']);
    expect(home.server.database.reads.pns.find(pnId)).toMatchObject({ version: 2, keyEpoch: 2 });
    expect(wrongIn(home)).toEqual([]);
  });

  it('everybody leaving ends the PN', async () => {
    const { home, pnId } = await established();
    const said = await outcomes(home, home.board.device.networks.leave(pnId), home.phone.device.networks.leave(pnId));
    expect(said).toEqual(['fulfilled', 'fulfilled']);
    await home.clock.advance(10_000);
    expect(home.server.database.reads.pns.list()).toEqual([]);
    expect(wrongIn(home)).toEqual([]);
  });

  it('a join during a restart of the PN GW is carried out or is not, the same everywhere', async () => {
    for (const afterMs of [0, 5, 20, 60, 200]) {
      const { home, pnId } = await established('one-to-one');
      const { clock, board } = home;
      const joining = board.device.networks.join(pnId, undefined, never()).catch(() => undefined);
      await clock.advance(afterMs);
      const store = home.laptop.powerCut();
      await clock.advance(2_000);
      const laptop = await home.start('laptop', { store });
      await clock.run(joining);
      await clock.advance(240_000);
      const devices = [laptop, home.phone, board];
      expect(wrongIn(home, devices)).toEqual([]);
      expect(membersOf(home, pnId).includes('board')).toBe(board.device.state.pn(pnId) !== undefined);
      if (board.device.state.pn(pnId) === undefined) await clock.run(board.device.networks.join(pnId, undefined, never()));
      await clock.advance(5_000);
      expect(membersOf(home, pnId)).toEqual(['board', 'phone']);
    }
  });
});

describe('a device in BOTH mode', () => {
  it('leaves the PN of another PN GW, and its own goes on; it releases its own, and is PNE still', async () => {
    const { home, pnId } = await established();
    const { clock, laptop, phone, board, server } = home;
    const tablet = await home.start('tablet', { facts: LAPTOP });
    const watch = await home.start('watch');
    await pairByCode(clock, tablet, watch);
    await clock.advance(5_000);
    await pairByCode(clock, tablet, laptop);
    await clock.advance(5_000);
    const setup = { type: 'named', pnes: [LAPTOP_ID] } as const;
    const establish = () => clock.run(watch.device.networks.establish(setup, undefined, () => {}, never()));
    const devices = [laptop, phone, board, tablet, watch];
    const other = pnIdText((await establish()).record.pnId);
    await clock.advance(2_000);
    expect(laptop.device.roles.mode).toBe(Mode.Both);
    expect(await clock.run(laptop.device.networks.leave(undefined))).toBe(other);
    await clock.advance(2_000);
    expect(laptop.device.roles.mode).toBe(Mode.PnGw);
    expect(disagreements({ server, devices })).toEqual([]);
    await establish();
    await clock.advance(2_000);
    await expect(laptop.device.networks.release(undefined)).rejects.toMatchObject({ code: 'WhichPn' });
    await clock.run(laptop.device.networks.release(pnId));
    await clock.advance(2_000);
    expect(laptop.device.state.pns()).toHaveLength(1);
    expect(phone.device.state.pns()).toEqual([]);
    expect(disagreements({ server, devices })).toEqual([]);
  });

  it('expels from one of its PNs, and the other one with the same PNEs goes on', async () => {
    const { home, pnId } = await established();
    const { clock, laptop, board } = home;
    const other = pnIdText((await establishAtPhone(home, { type: 'all' })).record.pnId);
    await clock.advance(1_000);
    await expect(laptop.device.networks.expel(BOARD_ID, undefined)).rejects.toMatchObject({ code: 'WhichPn' });
    await clock.run(laptop.device.networks.expel(BOARD_ID, pnId));
    await clock.advance(2_000);
    expect(board.device.state.pns().map((record) => pnIdText(record.pnId))).toEqual([other]);
    expect(laptop.device.linkTo(BOARD_ID)?.hasPan(other)).toBe(true);
    expect(membersOf(home, pnId)).toEqual([PHONE_ID as string]);
    expect(wrongIn(home)).toEqual([]);
  });
});
