import { pnIdText } from '@cpns/agent';
import { Mode, PneState, Status } from '@cpns/shared/messages';
import { describe, expect, it } from 'vitest';
import { never } from './household.js';
import { BOB, BOBS, DEN, HOME, type NeighbourOptions, type Neighbours, neighbours, WATCH } from './neighbours.js';

/** Ann sets up a PN at the den, with these. */
function establishAtDen({ den }: Neighbours, pnes = [BOBS]) {
  const under = den.device.networks.establish({ type: 'named', pnes }, undefined, () => {}, never());
  under.catch(() => {});
  return under;
}

const byRule: NeighbourOptions = { devices: { [HOME]: { settings: { confirm: 'paired' } } } };

function nothingIsKept({ den, phone, server }: Neighbours) {
  for (const { device, store } of [den, phone]) {
    expect(device.state.pns()).toEqual([]);
    expect(store.keys('lk/')).toEqual([]);
  }
  expect(server.database.reads.pns.list()).toEqual([]);
}

describe('PN establishment across users (seed 004)', () => {
  it('asks the person at PN GW #1, and lets the guest in', async () => {
    const story = await neighbours();
    const { clock, den, home, phone, server } = story;
    expect([den, home, phone].map(({ device }) => device.roles.mode)).toEqual([Mode.PnGw, Mode.PnGw, Mode.Pne]);
    const under = establishAtDen(story);
    await clock.advance(3_000);
    const [question] = home.device.consents.list();
    expect(question).toMatchObject({ kind: 'confirm', pne: BOBS, gateway: DEN, gatewayUser: 'ann', paired: true });
    expect(server.database.reads.pns.list()).toEqual([]);
    home.device.consents.answer(question?.consentId ?? '', true);
    const { record, outcomes } = await clock.run(under);
    expect(outcomes).toEqual([{ pne: BOBS, status: Status.Success }]);
    await clock.advance(1_000);
    const pnId = pnIdText(record.pnId);
    expect(server.database.reads.pns.member(pnId, BOBS)).toMatchObject({ userId: BOB, state: PneState.Member });
    expect(phone.device.state.pn(pnId)).toMatchObject({ gateway: DEN, pnKeyEpoch: 1 });
    expect(
      den.device.state
        .pn(pnId)
        ?.members.map(({ entityId }) => entityId)
        .sort(),
    ).toEqual([BOBS, DEN].sort());
  });

  it('goes by a rule where no person is', async () => {
    const story = await neighbours(byRule);
    const { outcomes } = await story.clock.run(establishAtDen(story, [BOBS, WATCH]));
    expect(outcomes.map(({ pne, status }) => [pne, status]).sort()).toEqual([
      [BOBS, Status.Success],
      [WATCH, Status.Success],
    ]);
    expect(story.home.device.consents.list()).toEqual([]);
  });

  it.each<[string, NeighbourOptions, Status]>([
    ['a rule says no', { devices: { [HOME]: { settings: { confirm: 'never' } } } }, Status.ConfirmFailed],
    ['the subscription cannot be charged', { ...byRule, chargeable: false }, Status.NotChargeable],
  ])('keeps nothing anywhere when %s', async (_what, options, status) => {
    const story = await neighbours(options);
    await expect(story.clock.run(establishAtDen(story))).rejects.toMatchObject({ code: 'NobodyLeft', status });
    await story.clock.advance(5_000);
    nothingIsKept(story);
  });

  it('keeps nothing when the person at PN GW #1 says no, or nothing', async () => {
    const story = await neighbours();
    for (const answers of [true, false]) {
      const under = establishAtDen(story);
      await story.clock.advance(3_000);
      const [question] = story.home.device.consents.list();
      if (answers) story.home.device.consents.answer(question?.consentId ?? '', false);
      await expect(story.clock.run(under)).rejects.toMatchObject({ status: Status.ConfirmFailed });
      await story.clock.advance(5_000);
      nothingIsKept(story);
    }
  });

  it('keeps nothing when PN GW #1 is off, or goes off meanwhile', async () => {
    const story = await neighbours();
    const under = establishAtDen(story);
    await story.clock.advance(3_000);
    await story.home.device.stop();
    await expect(story.clock.run(under)).rejects.toMatchObject({ status: Status.PeerUnreachable });
    await expect(story.clock.run(establishAtDen(story))).rejects.toMatchObject({ status: Status.PeerUnreachable });
    await story.clock.advance(5_000);
    nothingIsKept(story);
  });

  it('goes on with those of the own user', async () => {
    const story = await neighbours({ devices: { [HOME]: { settings: { confirm: 'never' } } } });
    const { record, outcomes } = await story.clock.run(establishAtDen(story, [BOBS, WATCH]));
    expect(outcomes).toContainEqual({ pne: BOBS, status: Status.ConfirmFailed });
    await story.clock.advance(1_000);
    expect(story.server.database.reads.pns.members(pnIdText(record.pnId)).map(({ entityId }) => entityId)).toEqual([WATCH]);
    expect(story.phone.device.state.pns()).toEqual([]);
    expect(story.phone.store.keys('lk/')).toEqual([]);
  });

  it('with a PNE as initiator the owner of the PN GW decides about guests first', async () => {
    const settings = { confirm: 'paired', admit: 'never' } as const;
    const story = await neighbours({ devices: { [HOME]: { settings }, [DEN]: { settings } } });
    const { clock, phone, watch, den } = story;
    const atWatch = await clock.run(watch.device.networks.establish({ type: 'all' }, undefined, () => {}, never()));
    expect(atWatch.outcomes).toContainEqual({ pne: BOBS, status: Status.NotAuthorized });
    const atPhone = () => clock.run(phone.device.networks.establish({ type: 'one-to-one' }, DEN, () => {}, never()));
    await expect(atPhone()).rejects.toMatchObject({ status: Status.NotAuthorized });
    expect(phone.device.state.pns()).toEqual([]);
    expect(den.device.state.pns()).toHaveLength(1);
  });

  it('with a guest as initiator it needs the yes of both owners', async () => {
    const { clock, den, home, phone } = await neighbours({ devices: { [DEN]: { settings: { admit: 'ask' } } } });
    const under = phone.device.networks.establish({ type: 'one-to-one' }, DEN, () => {}, never());
    await clock.advance(3_000);
    const [admission] = den.device.consents.list();
    expect(admission).toMatchObject({ kind: 'admit', pne: BOBS, gateway: DEN });
    den.device.consents.answer(admission?.consentId ?? '', true);
    await clock.advance(3_000);
    const [confirmation] = home.device.consents.list();
    expect(confirmation).toMatchObject({ kind: 'confirm', pne: BOBS });
    home.device.consents.answer(confirmation?.consentId ?? '', true);
    expect((await clock.run(under)).outcomes).toEqual([{ pne: BOBS, status: Status.Success }]);
  });
});
