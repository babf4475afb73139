import { groupKeyDelivery, relay } from '@cpns/shared/messages';
import { describe, expect, it } from 'vitest';
import { groupKey, groupOf, SPREAD_MS, whoHears } from '../simulation/groups.js';
import { BOARD_ID, establishAtPhone, type Household, household, LAPTOP_ID, never, PHONE_ID } from '../simulation/household.js';

/** Heartbeats come that often, so that a test does not last so long. */
const HEARTBEAT_MS = 10_000;
/** A device stops sending to its groups when three heartbeats have not come (security 1.8). */
const SILENT_AFTER_MS = 3 * 60_000;

/** Phone (owner), board and laptop, their PN GW, are in one group. */
async function inOneGroup() {
  const home = await household({}, { sessions: { heartbeatMs: HEARTBEAT_MS } });
  await establishAtPhone(home, { type: 'all' });
  await home.clock.advance(2_000);
  const sgId = await groupOf(home, home.phone, [home.board, home.laptop]);
  return { home, sgId };
}

/** The PN GW keeps some of what it should hand on to a PNE; gives how much. */
function withhold({ laptop }: Household, from: typeof PHONE_ID, ...numbers: readonly number[]): { count: number } {
  const link = laptop.device.linkTo(from);
  if (link === undefined) throw new Error('not linked');
  const kept = { count: 0 };
  const notify = link.exchange.notify.bind(link.exchange);
  link.exchange.notify = (type, body, ...rest) => {
    if (!numbers.includes((type as { number: number }).number)) return notify(type, body, ...rest);
    kept.count++;
    return true as never;
  };
  return kept;
}

describe('T27 a gateway that withholds a rekey', () => {
  it('only delays it: by the heartbeat a member knows that there is a newer epoch, and asks for its keys in its own session', async () => {
    const { home, sgId } = await inOneGroup();
    const before = groupKey(home.board, sgId);
    const kept = withhold(home, BOARD_ID, groupKeyDelivery.number);
    await home.clock.run(home.laptop.device.groups.leave(sgId));
    await home.clock.advance(SPREAD_MS + 2 * HEARTBEAT_MS);
    expect(kept.count).toBeGreaterThan(0);
    expect(groupKey(home.board, sgId)).not.toBe(before);
    expect(groupKey(home.board, sgId)).toBe(groupKey(home.phone, sgId));
    expect(await whoHears(home, home.phone, sgId, [home.board, home.laptop])).toEqual([BOARD_ID]);
  });

  it('together with every word of the server makes a member fall silent, which says why, so that nobody expelled hears it', async () => {
    const { home, sgId } = await inOneGroup();
    withhold(home, BOARD_ID, groupKeyDelivery.number, relay.number);
    await home.clock.run(home.phone.device.groups.expel(sgId, [LAPTOP_ID]));
    await home.clock.advance(SILENT_AFTER_MS + HEARTBEAT_MS);
    const said = whoHears(home, home.board, sgId, [home.phone, home.laptop]);
    await expect(said).rejects.toMatchObject({ code: 'GroupSilent', message: expect.stringMatching(/heartbeat|server/i) });
    expect(await whoHears(home, home.phone, sgId, [home.laptop])).toEqual([]);
  });

  it('does not silence those whom the server reaches', async () => {
    const { home, sgId } = await inOneGroup();
    await home.clock.advance(2 * SILENT_AFTER_MS);
    expect(await whoHears(home, home.board, sgId, [home.phone, home.laptop])).toEqual([PHONE_ID, LAPTOP_ID]);
    await home.clock.run(home.phone.device.groups.handOver(sgId, BOARD_ID, never()));
  });
});
