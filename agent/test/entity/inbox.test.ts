import { entityId } from '@cpns/shared';
import { Addressee, type ApplicationData } from '@cpns/shared/messages';
import { MemoryStore } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import { DeviceState } from '../../src/entity/device-state.js';
import { Inbox } from '../../src/entity/inbox.js';

const message = (id: number, from = 'board', octets = 3): ApplicationData => ({
  id: new Uint8Array(16).fill(id),
  from: entityId(from),
  to: Addressee.Entity,
  entity: entityId('phone'),
  channel: 'c',
  contentType: 't',
  payload: new Uint8Array(octets),
});

describe('the inbox', () => {
  it('knows a duplicate, also after a restart', async () => {
    const store = new MemoryStore();
    const inbox = new Inbox(new DeviceState(store));
    expect([await inbox.store(message(1)), await inbox.store(message(1)), await inbox.store(message(2))]).toEqual([true, false, true]);
    const next = new Inbox(new DeviceState(store.crash()));
    expect([await next.store(message(2)), await next.store(message(3))]).toEqual([false, true]);
  });

  it('tells apart what two senders gave the same id', async () => {
    const inbox = new Inbox(new DeviceState(new MemoryStore()));
    expect([await inbox.store(message(1, 'board')), await inbox.store(message(1, 'watch'))]).toEqual([true, true]);
  });

  it('does not take a message for a duplicate of one that the disk did not take', async () => {
    const store = new MemoryStore();
    const inbox = new Inbox(new DeviceState(store));
    store.failCommit(1);
    const outcomes = await Promise.allSettled([inbox.store(message(1)), inbox.store(message(1)), inbox.store(message(1))]);
    expect(outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : outcome.reason.code))).toEqual([
      'DiskFull',
      true,
      false,
    ]);
  });

  it('keeps the last thousand', async () => {
    const store = new MemoryStore();
    const inbox = new Inbox(new DeviceState(store));
    const id = (n: number) => Object.assign(message(0), { id: new Uint8Array(new Uint32Array([n, 0, 0, 0]).buffer) });
    for (let n = 0; n < 1_005; n++) await inbox.store(id(n));
    expect(store.keys('inbox/')).toHaveLength(1_000);
    expect([await inbox.store(id(1_004)), await inbox.store(id(5)), await inbox.store(id(0))]).toEqual([false, false, true]);
  });
});
