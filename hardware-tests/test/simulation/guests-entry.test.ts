import { pnIdText } from '@cpns/agent';
import type { CpnsError } from '@cpns/shared';
import { Status } from '@cpns/shared/messages';
import { describe, expect, it } from 'vitest';
import { never } from './household.js';
import { BOBS, DEN, HOME, type Neighbours, neighbours, WATCH } from './neighbours.js';

const WAYS = ['join', 'newcomer', 'invited by the PN GW', 'invited by a PNE'] as const;
type Way = (typeof WAYS)[number];

/** Ann's den and watch are in a PN; Bob's phone, paired with the den, is not. */
async function street(den: object, home: object) {
  const people = await neighbours({ devices: { [DEN]: { settings: den }, [HOME]: { settings: home } } });
  const { record } = await people.clock.run(people.watch.device.networks.establish({ type: 'one-to-one' }, DEN, () => {}, never()));
  await people.clock.advance(1_000);
  return { ...people, pnId: pnIdText(record.pnId) };
}

function enter({ den, watch, phone, pnId }: Neighbours & { pnId: ReturnType<typeof pnIdText> }, way: Way): Promise<unknown> {
  switch (way) {
    case 'join':
      return phone.device.networks.join(pnId, DEN, never());
    case 'newcomer':
      return phone.device.networks.register(pnId, DEN, never());
    case 'invited by the PN GW':
      return den.device.networks.invite(BOBS, pnId, never());
    case 'invited by a PNE':
      return watch.device.networks.invite(BOBS, pnId, never());
  }
}

const statusOf = async (attempt: Promise<unknown>) =>
  attempt.then(
    () => Status.Success,
    (error: CpnsError) => error.status ?? error.code,
  );

describe.each(WAYS)('a device of another user: %s', (way) => {
  it('comes in when both owners agree, and is charged to its own', async () => {
    const people = await street({ admit: 'always' }, { confirm: 'paired' });
    const { clock, den, phone, watch, server, pnId } = people;
    expect(await clock.run(statusOf(enter(people, way)))).toBe(Status.Success);
    await clock.advance(3_000);
    const all = [BOBS, DEN, WATCH].sort();
    expect(server.database.reads.pns.members(pnId).map(({ entityId }) => entityId)).toEqual([BOBS, WATCH].sort());
    for (const { device } of [den, phone, watch]) {
      const record = device.state.pn(pnId);
      expect(record?.members.map(({ entityId }) => entityId).sort()).toEqual(all);
      expect(record?.pnKeyEpoch).toBe(2);
    }
  });

  it('stays out when its own owner says no, and nothing of it is kept anywhere', async () => {
    const people = await street({ admit: 'always' }, { confirm: 'never' });
    const { clock, den, phone, server, pnId } = people;
    expect(await clock.run(statusOf(enter(people, way)))).toBe(Status.ConfirmFailed);
    await clock.advance(3_000);
    expect(server.database.reads.pns.members(pnId)).toHaveLength(1);
    expect(server.database.reads.pns.isPending(pnId, BOBS)).toBe(false);
    expect(den.device.state.pn(pnId)?.members).toHaveLength(2);
    expect(phone.device.state.pns()).toEqual([]);
    expect(den.device.linkTo(BOBS)?.hasPan(pnId)).toBe(false);
  });
});

describe('the owner of the PN GW', () => {
  it.each(['join', 'newcomer', 'invited by a PNE'] as const)('keeps a stranger out by saying no: %s', async (way) => {
    const people = await street({ admit: 'never' }, { confirm: 'paired' });
    const { clock, phone, server, pnId } = people;
    expect(await clock.run(statusOf(enter(people, way)))).toBe(Status.NotAuthorized);
    expect(server.database.reads.pns.members(pnId)).toHaveLength(1);
    expect(phone.device.state.pns()).toEqual([]);
  });

  it('is asked, and lets it in', async () => {
    const people = await street({ admit: 'ask' }, { confirm: 'paired' });
    const { clock, den } = people;
    const entering = statusOf(enter(people, 'join'));
    await clock.advance(1_000);
    const [question] = den.device.consents.list();
    expect(question).toMatchObject({ kind: 'admit', pne: BOBS });
    den.device.consents.answer(question?.consentId ?? '', true);
    expect(await clock.run(entering)).toBe(Status.Success);
  });
});
