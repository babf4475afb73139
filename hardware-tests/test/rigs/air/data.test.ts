import { describe, expect, it } from 'vitest';
import { CHANNEL, EVENT, LE_EVENT, STATUS } from '../../../rigs/air/controller/hci.js';
import { u16 } from '../../../rigs/air/controller/octets.js';
import { ADDRESS, att, attHeard, TestRoom } from './room.js';
import type { TestHost } from './test-host.js';

const completed = (host: TestHost) => host.events(EVENT.completedPackets).map((parameters) => parameters[3]);
const reasons = (host: TestHost) => host.events(EVENT.disconnectionComplete).map((parameters) => parameters[3]);

async function linked(options: { readonly aclOctets?: number } = {}) {
  const room = new TestRoom();
  const [central, peripheral] = [room.host(1), room.host(2, options)];
  const handle = await room.connect(central, peripheral);
  return { room, ...room, central, peripheral, handle };
}

describe('data', () => {
  it('arrives in pieces as the controller of the receiver makes them', async () => {
    const { central, peripheral, handle } = await linked({ aclOctets: 27 });
    const payload = Array.from({ length: 60 }, (_, at) => at);
    central.write(handle, CHANNEL.att, payload, 20);
    const pieces = peripheral.acl();
    expect(pieces.map((piece) => piece.length - 5)).toEqual([27, 27, 10]);
    // Start from the controller, then continuations.
    expect(pieces.map((piece) => piece.readUInt16LE(1) >> 12)).toEqual([2, 1, 1]);
    expect([...Buffer.concat(pieces.map((piece) => piece.subarray(5)))]).toEqual([...u16(60), ...u16(CHANNEL.att), ...payload]);
    // 64 octets with the head, 20 in a packet.
    expect(completed(central)).toEqual([1, 1, 1, 1]);
  });

  it('that continues nothing or is longer than it says is left out', async () => {
    const { central, peripheral, handle } = await linked();
    central.controller.receive(Buffer.from([2, ...u16(handle | 0x1000), 2, 0, 1, 2]));
    central.controller.receive(Buffer.from([2, ...u16(handle), 6, 0, 1, 0, 4, 0, 1, 2]));
    central.controller.receive(Buffer.from([2, ...u16(0x0123), 5, 0, 1, 0, 4, 0, 1]));
    expect(peripheral.acl()).toEqual([]);
    att(central, handle, 9);
    expect(attHeard(peripheral)).toEqual([[9]]);
  });

  it('waits for a host that does not read, and the sender is not told that there is room', async () => {
    const { central, peripheral, handle } = await linked();
    peripheral.isReady = false;
    att(central, handle, 1);
    att(central, handle, 2);
    expect([attHeard(peripheral), completed(central)]).toEqual([[], []]);
    peripheral.isReady = true;
    peripheral.controller.hostIsReady();
    expect([attHeard(peripheral), completed(central)]).toEqual([
      [[1], [2]],
      [1, 1],
    ]);
  });

  it('waits for the return of the peer', async () => {
    const { room, central, peripheral, handle } = await linked();
    room.air.part({ a: ADDRESS(1) });
    att(central, handle, 1);
    await room.clock.advance(400);
    expect(attHeard(peripheral)).toEqual([]);
    room.air.meet({ a: ADDRESS(1) });
    expect(attHeard(peripheral)).toEqual([[1]]);
  });
});

describe('faults', () => {
  it('delay keeps the order', async () => {
    const { room, central, peripheral, handle } = await linked();
    room.air.faults.delay({ a: ADDRESS(1), b: ADDRESS(2) }, 30);
    att(central, handle, 1);
    await room.clock.advance(20);
    room.air.faults.delay({}, 5);
    att(central, handle, 2);
    await room.clock.advance(9);
    expect(attHeard(peripheral)).toEqual([]);
    await room.clock.advance(1);
    expect(attHeard(peripheral)).toEqual([[1], [2]]);
  });

  it('drop loses so many packets one way', async () => {
    const { room, central, peripheral, handle } = await linked();
    room.air.faults.drop({ from: ADDRESS(1) }, 2);
    for (const octet of [1, 2, 3]) att(central, handle, octet);
    att(peripheral, handle, 9);
    expect([attHeard(peripheral), attHeard(central)]).toEqual([[[3]], [[9]]]);
    // The sender's controller believes that they were heard.
    expect(completed(central)).toEqual([1, 1, 1]);
  });

  it('a cut at the third packet lets two through and ends the link after its timeout, once', async () => {
    const { room, central, peripheral, handle } = await linked();
    room.air.faults.cutAt({ b: ADDRESS(2) }, 3);
    att(central, handle, 1);
    att(peripheral, handle, 2);
    att(central, handle, 3);
    att(peripheral, handle, 4);
    expect([attHeard(peripheral), attHeard(central)]).toEqual([[[1]], [[2]]]);
    await room.clock.advance(420);
    expect([reasons(central), reasons(peripheral)]).toEqual([[STATUS.supervisionTimeout], [STATUS.supervisionTimeout]]);
    central.heard.length = peripheral.heard.length = 0;
    const again = await room.connect(central, peripheral);
    for (const octet of [1, 2, 3, 4]) att(central, again, octet);
    expect(attHeard(peripheral)).toHaveLength(4);
  });

  it('refuses connections with a status, so many', async () => {
    const room = new TestRoom();
    const [central, peripheral] = [room.host(1), room.host(2)];
    room.air.faults.refuse({ from: ADDRESS(1), to: ADDRESS(2) }, 1, STATUS.notEstablished);
    peripheral.advertise();
    central.connect(ADDRESS(2));
    await room.clock.advance(0);
    expect(central.leEvents(LE_EVENT.connectionComplete).map(([status]) => status)).toEqual([STATUS.notEstablished]);
    await room.connect(central, peripheral);
    expect(room.air.links).toHaveLength(1);
  });

  it('a cap lowers the MTU that hosts offer each other and nothing else', async () => {
    const { room, central, peripheral, handle } = await linked();
    room.air.faults.capMtu(23);
    att(central, handle, 0x02, 0x00, 0x01);
    att(peripheral, handle, 0x03, 0x00, 0x01);
    att(central, handle, 0x52, 0x00, 0x01);
    expect([attHeard(peripheral), attHeard(central)]).toEqual([
      [
        [0x02, 23, 0],
        [0x52, 0, 1],
      ],
      [[0x03, 23, 0]],
    ]);
    room.air.faults.clear();
    att(central, handle, 0x02, 0x00, 0x01);
    expect(attHeard(peripheral).at(-1)).toEqual([0x02, 0, 1]);
  });

  it('touch ATT only', async () => {
    const { room, central, peripheral, handle } = await linked();
    room.air.faults.drop({}, 1);
    room.air.faults.cutAt({}, 1);
    central.write(handle, 6, [1]);
    expect(peripheral.acl()).toHaveLength(1);
    expect(room.air.recorder.counters.attPackets).toBe(0);
  });
});
