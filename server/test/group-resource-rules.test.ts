import { groupKeyDelivery, ResyncReason, SgAction, Status, sgCreateRequest, sgCreateResponse } from '@cpns/shared/messages';
import { LEAVES_MAX } from '@cpns/shared/security';
import { beforeEach, expect, it } from 'vitest';
import { defaultSettings } from '../src/config/settings.js';
import { GatewayDouble } from './enabler/devices.js';
import { GroupDevice, grouped } from './enabler/group-devices.js';
import { fetchPart, groupHome, objectOf } from './enabler/group-sharing.js';
import { bob, type Rig } from './enabler/rig.js';

// Security 2.1, the server's rules about service groups: each at the settings that a server has by default.

let rig: Rig;
let gateway: GatewayDouble;
let owner: GroupDevice;
let member: GroupDevice;
let honest: GroupDevice;

beforeEach(async () => {
  const home = await groupHome(['owner', 'member', 'honest']);
  ({ rig, gateway } = home);
  [owner, member, honest] = home.devices as [GroupDevice, GroupDevice, GroupDevice];
});

const busy = { status: Status.Busy };

it('limits.groupsPerDevice: 64 SGs per device', async () => {
  const make = (device: GroupDevice, name: string) =>
    device.request(sgCreateRequest, { name, members: [], objects: [] }, sgCreateResponse, { passMs: 0 });
  for (let i = 0; i < 64; i++) {
    expect((await make(owner, `group ${i}`)).status).toBe(Status.Success);
    await rig.pass(1_000);
  }
  await expect(make(owner, 'one more')).rejects.toMatchObject(busy);
  expect(rig.refusals()).toContain('TooManySgs');
  expect((await make(honest, 'first')).status).toBe(Status.Success);
  expect(rig.db.reads.groups.ofMember(owner.entityId)).toHaveLength(64);
});

it('limits.membersPerGroup: as many members as the key tree has leaves', () => {
  expect(defaultSettings().limits.membersPerGroup).toBe(LEAVES_MAX);
});

it('groups.leaveWindowMs, groups.expelWindowMs: one rekey per batch window', async () => {
  const sgId = await grouped(owner, [member, honest]);
  await Promise.all([member.leave(sgId, { passMs: 0 }), honest.leave(sgId, { passMs: 0 })].map((asked) => asked.catch(() => undefined)));
  await rig.pass(4_999);
  expect(gateway.take(groupKeyDelivery)).toHaveLength(0);
  await rig.pass(1);
  expect(gateway.take(groupKeyDelivery)).toHaveLength(1);
  expect(rig.db.reads.groups.find(sgId)).toMatchObject({ epoch: 2, memberCount: 1 });
});

it('limits.groupChangesPerHourPerMember: 10 joins and leaves per hour and member', async () => {
  const sgId = await grouped(owner, [member, honest]);
  const change = (device: GroupDevice, inside: boolean) => (inside ? device.leave(sgId) : device.act(sgId, SgAction.Join));
  for (let i = 0; i < 10; i++) {
    expect((await change(member, i % 2 === 0)).status).toBe(Status.Success);
    await rig.pass(1_000);
  }
  await expect(change(member, true)).rejects.toMatchObject(busy);
  expect(rig.refusals()).toContain('TooManyGroupChanges');
  expect((await change(honest, true)).status).toBe(Status.Success);
  await rig.pass(360_000);
  expect((await change(member, true)).status).toBe(Status.Success);
});

it('limits.groupQuestionsPer10MinPerDevice: 20 questions to a device in ten minutes for one user, whatever others ask', async () => {
  await rig.user(bob);
  const foreign = new GroupDevice(rig, await GatewayDouble.connected(rig, 'foreign', await rig.enrol('foreign', bob)));
  const ask = async (asker: GroupDevice) => {
    await rig.pass(1_000);
    const meanwhile = async () => void (await member.consent(Status.Rejected));
    const body = { name: 'again', members: [member.entityId], objects: [] };
    return (await asker.request(sgCreateRequest, body, sgCreateResponse, { meanwhile, passMs: 0 })).outcomes?.[0]?.status;
  };
  for (let i = 0; i < 20; i++) expect(await ask(foreign)).toBe(Status.Rejected);
  expect(await ask(foreign)).toBe(Status.Busy);
  expect(await ask(owner)).toBe(Status.Rejected);
  await rig.pass(30_000);
  expect(await ask(foreign)).toBe(Status.Rejected);
});

it('limits.groupResyncsPer10SPerMember: resync 1 per 10 s and member', async () => {
  const sgId = await grouped(owner, [member, honest]);
  await rig.pass(10_000);
  expect((await member.resync(sgId, ResyncReason.Gap)).status).toBe(Status.Success);
  await expect(member.resync(sgId, ResyncReason.Gap)).rejects.toMatchObject(busy);
  expect(rig.refusals()).toContain('TooManyResyncs');
  expect((await honest.resync(sgId, ResyncReason.Gap)).status).toBe(Status.Success);
  await rig.pass(10_000);
  expect((await member.resync(sgId, ResyncReason.Gap)).status).toBe(Status.Success);
});

it('limits.groupObjectPartsPerSecondPerMember: 20 parts of objects a second and member', async () => {
  const sgId = await grouped(owner, [member], { objects: [objectOf(owner, 'a')] });
  await rig.pass(10_000);
  const part = () => fetchPart(member, sgId, 'a', owner, { passMs: 0 });
  for (let i = 0; i < 20; i++) expect((await part()).status).toBe(Status.Success);
  await expect(part()).rejects.toMatchObject(busy);
  await rig.pass(1_000);
  expect((await part()).status).toBe(Status.Success);
});
