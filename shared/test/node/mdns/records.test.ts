import { describe, expect, it } from 'vitest';
import { recordsOf } from '../../../src/node/mdns/records.js';
import { wlan } from './networks.js';

describe('the records of a service', () => {
  const records = recordsOf({ name: 'laptop', port: 7000, txt: { v: '1', mode: '2' } }, 'cpns', wlan);
  const of = (type: string) => records.filter((r) => r.type === type);

  it('name the service, its port and what it says', () => {
    expect(of('PTR').map((r) => [r.name, r.data])).toEqual([
      ['_cpns._tcp.local', 'laptop._cpns._tcp.local'],
      ['_services._dns-sd._udp.local', '_cpns._tcp.local'],
    ]);
    expect(of('SRV')[0]).toMatchObject({ name: 'laptop._cpns._tcp.local', data: { port: 7000, target: 'cpns-laptop.local' } });
    expect(of('TXT')[0]?.data).toEqual([Buffer.from('v=1'), Buffer.from('mode=2')]);
  });

  it('give the addresses of one interface, under a name that is not the machine’s own', () => {
    expect(of('A').map((r) => [r.name, r.data])).toEqual([['cpns-laptop.local', '192.0.2.10']]);
    expect(of('AAAA').map((r) => r.data)).toEqual(['2001:db8:1::10', 'fe80::10']);
  });

  it('fit into the labels of the DNS', () => {
    const [srv] = recordsOf({ name: 'x'.repeat(63), port: 7000, txt: {} }, 'cpns-server', wlan).filter((r) => r.type === 'SRV');
    expect(srv?.data).toMatchObject({ target: `cpns-server-${'x'.repeat(51)}.local` });
  });

  it('are forgotten by everybody within two minutes', () => {
    expect(records.every((r) => r.ttl === 120)).toBe(true);
  });
});
