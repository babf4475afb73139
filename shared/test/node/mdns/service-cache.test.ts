import { beforeEach, describe, expect, it } from 'vitest';
import { type DnsRecord, recordsOf } from '../../../src/node/mdns/records.js';
import { ServiceCache, type ServiceSighting } from '../../../src/node/mdns/service-cache.js';
import { wlan } from './networks.js';

const DOMAIN = '_cpns._tcp.local';
const there = (address: string) => ({ ...wlan, addresses: [{ address, family: 4 as const, prefix: 24, scope: 0 }] });
const announced = (name: string, port = 7000, txt: Record<string, string> = { v: '1' }, address = '192.0.2.20') =>
  recordsOf({ name, port, txt }, 'cpns', there(address));
const goodbye = (name: string) => announced(name).map((r) => ({ ...r, ttl: 0 }));

describe('services heard of', () => {
  let found: ServiceSighting[];
  let lost: string[];
  let cache: ServiceCache;
  const hear = (records: readonly DnsRecord[], nowMs = 0, source = '192.0.2.20') => cache.receive(records, source, wlan, nowMs);

  beforeEach(() => {
    found = [];
    lost = [];
    cache = new ServiceCache({
      type: 'cpns',
      accepts: (name) => /^[a-z0-9-]{3,32}$/.test(name),
      maxNames: 256,
      maxAgeMs: 25_000,
      found: (sighting) => found.push(sighting),
      lost: (name) => lost.push(name),
    });
  });

  it('are told once, with where the packet came from first and then what it names', () => {
    hear(announced('phone', 7000, { v: '1' }, '192.0.2.21'));
    hear(announced('phone', 7000, { v: '1' }, '192.0.2.21'), 1_000);
    expect(found).toEqual([{ name: 'phone', txt: new Map([['v', '1']]), endpoints: ['192.0.2.20:7000', '192.0.2.21:7000'] }]);
  });

  it('are told again when something changed, a flood of changes only now and then', () => {
    hear(announced('phone'));
    hear(announced('phone', 7100), 1);
    expect(found).toHaveLength(2);
    for (let i = 2; i <= 200; i++) hear(announced('phone', 7000 + i), i);
    expect(found).toHaveLength(5);
    cache.sweep(500);
    expect(found).toHaveLength(6);
    expect(found[5]?.endpoints).toEqual(['192.0.2.20:7200']);
    cache.sweep(9_000);
    expect(found).toHaveLength(6);
  });

  it('need a port and a TXT record, from whichever packets', () => {
    const [ptr, srv, txt] = announced('phone') as [DnsRecord, DnsRecord, DnsRecord];
    hear([ptr]);
    hear([srv], 10);
    expect(found).toEqual([]);
    expect(cache.incomplete(8)).toEqual([`phone.${DOMAIN}`]);
    hear([txt], 20);
    expect(found.map((s) => s.endpoints)).toEqual([['192.0.2.20:7000']]);
    expect(cache.incomplete(8)).toEqual([]);
  });

  it('are not kept for long when a part is missing', () => {
    const [ptr, srv] = announced('phone') as [DnsRecord, DnsRecord];
    hear([ptr, srv]);
    cache.sweep(9_999);
    expect(cache.size).toBe(1);
    cache.sweep(10_000);
    expect([cache.size, lost]).toEqual([0, []]);
  });

  it('age by the clock they are given', () => {
    hear(announced('phone'));
    cache.sweep(14_000);
    expect(cache.isAnyStale(14_000)).toBe(false);
    expect(cache.isAnyStale(16_000)).toBe(true);
    cache.sweep(24_999);
    expect(lost).toEqual([]);
    cache.sweep(25_000);
    expect(lost).toEqual(['phone']);
  });

  it('outlive a goodbye that they contradict, and not one that they do not', () => {
    hear(announced('phone'));
    hear(announced('laptop'));
    expect(hear(goodbye('phone'), 100, '192.0.2.66')).toBe(true);
    expect(hear(goodbye('phone'), 101, '192.0.2.66')).toBe(false);
    hear(goodbye('laptop'), 100);
    hear(announced('phone'), 300);
    cache.sweep(1_099);
    expect(lost).toEqual([]);
    cache.sweep(1_200);
    expect(lost).toEqual(['laptop']);
  });

  it('cannot be overwritten by what somebody else says of them', () => {
    hear(announced('phone'));
    hear(announced('phone', 6666, { v: '1' }, '192.0.2.66'), 1_000, '192.0.2.66');
    expect(found.at(-1)?.endpoints).toEqual(['192.0.2.66:6666', '192.0.2.20:7000']);
    for (let i = 100; i < 120; i++) hear(announced('phone', 6666, { v: '1' }, `192.0.2.${i}`), 2_000 + i, `192.0.2.${i}`);
    hear(announced('phone'), 3_000);
    expect(found.at(-1)?.endpoints[0]).toBe('192.0.2.20:7000');
    expect(found.at(-1)?.endpoints.length).toBeLessThanOrEqual(8);
  });

  it('cannot point to other networks or to this computer', () => {
    hear(announced('phone', 7000, { v: '1' }, '8.8.8.8'));
    hear(announced('laptop', 7000, { v: '1' }, '127.0.0.1'));
    expect(found.map((s) => s.endpoints)).toEqual([['192.0.2.20:7000'], ['192.0.2.20:7000']]);
    hear(announced('board'), 0, '8.8.8.8');
    expect(cache.size).toBe(2);
  });

  it('are 256 at most, 64 of one source, and nobody is pushed out', () => {
    for (let i = 0; i < 20_000; i++) hear(announced(`forged-${i}`), 0, '192.0.2.66');
    expect(cache.size).toBe(64);
    hear(announced('phone'));
    expect(found.at(-1)?.name).toBe('phone');
    for (let i = 0; i < 20_000; i++) hear(announced(`other-${i}`), 0, `192.0.2.${100 + (i % 50)}`);
    expect(cache.size).toBe(256);
    hear(announced('phone', 7001), 1_000);
    expect(found.at(-1)).toMatchObject({ name: 'phone', endpoints: ['192.0.2.20:7001'] });
  });

  it.each<[string, Partial<DnsRecord>]>([
    ['a name with a dot', { name: `two.parts.${DOMAIN}` }],
    ['a name that is too long', { name: `${'x'.repeat(60)}.${DOMAIN}` }],
    ['no name', { name: DOMAIN }],
    ['a foreign type', { name: 'phone._http._tcp.local' }],
    ['port 0', { data: { port: 0, target: 'phone.local' } }],
    ['a port that is no number', { data: { port: 'x', target: 'phone.local' } }],
    ['no target', { data: { port: 7000 } }],
    ['no data', { data: undefined }],
    ['null', { data: null }],
  ])('are ignored with %s', (_, change) => {
    const [ptr, srv, txt] = announced('phone') as [DnsRecord, DnsRecord, DnsRecord];
    hear([ptr, { ...srv, ...change }, txt]);
    expect(found).toEqual([]);
  });

  it.each<[string, unknown]>([
    ['no list', 'v=1'],
    ['a list of strings', ['v=1']],
    ['nothing', undefined],
  ])('are ignored with a TXT record of %s', (_, data) => {
    const [ptr, srv, txt] = announced('phone') as [DnsRecord, DnsRecord, DnsRecord];
    hear([ptr, srv, { ...txt, data }]);
    expect(found).toEqual([]);
  });

  it('may say the same key twice, keys without a value and more than is read', () => {
    const [ptr, srv, txt] = announced('phone') as [DnsRecord, DnsRecord, DnsRecord];
    const items = ['V=1', 'v=2', 'flag', '=x', '__proto__=y', ...Array.from({ length: 100 }, (_, i) => `k${i}=1`)].map((s) =>
      Buffer.from(s),
    );
    hear([ptr, srv, { ...txt, data: items }]);
    expect(found[0]?.txt.get('v')).toBe('1');
    expect(found[0]?.txt.get('__proto__')).toBe('y');
    expect(found[0]?.txt.size).toBeLessThanOrEqual(16);
  });
});
