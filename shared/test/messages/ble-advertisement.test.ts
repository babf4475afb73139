import { describe, expect, it } from 'vitest';
import {
  BLE_UUID,
  bleAdvertisingData,
  bleScanResponse,
  decodeBleServiceData,
  encodeBleServiceData,
  Mode,
} from '../../src/messages/index.js';

const hint = Uint8Array.of(1, 2, 3, 4, 5, 6);

describe('the Bluetooth advertisement', () => {
  it('comes back as it was, in every mode', () => {
    for (const mode of Object.values(Mode)) {
      for (const pairingOpen of [false, true]) {
        const said = { mode, pairingOpen, hint };
        expect(decodeBleServiceData(encodeBleServiceData(said))).toEqual(said);
      }
    }
  });

  it('has one form: every other first octet and length is passed over', () => {
    const octets = encodeBleServiceData({ mode: Mode.Both, pairingOpen: true, hint });
    const accepted = Array.from({ length: 256 }, (_, head) => head).filter((head) => {
      octets[0] = head;
      return decodeBleServiceData(octets) !== undefined;
    });
    expect(accepted).toEqual([0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17]);
    for (let length = 0; length < 7; length++) expect(decodeBleServiceData(octets.slice(0, length))).toBeUndefined();
    expect(decodeBleServiceData(Uint8Array.of(0x10, ...hint, 0))).toBeUndefined();
    expect(() => encodeBleServiceData({ mode: Mode.Pne, pairingOpen: false, hint: hint.slice(1) })).toThrow(/6 octets/);
  });

  it('fits into legacy advertising, as a chain of AD structures', () => {
    const uuid = [...Buffer.from(BLE_UUID.service.replaceAll('-', ''), 'hex')].reverse();
    const data = bleAdvertisingData({ mode: Mode.PnGw, pairingOpen: true, hint });
    expect([...data]).toEqual([2, 0x01, 0x06, 24, 0x21, ...uuid, 0x16, ...hint]);
    expect(data).toHaveLength(28);
    expect([...bleScanResponse()]).toEqual([17, 0x07, ...uuid]);
  });
});
