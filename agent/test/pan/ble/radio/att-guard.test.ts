import { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isReadableAtt } from '../../../../src/pan/ble/radio/att-guard.js';

interface NobleGatt extends EventEmitter {
  onAclStreamData(channel: number, data: Buffer): void;
  exchangeMtu(): void;
  discoverServices(uuids: readonly string[]): void;
}
interface BlenoGatt {
  onAclStreamData(channel: number, data: Buffer): void;
  setAclStream(stream: EventEmitter): void;
}

const require = createRequire(import.meta.url);
const load = <T>(module: string): T | undefined => {
  try {
    return require(module) as T;
  } catch {
    return undefined;
  }
};
const Noble = load<new (address: string, stream: EventEmitter) => NobleGatt>('@abandonware/noble/lib/hci-socket/gatt.js');
const Bleno = load<new () => BlenoGatt>('@abandonware/bleno/lib/hci-socket/gatt.js');

const ATT = 4;
const OPCODES = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 16, 17, 18, 19, 22, 23, 24, 25, 27, 29, 30, 82];
const pdu = fc
  .tuple(fc.oneof(fc.constantFrom(...OPCODES), fc.nat(255)), fc.uint8Array({ maxLength: 40 }))
  .map(([opcode, rest]) => Buffer.from([opcode, ...rest]));
const stream = () => Object.assign(new EventEmitter(), { write: () => {}, encrypt: () => {} });

describe.skipIf(Noble === undefined || Bleno === undefined)('what the libraries are given', () => {
  it('can be read by bleno', () => {
    const run = fc.property(fc.array(pdu, { maxLength: 20 }), (pdus) => {
      const gatt = new (Bleno as NonNullable<typeof Bleno>)();
      gatt.setAclStream(stream());
      for (const octets of pdus.filter(isReadableAtt)) gatt.onAclStreamData(ATT, octets);
    });
    fc.assert(run, { numRuns: 500 });
  });

  it('never keeps noble busy for ever', () => {
    const run = fc.property(fc.array(pdu, { maxLength: 20 }), (pdus) => {
      const gatt = new (Noble as NonNullable<typeof Noble>)('c0:ff:ee:00:00:01', stream());
      gatt.exchangeMtu();
      gatt.discoverServices([]);
      for (const octets of pdus.filter(isReadableAtt)) {
        try {
          gatt.onAclStreamData(ATT, octets);
        } catch {
          // Caught by the guard around the library; what counts is that it came back.
        }
      }
    });
    fc.assert(run, { numRuns: 500 });
  });
});

it.each<[string, number[]]>([
  ['nothing', []],
  ['an unknown opcode', [0xff, 0, 0, 0, 0, 0, 0, 0]],
  ['a write without handle', [82, 1]],
  ['an MTU below the least', [3, 5, 0]],
  ['a list of services without length', [17, 0, 1, 0, 2, 0, 0, 24]],
  ['a list of characteristics that its length does not divide', [9, 7, 1, 2, 3, 4, 5, 6]],
])('is not %s', (_, octets) => {
  expect(isReadableAtt(Uint8Array.from(octets))).toBe(false);
});

it('is what honest devices say', () => {
  expect(isReadableAtt(Uint8Array.of(2, 0, 1))).toBe(true);
  expect(isReadableAtt(Uint8Array.of(17, 6, 1, 0, 2, 0, 0, 24))).toBe(true);
  expect(isReadableAtt(Uint8Array.of(82, 1, 0))).toBe(true);
});
