import { pnIdText } from '@cpns/agent';
import type { PnId } from '@cpns/shared';
import { inventoryNotice } from '@cpns/shared/messages';
import { nativeProvider } from '@cpns/shared/node';
import { decodeMemberState, encodeMemberState, type MemberState } from '@cpns/shared/security';
import { followRekey, groupKeyHex, MemoryStore, TestGroup } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import type { SimulatedDevice } from '../../rigs/simulation/device.js';
import { disagreements } from '../../rigs/simulation/invariants/violations.js';
import { BOARD_ID, establishAtPhone, type Household, household, LAPTOP_ID, PHONE_ID, views } from '../simulation/household.js';
import { Liar } from '../simulation/liar.js';

/** A PN of all three, of which the board then is taken out: version 2 of the inventory, epoch 2 of the key. */
async function afterRemoval(home: Household, before: () => Promise<void> = async () => {}) {
  const { record } = await establishAtPhone(home, { type: 'all' });
  const pnId = pnIdText(record.pnId);
  await home.clock.advance(2_000);
  await before();
  await home.clock.run(home.laptop.device.unpair(BOARD_ID));
  await home.clock.advance(5_000);
  return pnId;
}

/** The state file as it was at this moment. */
async function backup({ store }: SimulatedDevice): Promise<MemoryStore> {
  const copy = new MemoryStore();
  for (const changes of store.commits) await copy.commit(changes);
  return copy;
}

const state = ({ device }: SimulatedDevice, pnId: PnId) => {
  const { inventoryVersion, pnKeyEpoch, members = [] } = device.state.pn(pnId) ?? {};
  return { inventoryVersion, pnKeyEpoch, members: members.map(({ entityId }) => entityId as string).sort() };
};

async function delivered(home: Household, from: SimulatedDevice, to: typeof PHONE_ID | 'server', pnId: PnId) {
  const id = await from.device.messenger.queue({ pnId, to, channel: 'c', contentType: 't', payload: new Uint8Array(8) });
  return home.clock.run(from.device.messenger.outcome(id), 120_000);
}

function memberOfGroup() {
  const group = new TestGroup(nativeProvider);
  group.change(17);
  return { group, keys: group.member(0) };
}

describe('T11 Rollback of inventory, epoch, device state restore', () => {
  it.each([0, 1])('an old inventory, validly protected by the server itself, changes nothing (version %i)', async (version) => {
    const liar = new Liar();
    const home = await household({}, { provider: liar.provider });
    const pnId = await afterRemoval(home);
    const now = state(home.phone, pnId);
    expect(now).toMatchObject({ inventoryVersion: 2, pnKeyEpoch: 2 });
    let told = 0;
    liar.lie = ({ number, body }) => {
      if (number !== inventoryNotice.number) return;
      told++;
      const inventory = new Map(body.get(1) as Map<number, never>);
      body.set(1, inventory.set(2, version as never)).set(2, 1);
    };
    // The server has something newer, so that it is asked.
    await home.server.database.transact((tx) => tx.pns.removeMembers(pnId, [], new Uint8Array(48)));
    home.phone.device.linkTo(LAPTOP_ID)?.close('to make it compare');
    await home.clock.advance(70_000);
    expect(told).toBeGreaterThan(0);
    expect(state(home.phone, pnId)).toEqual(now);
    expect(state(home.laptop, pnId)).toMatchObject({ inventoryVersion: 2, pnKeyEpoch: 2 });
  });

  it('an old state file of a PNE comes up to date, and its old view is nobody else’s', async () => {
    const home = await household();
    let old: MemoryStore | undefined;
    const pnId = await afterRemoval(home, async () => {
      old = await backup(home.phone);
    });
    await home.phone.device.stop();
    await home.clock.advance(10_000);
    const phone = await home.start('phone', { store: old as MemoryStore });
    expect(state(phone, pnId)).toMatchObject({ inventoryVersion: 1, pnKeyEpoch: 1 });
    await home.clock.advance(40_000);
    expect(state(phone, pnId)).toEqual({ inventoryVersion: 2, pnKeyEpoch: 2, members: ['laptop', 'phone'] });
    expect(disagreements({ server: home.server, devices: [home.laptop, phone, home.board] })).toEqual([]);
    expect(await delivered(home, phone, LAPTOP_ID, pnId)).toBe(true);
    expect(await delivered(home, phone, 'server', pnId)).toBe(true);
  });

  it('an old state file of a PN GW comes up to date: nobody who was taken out is a member again', async () => {
    const home = await household();
    let old: MemoryStore | undefined;
    const pnId = await afterRemoval(home, async () => {
      old = await backup(home.laptop);
    });
    await home.laptop.device.stop();
    await home.clock.advance(10_000);
    const laptop = await home.start('laptop', { store: old as MemoryStore });
    await home.clock.advance(60_000);
    expect(state(laptop, pnId)).toMatchObject({ inventoryVersion: 2, pnKeyEpoch: 2 });
    expect(views({ ...home, laptop }, pnId, home.phone)).toMatchObject({ server: [PHONE_ID], epochs: [2, 2] });
    expect(await delivered(home, home.phone, LAPTOP_ID, pnId)).toBe(true);
  });

  it('an old rekey of a group, validly signed, and an old answer to a resync change nothing', () => {
    const { group, keys } = memberOfGroup();
    const [old, oldAnswer] = [group.rotate(), group.resync(0)];
    expect(followRekey(keys, old.parts)).toBe('keys');
    expect(followRekey(keys, group.change(0, [1]).parts)).toBe('keys');
    const now = keys.state;
    expect(followRekey(keys, old.parts)).toBe('old');
    expect(() => keys.takeResync(oldAnswer)).toThrow(expect.objectContaining({ code: 'EpochRollback' }));
    expect(keys.state).toBe(now);
  });

  it('an old record of a group’s keys opens nothing of later, and comes up to date by a resync', () => {
    const { group, keys } = memberOfGroup();
    const old = encodeMemberState(keys.state as MemberState);
    followRekey(keys, group.change(0, [5]).parts);
    const restored = group.newcomer(decodeMemberState(old));
    expect(followRekey(restored, group.rotate().parts)).toBe('gap');
    expect(restored.state?.epoch).toBe(1n);
    group.member(0, restored);
    expect(restored.state?.epoch).toBe(3n);
    expect(groupKeyHex(restored)).toBe(groupKeyHex(group.member(4)));
  });
});
