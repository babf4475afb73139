import { formatHostPort, isHostPort, parseHostPort } from '@cpns/shared';
import fc from 'fast-check';
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

  it('reads back whatever was written, and nothing that is not written like that', () => {
    const host = fc.oneof(
      fc.ipV4(),
      fc.ipV6().filter((ip) => ip.includes(':')),
      fc.domain().filter((name) => name.length <= 253),
    );
    fc.assert(
      fc.property(host, fc.integer({ min: 1, max: 65_535 }), (name, port) => {
        expect(parseHostPort(formatHostPort(name, port))).toEqual({ host: name, port });
      }),
    );
    const nearly = fc.tuple(fc.stringMatching(/^(?:\[[a-f0-9:.]{0,12}\]|[a-f0-9:.-]{0,8})$/), fc.stringMatching(/^[0-9]{0,6}$/));
    fc.assert(
      fc.property(nearly, ([name, digits]) => {
        const text = `${name}:${digits}`;
        if (!isHostPort(text)) return;
        const { host: read, port } = parseHostPort(text);
        expect(parseHostPort(formatHostPort(read, port))).toEqual({ host: read, port });
      }),
    );
  });
});
