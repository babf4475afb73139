import type { RemoteInfo } from 'node:dgram';
import { VirtualClock } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import { isCheapToDecode, PacketGuard } from '../../../src/node/mdns/packet-guard.js';
import { loopback, wlan } from './networks.js';

/** A packet that says it has so many records. */
function packet(records: number, length = 100, fill = 0): Uint8Array {
  const octets = new Uint8Array(length).fill(fill);
  octets.fill(0, 0, 12);
  new DataView(octets.buffer).setUint16(6, records);
  return octets;
}
const from = (address: string): RemoteInfo => ({ address, family: 'IPv4', port: 5353, size: 100 });

describe('what is worth decoding', () => {
  it('is an ordinary packet', () => {
    expect(isCheapToDecode(packet(10))).toBe(true);
    expect(isCheapToDecode(packet(200, 8_000))).toBe(true);
  });

  it('is nothing too short, too long or with too many records', () => {
    expect(isCheapToDecode(new Uint8Array(11))).toBe(false);
    expect(isCheapToDecode(packet(1, 9_001))).toBe(false);
    expect(isCheapToDecode(packet(513))).toBe(false);
  });

  it('is nothing whose compression pointers could be followed for long', () => {
    expect(isCheapToDecode(packet(500, 9_000, 0xc0))).toBe(false);
  });
});

describe('the guard of one interface', () => {
  const guard = () => {
    const clock = new VirtualClock();
    return { clock, guard: new PacketGuard(clock, wlan, () => [loopback]) };
  };

  it('takes packets from its own link, and those of overlaid networks', () => {
    expect(guard().guard.admits(packet(1), from('192.0.2.50'))).toBe(true);
    expect(guard().guard.admits(packet(1), from('10.9.9.9'))).toBe(true);
    expect(guard().guard.admits(packet(1), from('fe80::5%wlan0'))).toBe(true);
  });

  it('leaves packets of other interfaces and of the internet alone', () => {
    expect(guard().guard.admits(packet(1), from('127.0.0.1'))).toBe(false);
    expect(guard().guard.admits(packet(1), from('8.8.8.8'))).toBe(false);
    expect(guard().guard.admits(packet(1), from('fe80::5%eth9'))).toBe(false);
  });

  it('bounds how many packets one source and all sources have decoded', async () => {
    const { guard: g, clock } = guard();
    const flood = (address: string, n: number) =>
      Array.from({ length: n }, () => g.admits(packet(1), from(address))).filter(Boolean).length;
    expect(flood('192.0.2.66', 5_000)).toBe(450);
    expect(g.admits(packet(1), from('192.0.2.67'))).toBe(true);
    expect(flood('192.0.2.68', 5_000) + flood('192.0.2.69', 5_000)).toBeLessThan(900);
    await clock.advance(1_000);
    expect(flood('192.0.2.66', 5_000)).toBe(150);
    expect(g.refused).toBeGreaterThan(10_000);
  });
});
