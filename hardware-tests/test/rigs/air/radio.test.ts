import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NEVER, RadioLab } from './radio-lab.js';

const octets = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 7 + length) & 0xff);

describe('two radio processes with the real libraries', () => {
  let lab: RadioLab;

  beforeEach(async () => {
    lab = await RadioLab.open();
  });
  afterEach(() => lab.close());

  async function pair() {
    const [a, b] = [await lab.station(1), await lab.station(2)];
    a.want(1);
    b.want(2, { readableId: 'sensor-2' });
    await Promise.all([a.hears(b), b.hears(a)]);
    return [a, b] as const;
  }

  it('find each other in turn, on one adapter each', async () => {
    const [a, b] = await pair();
    expect((await a.hears(b)).advertisement).toEqual({ mode: 0, pairingOpen: false, hint: new Uint8Array(6).fill(2) });
    expect(await a.radio.readEntityId(b.address, NEVER)).toBe('sensor-2');
    b.want(2);
    expect(await a.radio.readEntityId(b.address, NEVER)).toBe('');
  });

  it.each([256, 23])('carry frames of every length both ways at an MTU of %i', async (mtu) => {
    await lab.air.ask('capMtu', { mtu });
    const [a, b] = await pair();
    const near = await a.connect(b);
    const far = await b.accepts();
    const lengths = [1, 20, 300, 1_024, 16_428];
    for (const length of lengths) {
      near.link.send(octets(length));
      far.link.send(octets(length));
    }
    for (const [at, length] of lengths.entries()) {
      expect(await far.frame(at)).toEqual(octets(length));
      expect(await near.frame(at)).toEqual(octets(length));
    }
    near.link.close('enough');
    expect(await far.end()).toContain('closed the connection');
    expect([a.ended, b.ended]).toEqual([[near.link], [far.link]]);
  });
});
