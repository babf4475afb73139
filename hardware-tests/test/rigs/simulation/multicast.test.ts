import { VirtualClock } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import { Cable } from '../../../rigs/simulation/cable.js';
import { Multicast } from '../../../rigs/simulation/multicast.js';

function world() {
  const clock = new VirtualClock();
  const multicast = new Multicast(clock);
  const join = (address: string, room = 'room') => {
    const host = { address, room, cable: new Cable() };
    const network = multicast.network(host);
    const socket = network.createSocket({ type: 'udp4' });
    const heard: string[] = [];
    socket.on('message', (octets, { address: from }) => heard.push(`${octets} of ${from}`));
    socket.addMembership('224.0.0.251');
    const say = (text: string) => socket.send(Buffer.from(text), 0, text.length, 5353, '224.0.0.251', () => {});
    return { host, network, socket, heard, say };
  };
  return { clock, join };
}

describe('the simulated multicast', () => {
  it('reaches everybody in the room and the sender, and nobody elsewhere', async () => {
    const { clock, join } = world();
    const [a, b, c] = [join('10.77.0.1'), join('10.77.0.2'), join('10.77.0.3', 'another room')];
    a.say('hello');
    await clock.advance(10);
    expect([a.heard, b.heard, c.heard]).toEqual([['hello of 10.77.0.1'], ['hello of 10.77.0.1'], []]);
  });

  it('goes through no cable that is pulled, at either end', async () => {
    const { clock, join } = world();
    const [a, b] = [join('10.77.0.1'), join('10.77.0.2')];
    a.host.cable.unplug();
    a.say('one');
    b.say('two');
    await clock.advance(10);
    expect([a.heard, b.heard]).toEqual([['one of 10.77.0.1'], ['two of 10.77.0.2']]);
    a.host.cable.plug();
    a.say('three');
    await clock.advance(10);
    expect(b.heard.at(-1)).toBe('three of 10.77.0.1');
  });

  it('neither hears nor carries a program that is gone', async () => {
    const { clock, join } = world();
    const [a, b] = [join('10.77.0.1'), join('10.77.0.2')];
    a.network.end();
    a.say('from beyond');
    b.say('anybody?');
    await clock.advance(10);
    expect([a.heard, b.heard]).toEqual([[], ['anybody? of 10.77.0.2']]);
  });

  it('shows a computer its own address only', () => {
    const { network } = world().join('10.77.0.9');
    expect(network.interfaces()).toMatchObject({ sim0: [{ address: '10.77.0.9', cidr: '10.77.0.9/24' }] });
  });
});
