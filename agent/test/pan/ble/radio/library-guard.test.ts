import { describe, expect, it, vi } from 'vitest';
import { guardLibrary } from '../../../../src/pan/ble/radio/library-guard.js';

const OWN = 0x0041;
const OTHERS = 0x0042;
/** A command that writes three octets: readable. */
const READABLE = Uint8Array.of(0x52, 0x03, 0x00);
const acl = (handle: number) => Uint8Array.of(0x02, handle & 0xff, 0x20 | (handle >> 8), 7, 0, 3, 0, 4, 0, ...READABLE);
const completed = (...handles: readonly number[]) =>
  Uint8Array.of(0x04, 0x13, 1 + 4 * handles.length, handles.length, ...handles.flatMap((handle) => [handle & 0xff, handle >> 8, 1, 0]));

/** A library as the guard finds it, with what reaches its inside. */
function library(connection: object) {
  const read = vi.fn<(packet: Uint8Array) => void>();
  const take = vi.fn<(handle: number, channel: number, data: Uint8Array) => void>();
  const bindings = { onAclDataPkt: take, _hci: { onSocketData: read }, ...connection };
  guardLibrary({ _bindings: bindings });
  return { bindings, read, take };
}

describe.each([
  ['noble', { _aclStreams: { [OWN]: {} } }],
  ['bleno', { _handle: OWN }],
])('traffic for %s', (_name, connection) => {
  it('passes when it is of an own connection', () => {
    const { bindings, read } = library(connection);
    for (const packet of [acl(OWN), completed(OWN)]) bindings._hci.onSocketData(packet);
    expect(read).toHaveBeenCalledTimes(2);
  });

  it('is kept away when it is of a connection of the other library', () => {
    const { bindings, read } = library(connection);
    for (const packet of [acl(OTHERS), completed(OTHERS)]) bindings._hci.onSocketData(packet);
    expect(read).not.toHaveBeenCalled();
  });

  it('passes when it may concern it: of several connections, or any other event', () => {
    const { bindings, read } = library(connection);
    const others = [completed(OWN, OTHERS), Uint8Array.of(0x04, 0x3e, 0x01, 0x01)];
    for (const packet of others) bindings._hci.onSocketData(packet);
    expect(read).toHaveBeenCalledTimes(others.length);
  });

  it('is nobody’s before there is a connection', () => {
    const { bindings, read } = library('_handle' in connection ? { _handle: null } : { _aclStreams: {} });
    bindings._hci.onSocketData(acl(OWN));
    expect(read).not.toHaveBeenCalled();
  });
});

describe('what comes off the air', () => {
  it('reaches a library only when that can read it', () => {
    const { bindings, take } = library({ _handle: OWN });
    bindings.onAclDataPkt(OWN, 4, READABLE);
    bindings.onAclDataPkt(OWN, 4, Uint8Array.of(0x52));
    expect(take).toHaveBeenCalledTimes(1);
    bindings.onAclDataPkt(OWN, 6, Uint8Array.of(0x01));
    expect(take).toHaveBeenCalledTimes(2);
  });

  it('does not reach it as a piece of a packet that never began', () => {
    const { bindings, read } = library({ _handle: OWN });
    bindings._hci.onSocketData(Uint8Array.of(0x02, OWN, 0x10, 1, 0, 7));
    expect(read).not.toHaveBeenCalled();
  });

  it('does not end the process when a library throws at it', () => {
    const { bindings, read } = library({ _handle: OWN });
    const log = vi.spyOn(console, 'error').mockImplementation(() => {});
    read.mockImplementation(() => {
      throw new RangeError('offset is out of bounds');
    });
    expect(() => bindings._hci.onSocketData(acl(OWN))).not.toThrow();
    expect(log).toHaveBeenCalledTimes(1);
    log.mockRestore();
  });
});
