import type { PanEvents } from '@cpns/agent';
import { entityId, type Link } from '@cpns/shared';
import { VirtualClock } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import type { DeviceHandle } from '../../../rigs/rig.js';
import { SimulatedAir } from '../../../rigs/simulation/air.js';
import { SimulatedAttacker } from '../../../rigs/simulation/simulated-attacker.js';

const PHONE = entityId('phone');
const LAPTOP = entityId('laptop');
const DOOR = '10.77.0.9:7400';

/** What one end of a link has received. */
function listen(link: Link) {
  const received: string[] = [];
  const state = { received, closed: false };
  link.open({
    frame: (octets) => received.push(Buffer.from(octets).toString('latin1')),
    closed: () => {
      state.closed = true;
    },
  });
  return state;
}

/** A phone that reaches a laptop through mallory only. */
async function attacked() {
  const clock = new VirtualClock();
  const air = new SimulatedAir(clock);
  const mallory = new SimulatedAttacker('mallory', DOOR, air, clock);
  const accepted: Link[] = [];
  const events = (link: (one: Link) => void): PanEvents => ({ accepted: link, sighted: () => {}, lost: () => {}, problem: () => {} });
  const laptop = air.technology(LAPTOP, undefined, { address: '10.77.0.2:7400', room: 'room' });
  const phone = air.technology(PHONE, undefined, { address: '10.77.0.3:7400', room: mallory.room });
  await laptop.start(events((link) => accepted.push(link)));
  await phone.start(events(() => {}));
  await mallory.aim({ id: LAPTOP } as DeviceHandle);
  const dial = async () => {
    const near = await phone.dial([DOOR], new AbortController().signal);
    await clock.advance(10);
    const far = accepted.at(-1) as Link;
    return { near, far, atPhone: listen(near), atLaptop: listen(far) };
  };
  const says = async (link: Link, text: string) => {
    link.send(Buffer.from(text));
    await clock.advance(10);
  };
  return { clock, mallory, phone, dial, says, accepted };
}

describe('the simulated attacker', () => {
  it('answers in the name of the one it is aimed at, who cannot be reached past it', async () => {
    const { phone } = await attacked();
    expect(phone.introduction(DOOR)).toMatchObject({ id: LAPTOP });
    expect(phone.introduction('10.77.0.2:7400')).toBeUndefined();
    await expect(phone.dial(['10.77.0.2:7400'], new AbortController().signal)).rejects.toMatchObject({ code: 'NotNear' });
  });

  it('passes on what it sees, and counts it', async () => {
    const { mallory, dial, says } = await attacked();
    const { near, far, atPhone, atLaptop } = await dial();
    await says(near, 'up');
    await says(far, 'down');
    await says(far, 'again');
    expect([atLaptop.received, atPhone.received]).toEqual([['up'], ['down', 'again']]);
    expect(await mallory.seen()).toEqual({ out: 1, in: 2, links: 1 });
  });

  it('flips one bit in as many frames as it was told, one way', async () => {
    const { mallory, dial, says } = await attacked();
    const { near, far, atPhone, atLaptop } = await dial();
    await mallory.alter('out', 1);
    await says(near, 'abcdefgh');
    await says(near, 'abcdefgh');
    await says(far, 'abcdefgh');
    expect(atLaptop.received[0]).not.toBe('abcdefgh');
    expect(atLaptop.received[1]).toBe('abcdefgh');
    expect(atPhone.received).toEqual(['abcdefgh']);
  });

  it('repeats what went one way, on the same link and on one of its own', async () => {
    const { clock, mallory, dial, says, accepted } = await attacked();
    const { near, far, atPhone, atLaptop } = await dial();
    await says(near, 'up');
    await says(far, 'down');
    expect(await mallory.replay('out')).toBe(1);
    expect(await mallory.replay('in')).toBe(1);
    await clock.advance(10);
    expect([atLaptop.received, atPhone.received]).toEqual([
      ['up', 'up'],
      ['down', 'down'],
    ]);
    const pretended = mallory.impersonate();
    await clock.advance(10);
    const own = accepted.at(-1) as Link;
    expect(own).not.toBe(far);
    const heard = listen(own);
    await says(own, 'who are you?');
    expect(heard.received).toEqual(['up']);
    expect(await clock.run(pretended)).toEqual({ sent: 1, answers: 1 });
  });

  it('cuts the present link, which both ends notice, and has none then', async () => {
    const { clock, mallory, dial } = await attacked();
    const { atPhone, atLaptop } = await dial();
    await mallory.cut();
    await clock.advance(10);
    expect([atPhone.closed, atLaptop.closed]).toEqual([true, true]);
    expect(await mallory.replay('out')).toBe(0);
  });
});
