import { formatHostPort, isHostPort, parseHostPort } from '@cpns/shared';
import { describe, expect, it } from 'vitest';

describe('HOST:PORT', () => {
  it.each([
    ['cpns.example.org:8883', { host: 'cpns.example.org', port: 8883 }],
    ['127.0.0.1:1', { host: '127.0.0.1', port: 1 }],
    ['[2001:db8::1]:65535', { host: '2001:db8::1', port: 65535 }],
    ['[::ffff:10.0.0.1]:80', { host: '::ffff:10.0.0.1', port: 80 }],
  ])('%s', (text, address) => {
    expect(parseHostPort(text)).toEqual(address);
    expect(formatHostPort(address.host, address.port)).toBe(text);
    expect(isHostPort(text)).toBe(true);
  });

  it.each([
    '',
    'host',
    'host:',
    ':1',
    'host:0',
    'host:65536',
    'host:-1',
    'host:1x',
    '::1:8883',
    '[::1]',
    'a b:1',
    'http://host:1',
    'x'.repeat(300),
  ])('refuses %j with one sentence', (text) => {
    expect(isHostPort(text)).toBe(false);
    expect(() => parseHostPort(text)).toThrow(/is not an address: use HOST:PORT or \[IPv6\]:PORT/);
  });
});
