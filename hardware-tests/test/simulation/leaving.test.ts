import { pnIdText } from '@cpns/agent';
import { capabilitiesQueryRequest, capabilitiesQueryResponse, decodeCapabilities, Mode, Status } from '@cpns/shared/messages';
import { describe, expect, it } from 'vitest';
import { LAPTOP, pairByCode } from '../../rigs/simulation/device.js';
import { disagreements } from '../../rigs/simulation/invariants/violations.js';
import { BOARD_ID, establishAtPhone, type Household, household, LAPTOP_ID, never, PHONE_ID, texts } from './household.js';

async function established(type: 'all' | 'one-to-one' = 'all') {
  const home = await household();
  const { record } = await establishAtPhone(home, { type });
  await home.clock.advance(1_000);
  return { home, pnId: pnIdText(record.pnId) };
}
const everybody = ({ laptop, phone, board }: Household) => [laptop, phone, board];
const membersOf = ({ server }: Household, pnId: ReturnType<typeof pnIdText>) =>
  server.database.reads.pns.members(pnId).map((member) => member.entityId as string);

describe('unpairing', () => {
  it('at the PN GW takes that PNE out of its PNs, and the others get a new PN key', async () => {
    const { home, pnId } = await established();
    await home.clock.run(home.laptop.device.unpair(BOARD_ID));
    await home.clock.advance(10_000);
    expect(membersOf(home, pnId)).toEqual(['phone']);
    expect(home.board.device.state.pns()).toEqual([]);
    expect(home.phone.device.state.pn(pnId)?.pnKeyEpoch).toBe(2);
    expect(disagreements({ server: home.server, devices: everybody(home) })).toEqual([]);
    expect(home.board.device.state.pairings().size).toBe(0);
  });

  it('at a PNE forgets the PNs of that PN GW, which takes it out', async () => {
    const { home, pnId } = await established();
    await home.clock.run(home.board.device.unpair(LAPTOP_ID));
    expect(home.board.device.state.pns()).toEqual([]);
    expect(home.board.store.keys('lk/')).toEqual([]);
    await home.clock.advance(10_000);
    expect(membersOf(home, pnId)).toEqual(['phone']);
    expect(disagreements({ server: home.server, devices: everybody(home) })).toEqual([]);
  });

  it('of the last PNE takes the PN with it', async () => {
    const { home } = await established('one-to-one');
    await home.clock.run(home.laptop.device.unpair(PHONE_ID));
    await home.clock.advance(10_000);
    expect(home.server.database.reads.pns.list()).toEqual([]);
    expect(disagreements({ server: home.server, devices: everybody(home) })).toEqual([]);
  });

  it('while the server is away is made good when it is back, even after a restart of the PN GW', async () => {
    for (const restarted of [false, true]) {
      const { home, pnId } = await established();
      home.server.goAway();
      await home.clock.advance(100);
      await home.clock.run(home.laptop.device.unpair(BOARD_ID));
      await home.clock.advance(30_000);
      expect(membersOf(home, pnId)).toContain('board');
      const laptop = restarted ? await home.restart(home.laptop) : home.laptop;
      home.server.reachable = true;
      await home.clock.advance(120_000);
      expect(membersOf(home, pnId)).toEqual(['phone']);
      expect(disagreements({ server: home.server, devices: [laptop, home.phone, home.board] })).toEqual([]);
    }
  });

  it('that the other device could not hear is told it when it is back', async () => {
    const { home, pnId } = await established();
    const { clock, board, laptop } = home;
    const store = board.powerCut();
    await clock.advance(10_000);
    await clock.run(laptop.device.unpair(BOARD_ID));
    expect(laptop.device.state.pairing(BOARD_ID)).toBeUndefined();
    await clock.advance(60_000);
    expect(membersOf(home, pnId)).toEqual(['phone']);
    const back = await home.start('board', { store });
    await clock.advance(10_000);
    expect([back.device.state.pairings().size, back.device.state.pns().length]).toEqual([0, 0]);
    expect([...laptop.store.keys('unpaired/'), ...back.store.keys('unpaired/')]).toEqual([]);
    expect(texts(back.happenings)).toContain('laptop is not paired any more.');
  });

  it('that a power cut interrupts is finished at the next start', async () => {
    const { home, pnId } = await established();
    const { board } = home;
    // Right after the pairing is deleted, before the PN is.
    board.deeds.atCommit(2, () => board.powerCut());
    board.device.unpair(LAPTOP_ID).catch(() => undefined);
    await home.clock.advance(100);
    const back = await home.start('board', { store: board.store.crash() });
    await home.clock.advance(30_000);
    expect(back.device.state.pns()).toEqual([]);
    expect(membersOf(home, pnId)).toEqual(['phone']);
  });
});

describe('a revoked device', () => {
  it('that was a PNE is out, knows it, and does not get in again', async () => {
    const { home, pnId } = await established();
    await home.clock.run(home.server.enabler.revokeDevice(BOARD_ID));
    await home.clock.advance(1_000);
    expect(home.board.device.state.pns()).toEqual([]);
    expect(membersOf(home, pnId)).toEqual(['phone']);
    await home.clock.advance(60_000);
    const again = home.board.device.networks.establish({ type: 'one-to-one' }, undefined, () => {}, never());
    await expect(home.clock.run(again)).rejects.toMatchObject({ status: Status.NotAuthorized });
    const { outcomes } = await establishAtPhone(home, { type: 'named', pnes: [BOARD_ID] });
    expect(outcomes).toContainEqual({ pne: BOARD_ID, status: Status.NotAuthorized });
  });

  it('that was PN GW leaves its PNs suspended; who unpairs it is rid of them', async () => {
    const { home } = await established();
    await home.clock.run(home.server.enabler.revokeDevice(LAPTOP_ID));
    await home.clock.advance(10_000);
    await expect(establishAtPhone(home, { type: 'all' })).rejects.toMatchObject({ status: Status.PeerUnreachable });
    await home.clock.run(home.phone.device.unpair(LAPTOP_ID));
    expect(home.phone.device.state.pns()).toEqual([]);
    await home.clock.advance(5_000);
    expect(home.phone.device.roles.mode).toBe(Mode.Unassigned);
  });
});

describe('a PN GW', () => {
  it('that is lost suspends the PN at its PNEs: messages wait, and go on when it is back', async () => {
    const { home, pnId } = await established();
    const { phone, laptop } = home;
    const store = laptop.powerCut();
    await home.clock.advance(10_000);
    expect(phone.device.linkTo(LAPTOP_ID)).toBeUndefined();
    const message = { pnId, channel: 'c', contentType: 't', payload: new Uint8Array(1) };
    const ids = [
      await phone.device.messenger.queue({ ...message, to: 'server' }),
      await phone.device.messenger.queue({ ...message, to: BOARD_ID }),
    ];
    await home.clock.advance(60_000);
    expect(phone.device.messenger.outbox.size.messages).toBe(2);
    const back = await home.start('laptop', { store });
    const outcomes = Promise.all(ids.map((id) => phone.device.messenger.outcome(id)));
    expect(await home.clock.run(outcomes)).toEqual([true, true]);
    expect(disagreements({ server: home.server, devices: [back, phone, home.board] })).toEqual([]);
  });

  it('whose subscription is refused is one no longer and says so; each of the others finds the same', async () => {
    const home = await household({}, { services: [] });
    const problems = ({ happenings }: Household['phone']) =>
      texts(happenings).filter((text) => text.includes('does not let this device be PN GW')).length;
    await home.clock.advance(30_000);
    for (const device of everybody(home)) {
      expect(device.device.roles.mode).toBe(Mode.Unassigned);
      expect(problems(device)).toBe(1);
      expect(device.device.roles.assignment.reason).toContain('subscription');
    }
    // A subscription can change: they try again after a while, and not all the time.
    await home.clock.advance(20 * 60_000);
    expect(everybody(home).map(problems)).toEqual([2, 2, 2]);
  });

  it('tells the server when its capabilities have changed', async () => {
    const home = await household();
    home.laptop.device.factsChanged({ ...LAPTOP, batteryPercent: 41 });
    await home.clock.advance(1_000);
    const octets = home.server.database.reads.devices.find(LAPTOP_ID)?.capabilities;
    expect(octets && decodeCapabilities(octets).batteryPercent).toBe(41);
  });

  it('asks a PNE about its capabilities for the server', async () => {
    const { home } = await established();
    const link = home.laptop.device.linkTo(PHONE_ID);
    const asked = link?.exchange.request(
      capabilitiesQueryRequest,
      { target: PHONE_ID },
      [capabilitiesQueryResponse],
      { kind: 'link' },
      { timeoutMs: 1_000 },
    );
    expect((await home.clock.run(asked ?? Promise.reject())).body).toMatchObject({ status: Status.Success });
  });

  it('serves several PNs of the same PNEs, apart from one another', async () => {
    const { home, pnId } = await established();
    const { record } = await establishAtPhone(home, { type: 'one-to-one' });
    await home.clock.advance(1_000);
    const other = pnIdText(record.pnId);
    expect(disagreements({ server: home.server, devices: everybody(home) })).toEqual([]);
    const { phone, board } = home;
    const message = { channel: 'c', contentType: 't', payload: new Uint8Array(1) };
    await expect(phone.device.messenger.queue({ ...message, pnId: undefined, to: LAPTOP_ID })).rejects.toMatchObject({ code: 'WhichPn' });
    for (const one of [pnId, other]) {
      const id = await phone.device.messenger.queue({ ...message, pnId: one, to: LAPTOP_ID });
      expect(await home.clock.run(phone.device.messenger.outcome(id))).toBe(true);
    }
    expect(home.laptop.received.map((received) => received.pnId)).toEqual([pnId, other]);
    const back = await home.restart(phone);
    await home.clock.advance(30_000);
    expect([pnId, other].map((one) => back.device.linkTo(LAPTOP_ID)?.hasPan(one))).toEqual([true, true]);
    expect(disagreements({ server: home.server, devices: [home.laptop, back, board] })).toEqual([]);
  });

  it('may be a PNE of another one: BOTH, and neither disturbs the other', async () => {
    const { home, pnId } = await established();
    const { clock, laptop, phone, board } = home;
    // The tablet is PN GW of its own before it meets the laptop.
    const tablet = await home.start('tablet', { facts: LAPTOP });
    const watch = await home.start('watch');
    await pairByCode(clock, tablet, watch);
    await clock.advance(5_000);
    expect(tablet.device.roles.mode).toBe(Mode.PnGw);
    await pairByCode(clock, tablet, laptop);
    await clock.advance(5_000);
    const { record } = await clock.run(watch.device.networks.establish({ type: 'named', pnes: [LAPTOP_ID] }, undefined, () => {}, never()));
    await clock.advance(2_000);
    expect(laptop.device.roles.mode).toBe(Mode.Both);
    const other = pnIdText(record.pnId);
    const message = { channel: 'c', contentType: 't', payload: new Uint8Array(1) };
    const sent = [
      [laptop, await laptop.device.messenger.queue({ ...message, pnId: other, to: 'server' })],
      [laptop, await laptop.device.messenger.queue({ ...message, pnId, to: PHONE_ID })],
      [watch, await watch.device.messenger.queue({ ...message, pnId: other, to: LAPTOP_ID })],
      [phone, await phone.device.messenger.queue({ ...message, pnId, to: LAPTOP_ID })],
    ] as const;
    expect(await clock.run(Promise.all(sent.map(([{ device }, id]) => device.messenger.outcome(id))))).toEqual([true, true, true, true]);
    const back = await home.restart(laptop);
    await clock.advance(60_000);
    expect(back.device.roles.mode).toBe(Mode.Both);
    expect(disagreements({ server: home.server, devices: [back, phone, board, tablet, watch] })).toEqual([]);
  });
});
