import { describe, expect, it } from 'vitest';
import type { RadioLab, Station } from './radio-lab.js';
import { RadioPair, talk } from './radio-pair.js';

const radios = new RadioPair();

describe('radio processes in trouble', () => {
  it('are started again when they stand still, and their links are lost at once', async () => {
    const { a, b } = radios;
    const [near] = await talk(a, b);
    process.kill(a.pid, 'SIGSTOP');
    expect(await near.end()).toContain('lost');
    expect(a.problems.at(-1)).toContain('stood still');
    await expect(a.connect(b)).rejects.toMatchObject({ code: 'RadioDown' });
    await a.works();
    await talk(a, b);
  });

  it('are started again when connecting blocks them for a minute', async () => {
    const { lab, a, b } = radios;
    lab.hangConnect(a, 60_000);
    await expect(a.connect(b)).rejects.toMatchObject({ code: 'RadioLost' });
    expect(a.problems.at(-1)).toContain('stood still');
    await a.works();
    await talk(a, b);
  });

  it.each<[string, (lab: RadioLab, station: Station) => Promise<unknown>]>([
    ['is killed', (lab, station) => lab.kill(station)],
    ['loses its adapter, and gets it back at another index', (lab, station) => lab.replug(station)],
    ['has its adapter switched off and on', (lab, station) => lab.switchOffAndOn(station)],
  ])('come back by themselves when one %s', async (_, harm) => {
    const { lab, a, b } = radios;
    for (const victim of [a, b]) {
      const [near, far] = await talk(a, b);
      await harm(lab, victim);
      await Promise.all([near.end(), victim === b ? far.end() : undefined]);
      await victim.works();
    }
    await talk(a, b);
  });

  it('come back by themselves when an adapter forgets everything and says nothing', async () => {
    const { lab, a, b } = radios;
    const pair = await talk(a, b);
    await lab.air.ask('reset', { address: b.address });
    // Nobody is told; the keep-alive above closes what is silent.
    for (const { link } of pair) link.close('it is silent');
    await talk(a, b);
  });

  it('outlive a central that sends what no library can read, and serve the next one', async () => {
    const { lab, a, b } = radios;
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
});
