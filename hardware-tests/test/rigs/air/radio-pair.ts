import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { type OpenedLink, RadioLab, type Station } from './radio-lab.js';

export const octets = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 7 + length) & 0xff);

/** Connects, and sees that frames come through. */
export async function talk(central: Station, peripheral: Station): Promise<[near: OpenedLink, far: OpenedLink]> {
  const at = peripheral.accepted.length;
  const near = await central.connect(peripheral);
  const far = await peripheral.accepts(at);
  near.link.send(octets(300));
  expect(await far.frame(0)).toEqual(octets(300));
  return [near, far];
}

export async function hangUp([near, far]: readonly [OpenedLink, OpenedLink]): Promise<void> {
  near.link.close('enough');
  await Promise.all([near.end(), far.end()]);
}

/** Two radios for all tests of a file. Each test finds them well: `a` a central, and `b` a peripheral that it hears. */
export class RadioPair {
  lab!: RadioLab;
  a!: Station;
  b!: Station;

  constructor() {
    beforeAll(async () => {
      this.lab = await RadioLab.open();
      this.a = await this.lab.station(1, { stillMs: 2_000 });
      this.b = await this.lab.station(2);
    });
    beforeEach(async () => {
      this.a.want(1, { role: 'central', advertisement: undefined });
      this.b.want(2, { role: 'peripheral', scan: false });
      await this.a.hears(this.b);
    });
    afterEach(async () => {
      for (const station of [this.a, this.b]) station.hangUp();
      await this.lab.air.ask('clearFaults', {});
      await Promise.all([this.a.works(), this.b.works()]);
    });
    afterAll(() => this.lab.close());
  }
}
