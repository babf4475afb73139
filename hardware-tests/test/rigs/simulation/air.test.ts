import type { PanEvents } from '@cpns/agent';
import { entityId, type Link } from '@cpns/shared';
import { VirtualClock } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import { SimulatedAir } from '../../../rigs/simulation/air.js';
import { Cable } from '../../../rigs/simulation/cable.js';

const never = new AbortController().signal;

function world() {
  const clock = new VirtualClock();
  const air = new SimulatedAir(clock);
  const station = async (name: string, address: string, room: string) => {
    const cable = new Cable();
    const accepted: Link[] = [];
    const sighted: string[] = [];
    const events: PanEvents = {
      accepted: (link) => accepted.push(link),
      sighted: ({ id, addresses }) => sighted.push(`${id} at ${addresses}`),
      lost: () => {},
      problem: () => {},
    };
    const technology = air.technology(entityId(name), undefined, { address, room, cable });
    await technology.start(events);
    return { technology, cable, accepted, sighted };
  };
  return { clock, station };
}

describe('the simulated air', () => {
  it('shows and connects those of one room, by their addresses', async () => {
    const { clock, station } = world();
    const phone = await station('phone', '10.77.0.1:7400', 'here');
    const board = await station('board', '10.77.0.2:7400', 'here');
    const stranger = await station('stranger', '10.77.0.3:7400', 'there');
    await clock.advance(10);
    expect([phone.sighted, board.sighted, stranger.sighted]).toEqual([['board at 10.77.0.2:7400'], ['phone at 10.77.0.1:7400'], []]);
    await phone.technology.dial(['10.77.0.2:7400'], never);
    await clock.advance(10);
    expect(board.accepted).toHaveLength(1);
    await expect(phone.technology.dial(['10.77.0.3:7400'], never)).rejects.toMatchObject({ code: 'NotNear' });
    expect(phone.technology.introduction('10.77.0.3:7400')).toBeUndefined();
  });

  it('lets nothing through a cable that is pulled, and leaves old links silent when it is back', async () => {
    const { clock, station } = world();
    const phone = await station('phone', '10.77.0.1:7400', 'here');
    const board = await station('board', '10.77.0.2:7400', 'here');
    const link = await phone.technology.dial(['10.77.0.2:7400'], never);
    await clock.advance(10);
    const heard: string[] = [];
    board.accepted[0]?.open({ frame: (octets) => heard.push(Buffer.from(octets).toString()), closed: () => heard.push('closed') });
    const say = async (text: string) => {
      link.send(Buffer.from(text));
      await clock.advance(10);
    };
    await say('before');
    board.cable.unplug();
    await say('meanwhile');
    await expect(phone.technology.dial(['10.77.0.2:7400'], never)).rejects.toMatchObject({ code: 'NotNear' });
    expect(phone.technology.introduction('10.77.0.2:7400')).toBeUndefined();
    board.cable.plug();
    await say('after');
    expect(heard).toEqual(['before']);
    expect(phone.technology.introduction('10.77.0.2:7400')).toMatchObject({ id: 'board' });
  });
});
