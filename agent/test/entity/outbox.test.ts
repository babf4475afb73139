import { MemoryStore, VirtualClock } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import { DeviceState } from '../../src/entity/device-state.js';
import { type NewMessage, Outbox } from '../../src/entity/outbox.js';

const DAY_MS = 24 * 3_600_000;
const YEAR_MS = 365 * DAY_MS;
const limits = { outboxMessages: 3, outboxOctets: 100, outboxKeptMs: DAY_MS };
const message = (octets = 10): NewMessage => ({
  pnId: undefined,
  to: 'server',
  channel: 'c',
  contentType: 't',
  payload: new Uint8Array(octets),
});
const id = (n: number) => new Uint8Array(16).fill(n);
const hex = (n: number) => n.toString(16).padStart(2, '0').repeat(16);

function outbox(store = new MemoryStore(), clock = new VirtualClock()) {
  return { store, clock, box: new Outbox(new DeviceState(store), clock, limits) };
}

describe('the outbox', () => {
  it('keeps what waits over a restart, in order', async () => {
    const { box, store, clock } = outbox();
    for (const n of [3, 1, 2]) await box.add(id(n), message());
    await box.remove(hex(1));
    const after = outbox(store.crash(), clock).box;
    expect([...after.ids()]).toEqual([hex(3), hex(2)]);
    expect(after.size).toEqual({ messages: 2, bytes: 20 });
  });

  it('is bounded in messages and octets, those on their way to the disk included', async () => {
    const { box } = outbox();
    const outcomes = await Promise.allSettled([1, 2, 3, 4].map((n) => box.add(id(n), message())));
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected']);
    const { box: other } = outbox();
    await other.add(id(1), message(60));
    await expect(other.add(id(2), message(60))).rejects.toMatchObject({ code: 'OutboxFull' });
  });

  it('offers nothing that is not durable, and makes room again when the disk is full', async () => {
    const { box, store } = outbox();
    store.failCommit(1);
    const adding = box.add(id(1), message(60));
    expect([...box.ids()]).toEqual([]);
    await expect(adding).rejects.toMatchObject({ code: 'DiskFull' });
    expect(box.size).toEqual({ messages: 0, bytes: 0 });
    await box.add(id(2), message(60));
    expect([...box.ids()]).toEqual([hex(2)]);
  });

  it('gives a message up after a day', async () => {
    const { box, clock } = outbox();
    await box.add(id(1), message());
    await clock.advance(DAY_MS);
    expect(box.isExpired(hex(1))).toBe(false);
    await clock.advance(1);
    expect(box.isExpired(hex(1))).toBe(true);
  });

  it('counts the time that it was off', async () => {
    const { box, store, clock } = outbox();
    await box.add(id(1), message());
    const later = new VirtualClock({ wallMs: clock.wallMs() + DAY_MS - 1_000 });
    const after = outbox(store.crash(), later).box;
    expect(after.isExpired(hex(1))).toBe(false);
    await later.advance(1_001);
    expect(after.isExpired(hex(1))).toBe(true);
  });

  it.each([YEAR_MS, -YEAR_MS])('gives nothing up when the clock is set by %d ms', async (ms) => {
    const { box, clock } = outbox();
    await box.add(id(1), message());
    clock.setWallMs(clock.wallMs() + ms);
    await clock.advance(DAY_MS - 1);
    expect(box.isExpired(hex(1))).toBe(false);
  });

  it('keeps a message of a clock that was ahead no longer than a day', async () => {
    const { box, store, clock } = outbox();
    clock.setWallMs(clock.wallMs() + YEAR_MS);
    await box.add(id(1), message());
    clock.setWallMs(clock.wallMs() - YEAR_MS);
    const after = outbox(store.crash(), clock).box;
    await clock.advance(DAY_MS + 1);
    expect(after.isExpired(hex(1))).toBe(true);
  });
});
