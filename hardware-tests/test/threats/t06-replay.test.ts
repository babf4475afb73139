import { describe, expect, it } from 'vitest';
import type { Message } from '../../rigs/simulation/attacker.js';
import { disagreements } from '../../rigs/simulation/invariants/violations.js';
import { establishAtPhone, type Household, household, LAPTOP_ID, PHONE_ID } from '../simulation/household.js';

/** A link set up anew and a PN over it; and everything that was said meanwhile. */
async function run(home: Household) {
  const { attacker, air, clock } = home;
  air.sever(PHONE_ID, LAPTOP_ID);
  const from = attacker.seen.length;
  await clock.advance(5_000);
  const told = await establishAtPhone(home, { type: 'one-to-one' }).then(
    () => 'done',
    (error) => error.code as string,
  );
  await clock.advance(3_000);
  return { told, said: attacker.seen.slice(from) };
}

const between = ({ from, to }: Message) => [from, to].every((party) => [LAPTOP_ID, PHONE_ID, 'server'].includes(party));
const same = (one: Message, other: Message) => one.way === other.way && one.from === other.from && one.to === other.to;

const wrong = ({ server, laptop, phone, board }: Household) => disagreements({ server, devices: [laptop, phone, board] });

describe('T6 Replay of any handshake message', () => {
  it('each message of run 1, played in the place of its like in run 2, is accepted by nobody', async () => {
    let places = 1;
    let played = 0;
    for (let start = 0; start < places; start += 8) {
      const home = await household({}, { sessions: { acknowledgeTimeoutMs: 30_000, heartbeatMs: 60_000 } });
      const { attacker, clock } = home;
      const recorded = (await run(home)).said.filter(between);
      places = recorded.length;
      for (let place = start; place < Math.min(start + 8, places); place += place < 16 ? 1 : 2) {
        const old = recorded[place] as Message;
        const nth = recorded.slice(0, place + 1).filter((one) => same(one, old)).length;
        const like = (message: Message) => same(message, old);
        const attack = attacker.once(like, () => old.octets, nth);
        const { told } = await run(home);
        attacker.rest();
        await clock.advance(60_000);
        if (attack.done) played++;
        expect(wrong(home), `message ${place} of ${old.from} to ${old.to}: ${told}`).toEqual([]);
      }
    }
    expect(played).toBeGreaterThan(15);
  }, 60_000);

  it('everything of run 1 played once more beside run 2, or after it, changes nothing', async () => {
    const home = await household();
    const { attacker, clock, air } = home;
    const { said } = await run(home);
    const links = () => [home.phone.device.linkTo(LAPTOP_ID), home.laptop.device.linkTo(PHONE_ID)];
    const uplink = said.filter(({ way }) => way === 'uplink');
    let left = uplink.length;
    attacker.scheme = (message) => {
      if (message.way === 'uplink' && left > 0) attacker.replay(uplink[uplink.length - left--] as Message);
      return 'pass';
    };
    expect((await run(home)).told).toBe('done');
    for (const message of uplink) attacker.replay(message);
    await clock.advance(2_000);
    expect(home.phone.device.state.pns()).toHaveLength(2);
    expect(wrong(home)).toEqual([]);
    // A link of its own, over which the attacker plays what the phone said when it opened a link and set a PN up.
    const technology = air.technology('recorder' as typeof PHONE_ID);
    await technology.start({ sighted: () => {}, lost: () => {}, accepted: () => {}, problem: () => {} });
    const before = links();
    const link = await technology.dial([LAPTOP_ID], new AbortController().signal);
    link.open({ frame: () => {}, closed: () => {} });
    for (const { way, from, to, octets } of said) {
      if (way !== 'air' || from !== PHONE_ID || to !== LAPTOP_ID) continue;
      link.send(octets);
      await clock.advance(5);
    }
    await clock.advance(2_000);
    expect(links()).toEqual(before);
    expect(home.laptop.device.linkedPeers()).toHaveLength(2);
    expect(wrong(home)).toEqual([]);
  });
});
