import { describe, expect, it } from 'vitest';
import { endpoint, isOnLink, isPlausible, plainAddress } from '../../../src/node/mdns/addresses.js';
import { loopback, wlan } from './networks.js';

describe('addresses that a nearby device may have', () => {
  it.each(['192.0.2.77', '10.1.2.3', '172.16.0.9', '192.168.1.20', '169.254.3.4', 'fd00::5', 'fe80::1', 'fe80::1%wlan0', '2001:db8:1::9'])(
    '%s may be dialled',
    (address) => {
      expect(isPlausible(address, wlan)).toBe(true);
    },
  );

  it.each([
    '8.8.8.8',
    '2001:4860::8888',
    '127.0.0.1',
    '::1',
    '::ffff:127.0.0.1',
    '0.0.0.0',
    '::',
    '224.0.0.251',
    '255.255.255.255',
    'ff02::fb',
    'example.org',
    '',
  ])('%j is never dialled because of what somebody on the network said', (address) => {
    expect(isPlausible(address, wlan)).toBe(false);
  });

  it('means this computer only on its own loopback interface', () => {
    expect(isPlausible('127.0.0.1', loopback)).toBe(true);
    expect(isPlausible('::1', loopback)).toBe(true);
  });

  it('knows which addresses are on the link', () => {
    expect(isOnLink('192.0.2.200', wlan)).toBe(true);
    expect(isOnLink('::ffff:192.0.2.200', wlan)).toBe(true);
    expect(isOnLink('192.0.3.1', wlan)).toBe(false);
    expect(isOnLink('fe80::abcd%wlan0', wlan)).toBe(true);
  });

  it('writes endpoints that can be dialled', () => {
    expect(endpoint('192.0.2.7', 80, wlan)).toBe('192.0.2.7:80');
    expect(endpoint('2001:db8:1::9', 80, wlan)).toBe('[2001:db8:1::9]:80');
    expect(endpoint('fe80::1', 80, wlan)).toBe('[fe80::1%wlan0]:80');
    expect(endpoint('fe80::1%wlan0', 80, wlan)).toBe('[fe80::1%wlan0]:80');
    expect(plainAddress('::FFFF:1.2.3.4')).toBe('1.2.3.4');
  });
});
