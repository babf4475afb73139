import { entityId, pnId } from '@cpns/shared';
import { RemoveReason } from '@cpns/shared/messages';
import { MemoryStore } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import { DeviceState } from '../../src/entity/device-state.js';
import { Removals } from '../../src/gateway/removals.js';

const pn = pnId('0123456789abcdef0123456789abcdef');
const other = pnId('f'.repeat(32));
const [phone, board] = [entityId('phone'), entityId('board')];

describe('removals that are due', () => {
  it('count at once, and after a restart, until they are done', async () => {
    const store = new MemoryStore();
    const removals = new Removals(new DeviceState(store));
    const adding = removals.add(pn, [phone, board], RemoveReason.Expelled);
    expect([removals.has(pn, phone), removals.has(other, phone), removals.concerns(pn)]).toEqual([true, false, true]);
    await adding;
    const again = new Removals(new DeviceState(store));
    expect([...again.of(pn)]).toEqual([
      [board, RemoveReason.Expelled],
      [phone, RemoveReason.Expelled],
    ]);
    await again.done(pn, [phone, board]);
    expect([again.pns, again.has(pn, phone), store.keys('removal/')]).toEqual([[], false, []]);
  });

  it('keep their first reason', async () => {
    const removals = new Removals(new DeviceState(new MemoryStore()));
    await removals.add(pn, [phone], RemoveReason.Expelled);
    await removals.add(pn, [phone], RemoveReason.Unreachable);
    expect(removals.of(pn).get(phone)).toBe(RemoveReason.Expelled);
  });

  it('block on when the server has answered, or refused, until they are done; a restart asks it again', async () => {
    const store = new MemoryStore();
    const removals = new Removals(new DeviceState(store));
    await removals.add(pn, [phone], RemoveReason.Expelled);
    removals.answered(pn, [phone]);
    expect([removals.has(pn, phone), removals.concerns(pn), removals.outOf(pn)]).toEqual([true, false, [phone]]);
    expect(new Removals(new DeviceState(store)).concerns(pn)).toBe(true);
    await removals.done(pn, [phone]);
    expect([removals.has(pn, phone), new Removals(new DeviceState(store)).concerns(pn)]).toEqual([false, false]);
  });

  it('count in memory when they cannot be stored', async () => {
    const store = new MemoryStore();
    store.commit = () => Promise.reject(new Error('disk full'));
    const removals = new Removals(new DeviceState(store));
    await expect(removals.add(pn, [phone], RemoveReason.Expelled)).rejects.toThrow('disk full');
    expect(removals.has(pn, phone)).toBe(true);
  });
});
