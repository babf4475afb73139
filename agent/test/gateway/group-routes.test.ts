import { entityId } from '@cpns/shared';
import { MemoryStore } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import { DeviceState, sgIdText } from '../../src/entity/device-state.js';
import { GroupRoutes } from '../../src/gateway/group-routes.js';

const SG = new Uint8Array(16).fill(9);
const ID = sgIdText(SG);

function pageOf(version: number, names: readonly string[], i = 0, n = 1) {
  const members = names.map((name, leaf) => ({ entity: entityId(name), leaf }));
  return { sgId: SG, name: 'kitchen', epoch: version, version, members, i, n };
}

function rig() {
  const state = new DeviceState(new MemoryStore());
  const names = (routes: GroupRoutes) => routes.get(ID)?.members.map(({ entity }) => entity);
  return { state, routes: new GroupRoutes(state), names };
}

describe("a PN GW's copy of the SG Inventory", () => {
  it('holds the members behind it, also after a restart', async () => {
    const { state, routes, names } = rig();
    await routes.take(pageOf(1, ['phone', 'board']));
    expect(names(routes)).toEqual(['phone', 'board']);
    expect(names(new GroupRoutes(state))).toEqual(['phone', 'board']);
    expect(routes.all()).toMatchObject([{ sgId: ID, version: 1 }]);
  });

  it('is replaced when all pages of a newer one are here, in whichever order they come', async () => {
    const { state, routes, names } = rig();
    await routes.take(pageOf(1, ['phone']));
    await routes.take(pageOf(2, ['laptop'], 1, 2));
    await routes.take(pageOf(2, ['laptop'], 1, 2));
    expect(names(routes)).toEqual(['phone']);
    expect(names(new GroupRoutes(state))).toEqual(['phone']);
    await routes.take(pageOf(2, ['board'], 0, 2));
    expect(names(routes)).toEqual(['board', 'laptop']);
    expect(state.keys('sg-route/')).toHaveLength(2);
  });

  it('is not replaced by an older one', async () => {
    const { routes, names } = rig();
    await routes.take(pageOf(2, ['phone']));
    await routes.take(pageOf(1, ['board']));
    await routes.take({ ...pageOf(1, []), released: true });
    expect(names(routes)).toEqual(['phone']);
  });

  it('ends with the group', async () => {
    const { state, routes, names } = rig();
    await routes.take(pageOf(2, ['phone']));
    await routes.take({ ...pageOf(3, []), released: true });
    expect(names(routes)).toBeUndefined();
    expect(state.keys('sg-route/')).toEqual([]);
  });
});
