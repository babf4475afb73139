import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeAdapters } from '../../../rigs/air/adapter-list.js';
import { H4Reader } from '../../../rigs/air/controller/h4-reader.js';
import { addressOctets, addressText, isAddress, u16 } from '../../../rigs/air/controller/octets.js';
import { LongTermKeys } from '../../../rigs/air/transport/long-term-keys.js';
import { ManagementChannel } from '../../../rigs/air/transport/management-channel.js';

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

const key = (name: number, value: number) => [
  ...new Array(10).fill(0),
  name,
  name,
  ...new Array(8).fill(name),
  ...new Array(16).fill(value),
];
const keyList = (...keys: readonly number[][]) => Buffer.from([keys.length, 0, ...keys.flat()]);

describe('long term keys', () => {
  it('are those of the last list, the newest of a name first', () => {
    const keys = new LongTermKeys();
    const name = Buffer.alloc(10, 1);
    expect(keys.find(name)).toBeUndefined();
    keys.load(keyList(key(1, 5), key(2, 6), key(1, 7)));
    expect(keys.find(name)).toEqual(Buffer.alloc(16, 7));
    keys.load(keyList(key(2, 6)));
    expect(keys.find(name)).toBeUndefined();
  });

  it('of a list that is cut short are left out', () => {
    const keys = new LongTermKeys();
    keys.load(keyList(key(1, 5)).subarray(0, 30));
    expect(keys.find(Buffer.alloc(10, 1))).toBeUndefined();
  });
});

describe('the management channel', () => {
  let directory: string;
  const adapter = (index: number, isUp = true) => ({ index, isUp, address: `c0:00:00:00:00:0${index}`, socket: '' });
  const command = (opcode: number, index: number, parameters: Buffer = Buffer.alloc(0)) =>
    Buffer.concat([Buffer.from([...u16(opcode), ...u16(index), ...u16(parameters.length)]), parameters]);

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'cpns-host-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  /** The channel, and what it says next. */
  function open(keys = new LongTermKeys()) {
    const said: Buffer[] = [];
    let wake = () => {};
    const channel = new ManagementChannel(directory, keys, (packet) => {
      said.push(packet);
      wake();
    });
    const next = async () => {
      while (said.length === 0)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      return [...(said.shift() as Buffer)];
    };
    return { channel, next };
  }

  it('lists the adapters and tells the address and the power of each', async () => {
    writeAdapters(directory, [adapter(0), adapter(3, false)]);
    const { channel, next } = open();
    channel.command(command(0x0003, 0xffff));
    expect(await next()).toEqual([...u16(1), ...u16(0xffff), ...u16(9), 3, 0, 0, ...u16(2), ...u16(0), ...u16(3)]);
    for (const [index, powered] of [
      [0, 1],
      [3, 0],
    ] as const) {
      channel.command(command(0x0004, index));
      const answer = await next();
      expect(answer.slice(0, 9)).toEqual([...u16(1), ...u16(index), ...u16(283), 4, 0, 0]);
      expect(answer.slice(9, 15)).toEqual([index, 0, 0, 0, 0, 0xc0]);
      expect(answer.slice(22, 26)).toEqual([powered, 2, 0, 0]);
    }
  });

  it('refuses what it does not know', async () => {
    writeAdapters(directory, []);
    const { channel, next } = open();
    channel.command(Buffer.from([1]));
    channel.command(command(0x0004, 7));
    expect(await next()).toEqual([...u16(2), ...u16(7), ...u16(3), 4, 0, 0x11]);
    channel.command(command(0x0055, 0));
    expect(await next()).toEqual([...u16(2), ...u16(0), ...u16(3), 0x55, 0, 0x01]);
  });

  it('takes keys in', async () => {
    writeAdapters(directory, []);
    const keys = new LongTermKeys();
    const { channel, next } = open(keys);
    channel.command(command(0x0013, 0, keyList(key(1, 5))));
    expect(await next()).toEqual([...u16(1), ...u16(0), ...u16(3), 0x13, 0, 0]);
    expect(keys.find(Buffer.alloc(10, 1))).toEqual(Buffer.alloc(16, 5));
  });

  it('tells when adapters go, come, and are switched off', async () => {
    writeAdapters(directory, [adapter(0), adapter(1)]);
    const { channel, next } = open();
    channel.start();
    writeAdapters(directory, [adapter(0)]);
    expect(await next()).toEqual([...u16(5), ...u16(1), 0, 0]);
    writeAdapters(directory, [adapter(0), adapter(2)]);
    expect(await next()).toEqual([...u16(4), ...u16(2), 0, 0]);
    writeAdapters(directory, [adapter(0, false), adapter(2)]);
    expect(await next()).toEqual([...u16(6), ...u16(0), ...u16(4), 0, 2, 0, 0]);
    channel.stop();
  });
});
