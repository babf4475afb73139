import { entityId, type SgId } from '@cpns/shared';
import {
  type BodyOf,
  SgAction,
  type SharedObject,
  Status,
  sgCreateRequest,
  sgCreateResponse,
  sgDiscoveryRequest,
  sgDiscoveryResponse,
} from '@cpns/shared/messages';
import { fromHex } from '@cpns/shared/security';
import { beforeEach, expect, it } from 'vitest';
import { type GroupDevice, grouped, groupWorld } from './group-devices.js';
import { alice, type Rig } from './rig.js';

let rig: Rig;
let phone: GroupDevice;
let board: GroupDevice;
let radio: GroupDevice;

beforeEach(async () => {
  ({ rig, phone, board, radio } = await groupWorld());
});

async function find(viewer: GroupDevice, wanted: Partial<BodyOf<typeof sgDiscoveryRequest>> = {}) {
  const answer = await viewer.request(sgDiscoveryRequest, { origin: viewer.entityId, memberReq: true, ...wanted }, sgDiscoveryResponse);
  expect(answer.status).toBe(Status.Success);
  return answer.groups;
}

/** Filed as they are: these tests are about what is found, not about how it was made. */
function file(count: number, groups: { readonly name?: string; readonly objects: readonly SharedObject[] }): Promise<void> {
  const { name = 'group', objects } = groups;
  return rig.db.transact((tx) => {
    for (let i = 0; i < count; i++) {
      const sgId = i.toString(16).padStart(32, '0') as SgId;
      tx.groups.create({ sgId, name: `${name} ${i}`, owner: phone.entityId, ownerUser: alice, serviceId: undefined, open: false, objects });
      const add = [{ entityId: phone.entityId, pnId: phone.pnId, gateway: phone.gateway.entityId, leaf: 0 }];
      tx.groups.change(sgId, { add, remove: [], epoch: 1 });
    }
  });
}

const shared = (i: number, rest: Partial<SharedObject> = {}): SharedObject => ({
  id: `${i}`.padStart(64, '0'),
  name: 'n'.repeat(128),
  type: 't'.repeat(64),
  holder: phone.entityId,
  ...rest,
});

/** The phone and 255 others, each of so many characters. */
const manyMembers = (length: number) => [phone.entityId, ...Array.from({ length: 255 }, (_, i) => entityId(`m${i}`.padEnd(length, '-')))];

it('finds one group, those for a service, and those with something in their name', async () => {
  const sgId = await grouped(phone, [board], { name: 'Kitchen' });
  const body = { name: 'garden', members: [], objects: [], serviceId: 'music' };
  await phone.request(sgCreateRequest, body, sgCreateResponse);
  const names = async (wanted: Partial<BodyOf<typeof sgDiscoveryRequest>>) => (await find(phone, wanted)).map(({ name }) => name).sort();
  expect(await names({})).toEqual(['Kitchen', 'garden']);
  expect(await names({ sgId: fromHex(sgId) })).toEqual(['Kitchen']);
  expect(await names({ serviceId: 'music' })).toEqual(['garden']);
  expect(await names({ serviceId: 'film' })).toEqual([]);
  expect(await names({ keyword: 'KITCH' })).toEqual(['Kitchen']);
});

it('answers with 64 groups at most', async () => {
  await rig.db.transact((tx) => {
    for (let i = 0; i < 70; i++) {
      const sgId = i.toString(16).padStart(32, '0') as SgId;
      tx.groups.create({ sgId, name: `${i}`, owner: radio.entityId, ownerUser: alice, serviceId: undefined, open: true, objects: [] });
    }
  });
  expect(await find(phone)).toHaveLength(64);
});

it('finds groups in which more is shared than one answer holds, without what is shared', async () => {
  await file(4, { objects: Array.from({ length: 64 }, (_, i) => shared(i)) });
  const found = await find(phone);
  expect(found.map(({ objects = [] }) => objects.length)).toEqual([64, 64, 0, 0]);
});

it('finds groups of which an answer would be too long, without what is shared', async () => {
  await file(8, { objects: [shared(0, { members: manyMembers(32) })] });
  const found = await find(phone);
  expect(found.map(({ objects = [] }) => objects.length)).toEqual([1, 1, 1, 1, 1, 1, 0, 0]);
});

it('answers with as many groups as an answer holds, even without what is shared', async () => {
  await file(64, { name: '\u20ac'.repeat(61), objects: [shared(0, { members: manyMembers(32) })] });
  const found = await find(phone);
  expect(found.length).toBeGreaterThan(6);
  expect(found.length).toBeLessThan(64);
});

it('finds a group whose objects are for very many members, and all others', async () => {
  const hostile = Array.from({ length: 13 }, (_, i) => shared(i, { name: '', members: manyMembers(4) }));
  await file(3, { objects: hostile });
  await grouped(board, [phone], { name: 'family' });
  const found = await find(phone);
  expect(found.map(({ name, objects = [] }) => [name, objects.length])).toEqual([
    ['group 0', 0],
    ['group 1', 0],
    ['group 2', 0],
    ['family', 0],
  ]);
});

it('shows a joiner that was let in what a member sees', async () => {
  const sgId = await grouped(phone, [board]);
  expect((await find(radio, { sgId: fromHex(sgId) }))[0]).not.toHaveProperty('members');
  await radio.act(sgId, SgAction.Join);
  expect((await find(radio, { sgId: fromHex(sgId) }))[0]?.members).toEqual(['phone', 'board', 'radio']);
});
