import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { NEVER, type OpenedLink, RadioLab, type Station } from './radio-lab.js';
import { ADDRESS } from './room.js';

const octets = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 7 + length) & 0xff);

/** Connects, and sees that frames come through. */
async function talk(central: Station, peripheral: Station): Promise<[near: OpenedLink, far: OpenedLink]> {
  const at = peripheral.accepted.length;
  const near = await central.connect(peripheral);
  const far = await peripheral.accepts(at);
  near.link.send(octets(300));
  expect(await far.frame(0)).toEqual(octets(300));
  return [near, far];
}

async function hangUp([near, far]: readonly [OpenedLink, OpenedLink]): Promise<void> {
  near.link.close('enough');
  await Promise.all([near.end(), far.end()]);
}

describe('radio processes with the real libraries', () => {
  let lab: RadioLab;
  /** At first: a central, and a peripheral that it hears. */
  let a: Station;
  let b: Station;

  beforeAll(async () => {
    lab = await RadioLab.open();
    a = await lab.station(1, { stillMs: 2_000 });
    b = await lab.station(2);
  });
  beforeEach(async () => {
    a.want(1, { role: 'central', advertisement: undefined });
    b.want(2, { role: 'peripheral', scan: false });
    await a.hears(b);
  });
  afterEach(async () => {
    for (const station of [a, b]) station.hangUp();
    await lab.air.ask('clearFaults', {});
    await Promise.all([a.works(), b.works()]);
  });
  afterAll(() => lab.close());

  it('find each other in turn, on one adapter each, and read names', async () => {
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

  it('come through at last, wherever the connection is cut on the way', async () => {
    for (let packet = 1; packet <= 20; packet++) {
      await lab.air.ask('cutAt', { packet });
      const at = b.accepted.length;
      const near = await a.connect(b);
      near.link.send(octets(300));
      const came = b.until(
        'the frame, or the end',
        () => near.closed !== undefined || b.accepted.slice(at).some(({ frames }) => frames.length > 0),
      );
      await Promise.race([came, near.end()]);
      await lab.air.ask('clearFaults', {});
      if (near.closed !== undefined) await talk(a, b);
      for (const station of [a, b]) station.hangUp();
      await b.until('no link', () => b.accepted.every(({ closed }) => closed !== undefined));
    }
  });

  it('hold seven peripherals at one central', async () => {
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

  it('are started again when they stand still, and their links are lost at once', async () => {
    const [near] = await talk(a, b);
    process.kill(a.pid, 'SIGSTOP');
    expect(await near.end()).toContain('lost');
    expect(a.problems.at(-1)).toContain('stood still');
    await expect(a.connect(b)).rejects.toMatchObject({ code: 'RadioDown' });
    await a.works();
    await talk(a, b);
  });

  it.each<[string, (station: Station) => Promise<unknown>]>([
    ['is killed', (station) => lab.kill(station)],
    ['loses its adapter, and gets it back at another index', (station) => lab.replug(station)],
    ['has its adapter switched off and on', (station) => lab.switchOffAndOn(station)],
  ])('come back by themselves when one %s', async (_, harm) => {
    for (const victim of [a, b]) {
      const [near, far] = await talk(a, b);
      await harm(victim);
      await Promise.all([near.end(), victim === b ? far.end() : undefined]);
      await victim.works();
    }
    await talk(a, b);
  });

  it('come back by themselves when an adapter forgets everything and says nothing', async () => {
    const pair = await talk(a, b);
    await lab.air.ask('reset', { address: b.address });
    // Nobody is told; the keep-alive above closes what is silent.
    for (const { link } of pair) link.close('it is silent');
    await talk(a, b);
  });

  it('turn round when the one that is served is to be the central, and not before', async () => {
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

  it('outlive a central that sends what no library can read, and serve the next one', async () => {
    const { pid } = b;
    const raw = await lab.rawHost(12);
    const handle = await raw.connect(b.address);
    // An L2CAP packet without its head, one that never ends, and attribute PDUs cut short.
    raw.send(handle, [1]);
    raw.send(handle, [5, 0, 4, 0, 1]);
    for (let i = 0; i < 50; i++)
      raw.send(
        handle,
        Array.from({ length: 200 }, () => i),
        false,
      );
    for (let opcode = 0; opcode < 256; opcode++) raw.sendAtt(handle, [opcode]);
    raw.sendAtt(handle, []);
    raw.sendAtt(handle, [6, 1, 0, 255, 255, 0, 40]);
    raw.sendAtt(handle, [0x16, 1, 0, 0, 0, ...new Array<number>(200).fill(7)]);
    await raw.disconnected(handle);
    raw.close();
    await talk(a, b);
    expect([b.pid, b.problems.at(-1)]).toEqual([pid, undefined]);
  });

  it('leave nothing behind after many connections', async () => {
    for (let i = 0; i < 20; i++) await hangUp(await talk(a, b));
    expect(await lab.air.ask('links', {})).toEqual([]);
  });
});
