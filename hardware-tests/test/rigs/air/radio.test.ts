import { describe, expect, it } from 'vitest';
import { NEVER, type OpenedLink } from './radio-lab.js';
import { hangUp, octets, RadioPair, talk } from './radio-pair.js';
import { ADDRESS } from './room.js';

const radios = new RadioPair();

describe('radio processes with the real libraries', () => {
  it('find each other in turn, on one adapter each, and read names', async () => {
    const { a, b } = radios;
    a.want(1);
    b.want(2, { readableId: 'sensor-2' });
    for (const station of [a, b]) station.forget();
    await Promise.all([a.hears(b), b.hears(a)]);
    expect((await a.hears(b)).advertisement).toEqual({ mode: 0, pairingOpen: false, hint: new Uint8Array(6).fill(2) });
    expect(await a.radio.readEntityId(b.address, NEVER)).toBe('sensor-2');
    b.want(2);
    expect(await a.radio.readEntityId(b.address, NEVER)).toBe('');
    await hangUp(await talk(a, b));
    await hangUp(await talk(b, a));
  });

  it.each([undefined, 23])('carry frames of every length both ways (MTU: %s)', async (mtu) => {
    const { lab, a, b } = radios;
    await lab.air.ask('capMtu', mtu === undefined ? {} : { mtu });
    const [near, far] = await talk(a, b);
    const lengths = [1, 20, 300, 1_024, 16_428];
    for (const length of lengths) {
      near.link.send(octets(length));
      far.link.send(octets(length));
    }
    for (const [at, length] of lengths.entries()) {
      expect(await far.frame(1 + at)).toEqual(octets(length));
      expect(await near.frame(at)).toEqual(octets(length));
    }
    near.link.close('enough');
    expect(await far.end()).toContain('closed the connection');
    expect([a.ended, b.ended]).toEqual([[near.link], [far.link]]);
  });

  it('hold seven peripherals at one central', async () => {
    const { lab, a, b } = radios;
    const numbers = [3, 4, 5, 6, 7, 8];
    const others = await Promise.all(numbers.map((number) => lab.station(number)));
    for (const [i, other] of others.entries()) other.want(numbers[i] as number, { role: 'peripheral', scan: false });
    const peripherals = [b, ...others];
    await Promise.all(peripherals.map((peripheral) => a.hears(peripheral)));
    const pairs = await Promise.all(peripherals.map((peripheral) => talk(a, peripheral)));
    for (const [near] of pairs) near.link.send(octets(5_000));
    for (const [, far] of pairs) expect(await far.frame(1)).toEqual(octets(5_000));
    expect(await lab.air.ask('links', {})).toHaveLength(7);
    await Promise.all(others.map(({ radio }) => radio.stop()));
  });

  it('turn round when the one that is served is to be the central, and not before', async () => {
    const { lab, a, b } = radios;
    a.want(1);
    b.want(2);
    const [near] = await talk(a, b);
    const c = await lab.station(9);
    c.want(9, { role: 'peripheral', scan: false });
    a.want(1, { role: 'peripheral', scan: false });
    b.want(2, { role: 'central', advertisement: undefined });
    await b.hears(c);
    expect(near.closed).toBeUndefined();
    await talk(b, c);
    await near.end();
    b.forget();
    await b.hears(a);
    await talk(b, a);
    await c.radio.stop();
  });

  it('connect and are connected to at the same time with two adapters', async () => {
    const { lab, a, b } = radios;
    const both = await lab.station(10, { second: 11 });
    both.want(10);
    a.want(1, { role: 'central', advertisement: undefined });
    await both.hears(b);
    const [near] = await talk(both, b);
    const seen = await a.hearsAddress(ADDRESS(11));
    expect(seen.advertisement.hint).toEqual(new Uint8Array(6).fill(10));
    const inward = await a.radio.connect(seen.address, NEVER);
    await both.accepts();
    inward.send(octets(300));
    expect(await (await both.accepts()).frame(0)).toEqual(octets(300));
    inward.close('enough');
    await (await both.accepts()).end();
    near.link.send(octets(1_024));
    expect(await (b.accepted.at(-1) as OpenedLink).frame(1)).toEqual(octets(1_024));
    await both.radio.stop();
  });
});
