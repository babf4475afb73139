import { entityId } from '@cpns/shared';
import { expect, test } from 'vitest';
import { judge } from '../../soak/judgement.js';
import { Ledger } from '../../soak/ledger.js';
import type { Sample, SoakResult } from '../../soak/soak.js';

/** Every ten seconds, for ten minutes. */
const COUNT = 60;

function sample(i: number, rssMB: number, files = 40, handles = 60): Sample {
  const figures = { rssOctets: rssMB * 1e6, heapOctets: 3e7, externalOctets: 5e6, handles: handles + 10, files: files + 10, cpuMs: 1 };
  return { atMs: i * 10_000, figures, connections: 10 };
}

function result(rssMB: (minute: number) => number, after = sample(COUNT, 100), ledger = new Ledger()): SoakResult {
  const samples = Array.from({ length: COUNT }, (_, i) => sample(i, rssMB(i / 6)));
  return { samples, before: sample(0, 100), after, deeds: { data: 3 }, failedDeeds: 0, ledger };
}

test('a server that grows while it warms up and then stays passes', () => {
  const { faults, figures } = judge(result((minute) => 100 + 5 * Math.min(minute, 5)));
  expect(faults).toEqual([]);
  expect(figures).toMatchObject({ rssSlopeMBPerMinute: 0, handlesLeft: 0, filesLeft: 0, lost: 0, duplicated: 0 });
});

test('a server that grows by a megabyte a minute does not', () => {
  const { faults, figures } = judge(result((minute) => 100 + 1.01 * minute));
  expect(figures.rssSlopeMBPerMinute).toBe(1.01);
  expect(faults).toEqual(['The server grows by 1.01 MB a minute.']);
});

test('files and handles that stay open are leaks, connections are not', () => {
  const after = { ...sample(COUNT, 100, 46, 81), connections: 10 };
  expect(judge(result(() => 100, after)).faults).toHaveLength(2);
  const more = { ...after, connections: 31 };
  expect(judge(result(() => 100, more)).faults).toEqual([]);
});

test('lost and duplicated messages are told', () => {
  const ledger = new Ledger();
  const phone = entityId('phone');
  const { payload } = ledger.write('server', phone, 0);
  ledger.arrive(phone, payload);
  ledger.arrive(phone, payload);
  ledger.write(phone, 'server', 0);
  const { faults, figures } = judge(result(() => 100, sample(COUNT, 100), ledger));
  expect(figures).toMatchObject({ messages: 2, lost: 1, duplicated: 1 });
  expect(faults[0]).toContain('2 (phone to server, 600 s)');
  expect(faults).toHaveLength(2);
});

test('a run that is too short says nothing about growth', () => {
  const short = (count: number) => {
    const whole = result((minute) => 100 + 5 * minute);
    return judge({ ...whole, samples: whole.samples.slice(0, count) });
  };
  expect(short(48)).toMatchObject({ faults: [], notes: [expect.stringContaining('not judged')] });
  expect(short(50)).toMatchObject({ faults: [expect.stringContaining('grows')], notes: [] });
});
