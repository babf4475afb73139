import { expect, it } from 'vitest';
import { type FromRadio, readFromRadio, readToRadio, type ToRadio } from '../../../../src/pan/ble/radio/messages.js';
import type { Radio } from '../../../../src/pan/ble/radio-port.js';

const address = 'c0:ff:ee:00:00:01';
const advertisement = { mode: 2, pairingOpen: true, hint: Uint8Array.of(1, 2, 3, 4, 5, 6) } as const;
const desire: Parameters<Radio['want']>[0] = { advertisement, readableId: 'sensor-1', scan: true, role: 'either' };

const toRadio: ToRadio[] = [
  { type: 'want', desire },
  { type: 'want', desire: { ...desire, advertisement: undefined, readableId: '' } },
  { type: 'connect', attempt: 1, address },
  { type: 'frame', link: 7, octets: new Uint8Array(16_428) },
  { type: 'taken', link: 7, weight: 16_428 },
  { type: 'stop' },
];
const fromRadio: FromRadio[] = [
  { type: 'advertised', address, advertisement, rssi: -70 },
  { type: 'failed', attempt: 1, family: 'Timeout', code: 'PeerSilent', sentence: 'Try again.' },
  { type: 'frame', link: 7, octets: Uint8Array.of(0) },
  { type: 'problem', sentence: undefined },
  { type: 'problem', sentence: 'There is no adapter.' },
];

it('reads what each side says', () => {
  for (const message of toRadio) expect(readToRadio(message)).toEqual(message);
  for (const message of fromRadio) expect(readFromRadio(message)).toEqual(message);
});

it.each<[string, unknown]>([
  ['nothing', undefined],
  ['a word of the other side', { type: 'ping' }],
  ['an empty frame', { type: 'frame', link: 7, octets: new Uint8Array(0) }],
  ['a frame that is too long', { type: 'frame', link: 7, octets: new Uint8Array(16_429) }],
  ['a frame that is no octets', { type: 'frame', link: 7, octets: [1] }],
  ['a link that cannot be', { type: 'heard', link: 0 }],
  ['an address that is none', { type: 'accepted', link: 7, address: '../../etc' }],
  ['more than belongs there', { type: 'pong', more: true }],
  ['an endless sentence', { type: 'problem', sentence: 'x'.repeat(1_001) }],
])('refuses %s of a radio', (_, message) => {
  expect(readFromRadio(message)).toBeUndefined();
});
