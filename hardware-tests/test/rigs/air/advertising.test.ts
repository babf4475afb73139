import { describe, expect, it } from 'vitest';
import { ADVERTISING, COMMAND, LE_EVENT } from '../../../rigs/air/controller/hci.js';
import { addressOctets } from '../../../rigs/air/controller/octets.js';
import { ADDRESS, TestRoom } from './room.js';
import type { TestHost } from './test-host.js';

const reports = (host: TestHost) => host.leEvents(LE_EVENT.advertisingReport);
const types = (host: TestHost) => reports(host).map(([, type]) => type);

describe('advertising and scanning', () => {
  it('an active scanner hears advertisement and scan response at every interval', async () => {
    const room = new TestRoom();
    const [advertiser, scanner] = [room.host(1), room.host(2)];
    advertiser.command(COMMAND.leSetScanResponse, [2, 8, 9]);
    advertiser.advertise([1, 2, 3]);
    scanner.scan();
    await room.clock.advance(0);
    const address = [...addressOctets(ADDRESS(1))];
    expect(reports(scanner)).toEqual([
      [1, ADVERTISING.connectable, 0, ...address, 3, 1, 2, 3, 256 - 60],
      [1, ADVERTISING.scanResponse, 0, ...address, 2, 8, 9, 256 - 60],
    ]);
    // 160 units of 0.625 ms.
    await room.clock.advance(99);
    expect(types(scanner)).toHaveLength(2);
    await room.clock.advance(1);
    expect(types(scanner)).toHaveLength(4);
    advertiser.command(COMMAND.leEnableAdvertising, [0]);
    await room.clock.advance(1_000);
    expect(types(scanner)).toHaveLength(4);
  });

  it('a passive scanner hears no scan response, and nobody asks a deaf advertiser', async () => {
    const room = new TestRoom();
    const [one, two, passive, active] = [room.host(1), room.host(2), room.host(3), room.host(4)];
    one.advertise();
    passive.scan({ active: false });
    await room.clock.advance(0);
    expect(types(passive)).toEqual([ADVERTISING.connectable]);
    one.command(COMMAND.leEnableAdvertising, [0]);
    two.advertise([], ADVERTISING.deaf);
    active.scan();
    await room.clock.advance(0);
    expect(types(active)).toEqual([ADVERTISING.deaf]);
  });

  it('filters what was heard since scanning was switched on', async () => {
    const room = new TestRoom();
    const [advertiser, scanner] = [room.host(1), room.host(2)];
    advertiser.advertise();
    scanner.scan({ active: false, filter: true });
    await room.clock.advance(500);
    expect(types(scanner)).toHaveLength(1);
    scanner.scan({ active: false, filter: true });
    await room.clock.advance(500);
    expect(types(scanner)).toHaveLength(2);
  });

  it('nobody hears itself, who is apart, or while its host does not read', async () => {
    const room = new TestRoom();
    const [one, two] = [room.host(1), room.host(2)];
    one.advertise();
    one.scan();
    two.scan();
    room.air.part({ a: ADDRESS(1), b: ADDRESS(2) });
    await room.clock.advance(500);
    expect([...reports(one), ...reports(two)]).toEqual([]);
    room.air.meet({ a: ADDRESS(1), b: ADDRESS(2) });
    two.isReady = false;
    await room.clock.advance(500);
    expect(reports(two)).toEqual([]);
    two.isReady = true;
    room.air.setRssi({ a: ADDRESS(2) }, -80);
    await room.clock.advance(100);
    expect(reports(two).map((report) => report.at(-1))).toEqual([256 - 80, 256 - 80]);
  });

  it('ends with a reset of the host and with the host', async () => {
    const room = new TestRoom();
    const [advertiser, scanner] = [room.host(1), room.host(2)];
    scanner.scan({ active: false });
    advertiser.advertise();
    advertiser.command(COMMAND.reset);
    await room.clock.advance(500);
    expect(types(scanner)).toHaveLength(0);
    advertiser.advertise();
    await room.clock.advance(0);
    expect(types(scanner)).toHaveLength(1);
    advertiser.controller.detach();
    await room.clock.advance(500);
    expect(types(scanner)).toHaveLength(1);
    expect(room.clock.pending).toBe(0);
  });

  it('knows no two controllers with one address', () => {
    const room = new TestRoom();
    room.host(1);
    expect(() => room.host(1)).toThrow('two controllers');
  });
});
