import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { entityId } from '@cpns/shared';
import { describe, expect, it } from 'vitest';
import type { WatchItem } from '../../src/api/admin-port.js';
import { startAdmin } from './rig.js';

const event = (n: number): WatchItem => ({
  kind: 'event',
  at: new Date(n).toISOString(),
  event: 'device-connected',
  text: 'phone-1 is here.',
});

type Rig = Awaited<ReturnType<typeof startAdmin>>;

async function watch(rig: Rig, query = '') {
  const controller = new AbortController();
  const answer = await fetch(`${rig.url}/v1/watch${query}`, { headers: { authorization: rig.authorization }, signal: controller.signal });
  const lines = createInterface({ input: Readable.fromWeb(answer.body as never) })[Symbol.asyncIterator]();
  const next = async () => {
    for (;;) {
      const { value, done } = await lines.next();
      if (done) return undefined;
      if (value !== '') return JSON.parse(value);
    }
  };
  return { answer, next, end: () => controller.abort() };
}

describe('watch', () => {
  it('sends what happens, line by line, and ends with the client', async () => {
    const rig = await startAdmin();
    const watching = await watch(rig, '?entity=phone-1&channel=chat&kind=data&past=7');
    await rig.admin.untilWatchers(1);
    expect([...rig.admin.watchers.values()]).toEqual([{ entityId: entityId('phone-1'), channel: 'chat', kinds: ['data'], past: 7 }]);
    expect(watching.answer.headers.get('content-type')).toBe('application/x-ndjson');
    rig.admin.emit(event(1));
    rig.admin.emit(event(2));
    expect(await watching.next()).toEqual(event(1));
    expect(await watching.next()).toEqual(event(2));
    watching.end();
    await rig.admin.untilWatchers(0);
  });

  it.each(['past=101', 'past=-1', 'past=x', 'kind=all', 'entity=A', 'surprise=1'])('refuses %s', async (query) => {
    const rig = await startAdmin();
    expect((await watch(rig, `?${query}`)).answer.status).toBe(400);
    expect(rig.admin.watchers.size).toBe(0);
  });

  it('gives time to read what was asked of the past', async () => {
    const rig = await startAdmin();
    const big = { ...event(1), text: 'x'.repeat(20_000) };
    rig.admin.past = Array.from({ length: 100 }, () => big);
    const watching = await watch(rig, '?past=100');
    await rig.admin.untilWatchers(1);
    rig.admin.emit(event(2));
    for (let i = 0; i < 100; i++) expect(await watching.next()).toEqual(big);
    expect(await watching.next()).toEqual(event(2));
  });

  it('ends when the server stops', async () => {
    const rig = await startAdmin();
    const watching = await watch(rig);
    await rig.admin.untilWatchers(1);
    const end = watching.next().catch(() => undefined);
    await rig.server.stop();
    expect(await end).toBeUndefined();
    expect(rig.admin.watchers.size).toBe(0);
  });

  it('is for a few at a time', async () => {
    const rig = await startAdmin({ maxWatchers: 2 });
    const first = await watch(rig);
    await watch(rig);
    const third = await watch(rig);
    expect(third.answer.status).toBe(409);
    expect((await third.next()).error.code).toBe('TooManyWatchers');
    first.end();
    await rig.admin.untilWatchers(1);
    expect((await watch(rig)).answer.status).toBe(200);
  });

  it('cuts off who does not read', async () => {
    const rig = await startAdmin();
    await watch(rig);
    await rig.admin.untilWatchers(1);
    const big = { ...event(1), text: 'x'.repeat(100_000) };
    while (rig.admin.watchers.size > 0) {
      rig.admin.emit(big);
      await new Promise((resolve) => setImmediate(resolve));
    }
  });
});
