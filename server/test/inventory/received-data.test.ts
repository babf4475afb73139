import { describe, expect, it } from 'vitest';
import type { WatchFilter, WatchItem } from '../../src/api/admin-port.js';
import { pastItems } from '../../src/inventory/watch-feed.js';
import { home, laptop, octets, phone, testDatabase } from './fixture.js';

const data = (id: number, from = laptop) => ({
  from,
  messageId: octets(16, id),
  channel: 'sensor',
  contentType: 'text/plain',
  payload: new TextEncoder().encode('21 °C'),
});

describe('received data', () => {
  it('is stored once for each sender and message id', async () => {
    const { db, clock } = testDatabase();
    await expect(db.transact((tx) => tx.receivedData.store(data(1)))).resolves.toBe(true);
    await expect(db.transact((tx) => tx.receivedData.store({ ...data(1), payload: octets(3) }))).resolves.toBe(false);
    await expect(db.transact((tx) => tx.receivedData.store(data(1, phone)))).resolves.toBe(true);
    expect(db.reads.receivedData.latest(10)).toEqual([
      { ...data(1, phone), receivedMs: clock.wallMs() },
      { ...data(1), receivedMs: clock.wallMs() },
    ]);
    expect(db.reads.receivedData.latest(1)).toHaveLength(1);
  });

  it('keeps an empty payload empty', async () => {
    const { db } = testDatabase();
    await db.transact((tx) => tx.receivedData.store({ ...data(1), payload: octets(0) }));
    expect(db.reads.receivedData.latest(1)[0]?.payload).toEqual(octets(0));
  });

  it('keeps the last 1,000 of each device', async () => {
    const { db } = testDatabase();
    const store = (i: number, from = laptop) => {
      const messageId = octets(16, 0);
      new DataView(messageId.buffer).setUint32(0, i);
      return db.transact((tx) => tx.receivedData.store({ ...data(0, from), messageId }));
    };
    await store(0, phone);
    await Promise.all(Array.from({ length: 1_200 }, (_, i) => store(i)));
    const kept = db.reads.receivedData.latest(5_000);
    expect(kept).toHaveLength(1_001);
    expect(kept.at(-1)?.from).toBe(phone);
    expect(new DataView(kept[0]?.messageId.buffer as ArrayBuffer, kept[0]?.messageId.byteOffset).getUint32(0)).toBe(1_199);
  });

  it('is forgotten after 24 h of running time, whatever the wall clock does', async () => {
    const { db, clock } = testDatabase();
    await db.transact((tx) => tx.receivedData.store(data(1)));
    clock.setWallMs(clock.wallMs() + 365 * 86_400_000);
    await clock.advance(23 * 3_600_000);
    expect(db.reads.receivedData.latest(10)).toHaveLength(1);
    const keptLater = async () => {
      await clock.advance(3_700_000);
      return db.reads.receivedData.latest(10);
    };
    await expect.poll(keptLater).toEqual([]);
  });
});

describe('watching', () => {
  it('shows what became durable, in order, as far as it passes the filter', async () => {
    const { db, clock } = testDatabase();
    const all: WatchItem[] = [];
    const ofPhone: WatchItem[] = [];
    const sensor: WatchItem[] = [];
    const stop = db.feed.watch({}, (item) => all.push(item));
    db.feed.watch({ entityId: phone }, (item) => ofPhone.push(item));
    db.feed.watch({ kinds: ['data'], channel: 'sensor' }, (item) => sensor.push(item));
    await db.transact((tx) => {
      tx.receivedData.store(data(1));
      tx.events.add({ event: 'pn-established', text: 'A network.', entityId: phone, pnId: home });
    });
    await db.transact((tx) => tx.receivedData.store(data(1)));
    await db
      .transact((tx) => {
        tx.events.add({ event: 'never', text: 'Never.' });
        throw new Error('no');
      })
      .catch(() => {});
    const at = new Date(clock.wallMs()).toISOString();
    const dataItem = {
      kind: 'data',
      at,
      messageId: '01'.repeat(16),
      from: laptop,
      to: 'server',
      channel: 'sensor',
      contentType: 'text/plain',
      payload: Buffer.from('21 °C').toString('base64'),
    };
    const eventItem = { kind: 'event', at, event: 'pn-established', text: 'A network.', entityId: phone, pnId: home };
    expect(all).toEqual([dataItem, eventItem]);
    expect(ofPhone).toEqual([eventItem]);
    expect(sensor).toEqual([dataItem]);
    stop();
    await db.transact((tx) => tx.receivedData.store(data(2)));
    expect(all).toHaveLength(2);
    expect(sensor).toHaveLength(2);
  });

  it('can begin with what was before, oldest first, as far as it passes the filter', async () => {
    const { db, clock } = testDatabase();
    for (let i = 1; i <= 4; i++) {
      await db.transact((tx) => {
        tx.receivedData.store(data(i));
        tx.events.add({ event: 'test', text: String(i), entityId: phone });
      });
      await clock.advance(1_000);
    }
    const past = (filter: WatchFilter) =>
      pastItems(db.reads, filter).map((item) => (item.kind === 'event' ? item.text : item.messageId.slice(0, 2)));
    expect(past({})).toEqual([]);
    expect(past({ past: 3 })).toEqual(['3', '04', '4']);
    expect(past({ past: 100 })).toEqual(['01', '1', '02', '2', '03', '3', '04', '4']);
    expect(past({ past: 2, kinds: ['data'] })).toEqual(['03', '04']);
    expect(past({ past: 2, entityId: phone })).toEqual(['3', '4']);
    expect(past({ past: 2, channel: 'other' })).toEqual([]);
  });

  it('keeps the last 10,000 events', async () => {
    const { db } = testDatabase();
    await db.transact((tx) => {
      for (let i = 1; i <= 10_050; i++) tx.events.add({ event: 'test', text: String(i) });
    });
    const kept = db.reads.events.latest(20_000);
    expect(kept).toHaveLength(10_000);
    expect(kept.at(-1)?.text).toBe('51');
  });
});
