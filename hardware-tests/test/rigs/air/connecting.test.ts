import { describe, expect, it } from 'vitest';
import { COMMAND, EVENT, LE_EVENT, ROLE, STATUS } from '../../../rigs/air/controller/hci.js';
import { addressOctets, u16 } from '../../../rigs/air/controller/octets.js';
import { ADDRESS, TestRoom } from './room.js';
import type { TestHost } from './test-host.js';

const reasons = (host: TestHost) => host.events(EVENT.disconnectionComplete).map((parameters) => parameters[3]);
const connections = (host: TestHost) => host.leEvents(LE_EVENT.connectionComplete);

describe('connections', () => {
  it('are made at the next advertisement and told to both hosts; the peripheral stops advertising', async () => {
    const room = new TestRoom();
    const [central, peripheral] = [room.host(1), room.host(2)];
    expect(central.connect(ADDRESS(2), { interval: 24, latency: 1, timeout: 100 })).toBe(STATUS.success);
    await room.clock.advance(1_000);
    expect(connections(central)).toEqual([]);
    peripheral.advertise();
    await room.clock.advance(0);
    const rest = [...u16(24), ...u16(1), ...u16(100), 0];
    const handle = u16(0x41);
    expect(connections(central)).toEqual([[0, ...handle, ROLE.central, 0, ...addressOctets(ADDRESS(2)), ...rest]]);
    expect(connections(peripheral)).toEqual([[0, ...handle, ROLE.peripheral, 0, ...addressOctets(ADDRESS(1)), ...rest]]);
    expect(peripheral.controller.advertiser.isOn).toBe(false);
    expect(central.connect(ADDRESS(2))).toBe(STATUS.connectionExists);
  });

  it('one controller is central of many and peripheral of one at once', async () => {
    const room = new TestRoom();
    const middle = room.host(1);
    const peripherals = [2, 3, 4, 5, 6, 7, 8].map((number) => room.host(number));
    for (const peripheral of peripherals) await room.connect(middle, peripheral);
    await room.connect(room.host(9), middle);
    expect(room.air.links).toHaveLength(8);
    expect(new Set(room.air.links.map(({ handle }) => handle)).size).toBe(8);
    expect(connections(middle).at(-1)?.[3]).toBe(ROLE.peripheral);
  });

  it('are refused when the controller has too many', async () => {
    const room = new TestRoom();
    const central = room.host(1, { mostLinks: 1 });
    await room.connect(central, room.host(2));
    expect(central.connect(ADDRESS(3))).toBe(STATUS.tooManyConnections);
    expect(central.ask(COMMAND.leEnableAdvertising, [1])).toEqual([STATUS.tooManyConnections]);
  });

  it('end with the reasons of HCI', async () => {
    const room = new TestRoom();
    const [central, peripheral] = [room.host(1), room.host(2)];
    const handle = await room.connect(central, peripheral);
    expect(central.begin(COMMAND.disconnect, [...u16(handle), STATUS.endedByRemoteUser])).toBe(STATUS.success);
    expect(reasons(central)).toEqual([STATUS.endedByLocalHost]);
    expect(reasons(peripheral)).toEqual([STATUS.endedByRemoteUser]);
    expect(room.air.links).toEqual([]);
    expect(central.begin(COMMAND.disconnect, [...u16(handle), STATUS.endedByRemoteUser])).toBe(STATUS.unknownConnection);
  });

  it('get new parameters, also a new supervision timeout', async () => {
    const room = new TestRoom();
    const [central, peripheral] = [room.host(1), room.host(2)];
    const handle = await room.connect(central, peripheral);
    const times = [...u16(8), ...u16(16), ...u16(2), ...u16(300), 0, 0, 0, 0];
    expect(central.begin(COMMAND.leUpdateConnection, [...u16(handle), ...times])).toBe(STATUS.success);
    for (const host of [central, peripheral])
      expect(host.leEvents(LE_EVENT.connectionUpdate)).toEqual([[0, ...u16(handle), ...u16(16), ...u16(2), ...u16(300)]]);
    room.air.cut({});
    await room.clock.advance(2_999);
    expect(reasons(central)).toEqual([]);
    await room.clock.advance(1);
    expect([reasons(central), reasons(peripheral)]).toEqual([[STATUS.supervisionTimeout], [STATUS.supervisionTimeout]]);
  });

  it('tell how loud the peer is', async () => {
    const room = new TestRoom();
    const [central, peripheral] = [room.host(1), room.host(2)];
    const handle = u16(await room.connect(central, peripheral));
    room.air.setRssi({ a: ADDRESS(1), b: ADDRESS(2) }, -71);
    expect(central.ask(COMMAND.readRssi, handle)).toEqual([0, ...handle, 256 - 71]);
    expect(peripheral.ask(COMMAND.readRssi, handle)).toEqual([0, ...handle, 256 - 71]);
  });

  it.each([
    ['a reset by its host', (host: TestHost) => host.command(COMMAND.reset)],
    ['a crash of its firmware', (host: TestHost) => host.controller.reset()],
    ['the end of its host', (host: TestHost) => host.controller.detach()],
  ])('end for the peer after the supervision timeout when the controller forgets them: %s', async (_name, forget) => {
    const room = new TestRoom();
    const [central, peripheral] = [room.host(1), room.host(2)];
    await room.connect(central, peripheral);
    forget(peripheral);
    await room.clock.advance(419);
    expect(reasons(central)).toEqual([]);
    await room.clock.advance(1);
    expect(reasons(central)).toEqual([STATUS.supervisionTimeout]);
    expect(reasons(peripheral)).toEqual([]);
    expect([room.air.links, room.clock.pending]).toEqual([[], 0]);
  });

  it('survive a short absence and end with a long one', async () => {
    const room = new TestRoom();
    const [central, peripheral] = [room.host(1), room.host(2)];
    await room.connect(central, peripheral);
    room.air.part({ a: ADDRESS(1), b: ADDRESS(2) });
    await room.clock.advance(400);
    room.air.meet({ a: ADDRESS(1), b: ADDRESS(2) });
    await room.clock.advance(1_000);
    expect(room.air.links).toHaveLength(1);
    room.air.part({ a: ADDRESS(1), b: ADDRESS(2) });
    await room.clock.advance(420);
    expect([reasons(central), reasons(peripheral)]).toEqual([[STATUS.supervisionTimeout], [STATUS.supervisionTimeout]]);
  });
});

describe('encryption', () => {
  const name = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
  const key = new Array<number>(16).fill(7);

  async function asked() {
    const room = new TestRoom();
    const [central, peripheral] = [room.host(1), room.host(2)];
    const handle = u16(await room.connect(central, peripheral));
    expect(central.begin(COMMAND.leEnableEncryption, [...handle, ...name, ...key])).toBe(STATUS.success);
    expect(peripheral.leEvents(LE_EVENT.keyRequest)).toEqual([[...handle, ...name]]);
    return { central, peripheral, handle };
  }

  it('begins when both have the same key', async () => {
    const { central, peripheral, handle } = await asked();
    expect(peripheral.ask(COMMAND.leReplyKey, [...handle, ...key])).toEqual([0, ...handle]);
    for (const host of [central, peripheral]) expect(host.events(EVENT.encryptionChange)).toEqual([[0, ...handle, 1]]);
    expect(peripheral.ask(COMMAND.leReplyKey, [...handle, ...key])).toEqual([STATUS.disallowed, ...handle]);
  });

  it('fails when the peripheral has no key', async () => {
    const { central, peripheral, handle } = await asked();
    expect(peripheral.ask(COMMAND.leRefuseKey, handle)).toEqual([0, ...handle]);
    expect(central.events(EVENT.encryptionChange)).toEqual([[STATUS.keyMissing, ...handle, 0]]);
    expect(peripheral.events(EVENT.encryptionChange)).toEqual([]);
  });

  it('ends the connection when the keys differ', async () => {
    const { central, peripheral, handle } = await asked();
    peripheral.command(COMMAND.leReplyKey, [...handle, ...key.slice(1), 8]);
    expect([reasons(central), reasons(peripheral)]).toEqual([[STATUS.micFailure], [STATUS.micFailure]]);
  });

  it('is not for the peripheral to begin', async () => {
    const { peripheral, handle } = await asked();
    expect(peripheral.begin(COMMAND.leEnableEncryption, [...handle, ...name, ...key])).toBe(STATUS.disallowed);
  });
});
