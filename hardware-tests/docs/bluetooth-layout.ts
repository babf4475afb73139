import { encodeCredit, encodeData, encodeHello, SEGMENT_BIT } from '@cpns/shared';
import { BLE_UUID, bleAdvertisingData, bleScanResponse, Mode } from '@cpns/shared/messages';
import { toHex } from '@cpns/shared/security';

const LINK_ID = Uint8Array.of(0xa1, 0xb2, 0xc3, 0xd4);
const TAG = 0xd4;
const content = Uint8Array.of(0xee, 0xff);
const bit = (value: number) => `\`0x${value.toString(16)}\``;
const row = (...cells: readonly string[]) => `| ${cells.join(' | ')} |`;

/** UUIDs, advertisement and segments of docs/protocol.md, with octets that the code itself made. */
export function bluetoothLayout(): string {
  const hint = Uint8Array.of(1, 2, 3, 4, 5, 6);
  const part = { tag: TAG, sequence: 5, last: false, frameLength: undefined, grant: 0, content };
  return [
    row('what', 'UUID', 'use'),
    '|---|---|---|',
    row('service', `\`${BLE_UUID.service}\``, 'primary, the only one'),
    row('to peripheral', `\`${BLE_UUID.toPeripheral}\``, 'write without response: segments'),
    row('to central', `\`${BLE_UUID.toCentral}\``, 'notify: segments'),
    row('entity id', `\`${BLE_UUID.entityId}\``, 'read: UTF-8 while the pairing window is open, empty otherwise'),
    '',
    row('on air', 'AD structures', 'example'),
    '|---|---|---|',
    row(
      'advertisement',
      'flags `06`; service data of a 128-bit UUID: the UUID, version (4 bits) · 0 · pairing open (1 bit) · Mode (2 bits), hint (6 octets)',
      `\`${toHex(bleAdvertisingData({ mode: Mode.PnGw, pairingOpen: true, hint }))}\``,
    ),
    row('scan response', 'complete list of 128-bit services', `\`${toHex(bleScanResponse())}\``),
    '',
    row('segment', 'octets', 'example'),
    '|---|---|---|',
    row('hello', `${bit(SEGMENT_BIT.first)} · version · window · link id (4)`, `\`${toHex(encodeHello(LINK_ID, 15))}\``),
    row('credit', `${bit(SEGMENT_BIT.grant)} · tag · credits`, `\`${toHex(encodeCredit(TAG, 8))}\``),
    row('data, within a frame', `${bit(SEGMENT_BIT.data)} + sequence · tag · content`, `\`${toHex(encodeData(part))}\``),
    row('... with credits', `... + ${bit(SEGMENT_BIT.grant)} · tag · credits · content`, `\`${toHex(encodeData({ ...part, grant: 3 }))}\``),
    row(
      '... first of a frame',
      `... + ${bit(SEGMENT_BIT.first)} · tag · length (2) · content`,
      `\`${toHex(encodeData({ ...part, frameLength: 300 }))}\``,
    ),
    row('... last of a frame', `... + ${bit(SEGMENT_BIT.last)} · tag · content`, `\`${toHex(encodeData({ ...part, last: true }))}\``),
    row(
      '... first and last, with credits',
      '... · tag · credits · length (2) · content',
      `\`${toHex(encodeData({ ...part, frameLength: 2, last: true, grant: 3 }))}\``,
    ),
  ].join('\n');
}
