import { describe, expect, it } from 'vitest';
import { COMMAND, STATUS } from '../../../rigs/air/controller/hci.js';
import { ADDRESS, TestRoom } from './room.js';

const room = () => {
  const made = new TestRoom();
  return { ...made, room: made, host: made.host(1) };
};

describe('commands of a virtual controller', () => {
  it('answer what a host asks about the controller', () => {
    const { host } = room();
    expect(host.ask(COMMAND.readAddress)).toEqual([0, 1, 0, 0, 0, 0, 0xc0]);
    expect(host.ask(COMMAND.readLocalVersion)).toEqual([0, 9, 0, 0, 9, 0xff, 0xff, 0, 0]);
    expect(host.ask(COMMAND.readLeHostSupport)).toEqual([0, 1, 0]);
    expect(host.ask(COMMAND.leReadFeatures)).toEqual([0, 1, 0, 0, 0, 0, 0, 0, 0]);
    expect(host.ask(COMMAND.leReadBufferSize)).toEqual([0, 251, 0, 8]);
    expect(host.ask(COMMAND.readBufferSize)).toEqual([0, 251, 0, 0, 8, 0, 0, 0]);
  });

  it('say which commands there are', () => {
    const [status, ...bits] = room().host.ask(COMMAND.readLocalCommands);
    expect(status).toBe(0);
    expect(bits).toHaveLength(64);
    // LE Create Connection is bit 4 of octet 26; extended scanning, bits 5 and 6 of octet 37, is not there.
    expect((bits[26] ?? 0) & 0x10).toBe(0x10);
    expect(bits[37]).toBe(0);
  });

  it.each([
    ['set event mask', COMMAND.setEventMask, 8],
    ['LE set event mask', COMMAND.leSetEventMask, 8],
    ['write LE host support', COMMAND.writeLeHostSupport, 2],
    ['reset', COMMAND.reset, 0],
  ])('%s is taken', (_name, opcode, octets) => {
    expect(room().host.ask(opcode, new Uint8Array(octets))).toEqual([0]);
  });

  it('that are unknown are refused', () => {
    expect(room().host.begin(0x2041)).toBe(STATUS.unknownCommand);
  });

  it('that are too short are refused', () => {
    for (const opcode of [COMMAND.leCreateConnection, COMMAND.disconnect, COMMAND.leSetAdvertisingParameters])
      expect(room().host.ask(opcode, [0])).toEqual([STATUS.invalidParameters]);
  });

  it('about an unknown connection are refused', () => {
    const { host } = room();
    expect(host.begin(COMMAND.disconnect, [0x40, 0, 0x13])).toBe(STATUS.unknownConnection);
    expect(host.begin(COMMAND.leUpdateConnection, [0x40, 0, ...new Array(12).fill(0)])).toBe(STATUS.unknownConnection);
    expect(host.begin(COMMAND.leEnableEncryption, [0x40, 0, ...new Array(26).fill(0)])).toBe(STATUS.unknownConnection);
    expect(host.ask(COMMAND.readRssi, [0x40, 0])).toEqual([STATUS.unknownConnection, 0x40, 0, 0]);
    expect(host.ask(COMMAND.leReplyKey, [0x40, 0, ...new Array(16).fill(0)])).toEqual([STATUS.unknownConnection, 0x40, 0]);
    expect(host.ask(COMMAND.leRefuseKey, [0x40, 0])).toEqual([STATUS.unknownConnection, 0x40, 0]);
  });

  it('refuse advertising data that is too long, and other parameters while advertising or scanning', () => {
    const { host } = room();
    expect(host.ask(COMMAND.leSetAdvertisingData, [32, ...new Array(32).fill(0)])).toEqual([STATUS.invalidParameters]);
    expect(host.ask(COMMAND.leSetScanResponse, [5, 0])).toEqual([STATUS.invalidParameters]);
    host.advertise();
    expect(host.ask(COMMAND.leSetAdvertisingParameters, new Uint8Array(15))).toEqual([STATUS.disallowed]);
    host.scan();
    expect(host.ask(COMMAND.leSetScanParameters, new Uint8Array(7))).toEqual([STATUS.disallowed]);
  });

  it('know no directed advertising and no accept list', () => {
    const { host } = room();
    expect(host.ask(COMMAND.leSetAdvertisingParameters, [160, 0, 160, 0, 1, ...new Array(10).fill(0)])).toEqual([STATUS.unsupported]);
    expect(host.begin(COMMAND.leCreateConnection, [96, 0, 48, 0, 1, ...new Array(20).fill(0)])).toBe(STATUS.unsupported);
  });

  it('give up a connection that was asked for, and only that', () => {
    const { host } = room();
    expect(host.ask(COMMAND.leCancelConnection)).toEqual([STATUS.disallowed]);
    expect(host.connect(ADDRESS(2))).toBe(STATUS.success);
    expect(host.connect(ADDRESS(3))).toBe(STATUS.disallowed);
    expect(host.ask(COMMAND.leCancelConnection)).toEqual([STATUS.success]);
    expect(host.leEvents(1).map(([status]) => status)).toEqual([STATUS.unknownConnection]);
    expect(host.connect(ADDRESS(3))).toBe(STATUS.success);
  });
});
