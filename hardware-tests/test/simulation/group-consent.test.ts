import type { SgId } from '@cpns/shared';
import { describe, expect, it } from 'vitest';
import type { SimulatedDeviceOptions } from '../../rigs/simulation/device.js';
import { SPREAD_MS } from './groups.js';
import { BOARD_ID, establishAtPhone, household, LAPTOP_ID, never, PHONE_ID } from './household.js';

/** The phone owns a group with the laptop and asks the board in, where a person is to answer. */
async function asking() {
  const options: { board: Partial<SimulatedDeviceOptions> } = { board: {} };
  const home = await household(options);
  const { phone, clock, server } = home;
  await establishAtPhone(home, { type: 'all' });
  await clock.advance(2_000);
  options.board = { consent: 'ask' };
  const board = await home.restart(home.board);
  await clock.advance(20_000);
  await clock.run(phone.device.groups.create({ name: 'kitchen', members: [LAPTOP_ID] }, never()));
  const [group] = server.database.reads.groups.ofMember(PHONE_ID);
  const sgId = group?.sgId as SgId;
  await clock.advance(SPREAD_MS);
  const invited = phone.device.groups.invite(sgId, [BOARD_ID], never()).catch((error) => error);
  const open = () => board.device.consents.list();
  while (open().length === 0) await clock.advance(100);
  return { ...home, board, sgId, invited, open };
}

describe('a question to a person about a service group', () => {
  it('is there no more once its answer would change nothing, and a late answer hears that', async () => {
    const { board, phone, clock, sgId, invited, open } = await asking();
    const consentId = open()[0]?.consentId ?? '';
    await clock.run(phone.device.groups.release(sgId));
    await clock.advance(6_000);
    expect(open()).toEqual([]);
    expect(() => board.device.consents.answer(consentId, true)).toThrow(
      'nobody waits for the answer any more. This answer changes nothing.',
    );
    expect(await clock.run(invited)).toMatchObject({ code: 'Refused' });
  });

  it('is there no more once the server has stopped and started again', async () => {
    const { board, clock, server, open } = await asking();
    const consentId = open()[0]?.consentId ?? '';
    server.restart();
    await clock.advance(20_000);
    expect(open()).toEqual([]);
    expect(() => board.device.consents.answer(consentId, true)).toThrow('is over');
  });
});
