import { type CpnsId, entityId } from '@cpns/shared';
import { MemoryStore } from '@cpns/shared/testing';
import { describe, expect, test } from 'vitest';
import { type Changes, DeviceState, type PnRecord, PnRole, PnState, pnIdText } from '../../src/entity/device-state.js';

const PN = new Uint8Array(16).fill(7);
const ID = pnIdText(PN);

function pnOf(inventoryVersion: number): PnRecord {
  return {
    pnId: PN,
    role: PnRole.Pne,
    state: PnState.Established,
    gateway: entityId('laptop'),
    inventoryVersion,
    members: [],
    pnKeyEpoch: 1,
    pnKey: new Uint8Array(32).fill(inventoryVersion),
  };
}

function changeTo(record: PnRecord | undefined): Changes {
  const changes: Changes = new Map();
  if (record === undefined) changes.set(`pn/${ID}`, undefined);
  else DeviceState.setPn(changes, record);
  return changes;
}

describe('PN records', () => {
  test.each([250, 251, 1001])('hold %i members with their names at the longest', async (count) => {
    const state = new DeviceState(new MemoryStore());
    const cpnsId = 'cpns-0123456789abcdef' as CpnsId;
    const members = Array.from({ length: count }, (_, i) => ({
      entityId: entityId(`device-${i}`.padEnd(32, '-x')),
      cpnsId,
      gateway: i === 0,
    }));
    await state.commit(changeTo({ ...pnOf(1), members }));
    expect(state.pn(ID)).toEqual({ ...pnOf(1), members });
  });

  test('are decoded once for as long as they stay the same', async () => {
    const state = new DeviceState(new MemoryStore());
    await state.commit(changeTo(pnOf(1)));
    expect(state.pn(ID)).toEqual(pnOf(1));
    expect(state.pn(ID)).toBe(state.pn(ID));
    expect(state.pns()[0]).toBe(state.pn(ID));
  });

  test('show what is durable at every moment of a commit', async () => {
    const store = new MemoryStore();
    const state = new DeviceState(store);
    await state.commit(changeTo(pnOf(1)));
    expect(state.pn(ID)?.inventoryVersion).toBe(1);
    store.hold();
    const committed = state.commit(changeTo(pnOf(2)));
    expect(state.pn(ID)?.inventoryVersion).toBe(1);
    store.release();
    await committed;
    expect(state.pn(ID)).toEqual(pnOf(2));
  });

  test('stay as they were where a commit fails', async () => {
    const store = new MemoryStore();
    const state = new DeviceState(store);
    await state.commit(changeTo(pnOf(1)));
    state.pn(ID);
    store.failCommit(1);
    await expect(state.commit(changeTo(pnOf(2)))).rejects.toThrow('disk is full');
    expect(state.pn(ID)).toEqual(pnOf(1));
  });

  test('follow a store that was changed by somebody else', async () => {
    const store = new MemoryStore();
    const state = new DeviceState(store);
    await state.commit(changeTo(pnOf(1)));
    expect(state.pn(ID)?.inventoryVersion).toBe(1);
    await store.commit(changeTo(pnOf(3)));
    expect(state.pn(ID)).toEqual(pnOf(3));
    await store.commit(changeTo(undefined));
    expect(state.pn(ID)).toBeUndefined();
    expect(state.pns()).toEqual([]);
  });

  test('that were read before keep their key when the PN is forgotten', async () => {
    const state = new DeviceState(new MemoryStore());
    await state.commit(changeTo(pnOf(4)));
    const record = state.pn(ID);
    await state.commit(changeTo(undefined));
    expect(record).toEqual(pnOf(4));
    expect(state.pn(ID)).toBeUndefined();
  });
});
