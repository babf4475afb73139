import { describe, expect, it } from 'vitest';
import { H4Reader } from '../../../rigs/air/controller/h4-reader.js';
import { addressOctets, addressText, isAddress } from '../../../rigs/air/controller/octets.js';
import { LongTermKeys } from '../../../rigs/air/transport/long-term-keys.js';

describe('H4', () => {
  it('is cut into packets wherever the stream was cut', () => {
    const packets = [
      [1, 3, 0x0c, 0],
      [4, 0x0e, 2, 7, 8],
      [2, 0x40, 0, 3, 0, 1, 2, 3],
    ];
    const stream = Buffer.from(packets.flat());
    for (let size = 1; size <= stream.length; size++) {
      const read: number[][] = [];
      const reader = new H4Reader((packet) => read.push([...packet]));
      for (let at = 0; at < stream.length; at += size) reader.push(stream.subarray(at, at + size));
      expect(read).toEqual(packets);
    }
  });

  it('that is something else is an error', () => {
    expect(() => new H4Reader(() => {}).push(Buffer.from([9]))).toThrow('No HCI packet begins with octet 9');
  });
});

describe('addresses', () => {
  it('are written highest octet first and sent lowest first', () => {
    expect(addressText(Buffer.from([1, 2, 3, 4, 5, 0xc0]))).toBe('c0:05:04:03:02:01');
    expect([...addressOctets('c0:05:04:03:02:01')]).toEqual([1, 2, 3, 4, 5, 0xc0]);
    expect(['c0:05:04:03:02:01', 'C0:05:04:03:02:01', 'c0:05:04:03:02'].map(isAddress)).toEqual([true, false, false]);
  });
});

describe('the management channel', () => {
  const load = (...keys: readonly number[][]) =>
    Buffer.from([0x13, 0, 0, 0, ...length(2 + keys.length * 36), keys.length, 0, ...keys.flat()]);
  const length = (octets: number) => [octets & 0xff, octets >> 8];
  const key = (name: number, value: number) => [
    ...new Array(10).fill(0),
    name,
    name,
    ...new Array(8).fill(name),
    ...new Array(16).fill(value),
  ];

  it('keeps the keys of the last list', () => {
    const keys = new LongTermKeys();
    const name = Buffer.alloc(10, 1);
    expect(keys.find(name)).toBeUndefined();
    keys.manage(load(key(1, 5), key(2, 6), key(1, 7)));
    expect(keys.find(name)).toEqual(Buffer.alloc(16, 7));
    keys.manage(load(key(2, 6)));
    expect(keys.find(name)).toBeUndefined();
  });

  it('ignores other and broken commands', () => {
    const keys = new LongTermKeys();
    keys.manage(Buffer.from([0x05, 0, 0, 0, 1, 0, 1]));
    keys.manage(load(key(1, 5)).subarray(0, 30));
    expect(keys.find(Buffer.alloc(10, 1))).toBeUndefined();
  });
});
