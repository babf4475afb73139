import type { SgId } from '@cpns/shared';
import {
  ack,
  MAX_OBJECTS_OF_MEMBER,
  Status,
  sgObjectChangeRequest,
  sgObjectChangeResponse,
  sgObjectsChangeNotification,
} from '@cpns/shared/messages';
import { fromHex } from '@cpns/shared/security';
import { beforeEach, describe, expect, it } from 'vitest';
import type { PneDouble } from './devices.js';
import { type GroupDevice, grouped } from './group-devices.js';
import { fetchPart, groupHome, listedTo, objectOf, share, withdraw } from './group-sharing.js';
import { Rig } from './rig.js';

let rig: Rig;
let owner: GroupDevice;
let holder: GroupDevice;
let member: GroupDevice;
let outsider: GroupDevice;
let sgId: SgId;

async function world(limits: ConstructorParameters<typeof Rig>[0] = {}): Promise<void> {
  const home = await groupHome(['owner', 'holder', 'member', 'outsider'], new Rig(limits));
  rig = home.rig;
  [owner, holder, member, outsider] = home.devices as [GroupDevice, GroupDevice, GroupDevice, GroupDevice];
  sgId = await grouped(owner, [holder, member]);
  await rig.pass(10_000);
}
beforeEach(() => world());

/** Who is told that something about objects is new, each of them once however often it was. */
async function told(): Promise<string[]> {
  const names: string[] = [];
  for (const device of [owner, holder, member, outsider]) {
    for (const envelope of device.device.takeEnvelopes(sgObjectsChangeNotification)) {
      names.push(device.entityId);
      await (device.device as PneDouble).answer(device.pnId as never, envelope, ack, { status: Status.Success });
    }
  }
  return names;
}

const ids = async (viewer: GroupDevice) => (await listedTo(viewer, sgId)).map(({ id }) => id);

describe('SG Object Change Request (SG-4)', () => {
  it('lets any member share what it holds later, and tells all who may have it', async () => {
    expect((await share(holder, sgId, objectOf(holder, 'song'))).status).toBe(Status.Success);
    expect(await told()).toEqual(['owner', 'holder', 'member']);
    expect(await listedTo(member, sgId)).toEqual([objectOf(holder, 'song')]);
    expect((await fetchPart(member, sgId, 'song', holder)).status).toBe(Status.Success);
    await expect(fetchPart(holder, sgId, 'song', holder)).rejects.toMatchObject({ status: Status.UnknownContent });
  });

  it('changes for whom and until when, and tells those who could see it and those who can', async () => {
    await share(holder, sgId, objectOf(holder, 'song', { members: [member.entityId] }));
    expect(await told()).toEqual(['holder', 'member']);
    expect([await ids(owner), await ids(member)]).toEqual([[], ['song']]);
    const untilMs = rig.clock.wallMs() + 60_000;
    await share(holder, sgId, objectOf(holder, 'song', { members: [owner.entityId], untilMs }));
    expect(await told()).toEqual(['owner', 'holder', 'member']);
    expect([await ids(owner), await ids(member)]).toEqual([['song'], []]);
    await expect(fetchPart(member, sgId, 'song', holder)).rejects.toMatchObject({ status: Status.UnknownContent });
    await rig.pass(60_000);
    expect(await ids(owner)).toEqual([]);
    await expect(fetchPart(owner, sgId, 'song', holder)).rejects.toMatchObject({ status: Status.UnknownContent });
  });

  it('withdraws, and does so again without a word', async () => {
    await share(holder, sgId, objectOf(holder, 'song'));
    await told();
    expect((await withdraw(holder, sgId, 'song')).status).toBe(Status.Success);
    expect(await told()).toEqual(['owner', 'holder', 'member']);
    expect((await withdraw(holder, sgId, 'song')).status).toBe(Status.Success);
    expect(await told()).toEqual([]);
    expect(await ids(member)).toEqual([]);
    await expect(fetchPart(member, sgId, 'song', holder)).rejects.toMatchObject({ status: Status.UnknownContent });
  });

  it('answers a repetition as before, and does nothing twice', async () => {
    const transaction = new Uint8Array(16).fill(3);
    const { id: objectId, holder: held, ...sharing } = objectOf(holder, 'song');
    const ask = () => {
      const body = { sgId: fromHex(sgId), objectId, holder: held, sharing };
      return holder.request(sgObjectChangeRequest, body, sgObjectChangeResponse, { transaction });
    };
    expect((await ask()).status).toBe(Status.Success);
    await told();
    await withdraw(holder, sgId, 'song');
    await told();
    expect((await ask()).status).toBe(Status.Success);
    expect([await ids(member), await told()]).toEqual([[], []]);
  });

  it('keeps the same content of two holders apart', async () => {
    await share(holder, sgId, objectOf(holder, 'song'));
    await share(member, sgId, objectOf(member, 'song', { members: [owner.entityId] }));
    expect(await listedTo(owner, sgId)).toEqual([objectOf(holder, 'song'), objectOf(member, 'song', { members: [owner.entityId] })]);
    await withdraw(member, sgId, 'song');
    expect(await listedTo(owner, sgId)).toEqual([objectOf(holder, 'song')]);
  });

  it('is lost with the membership of its holder', async () => {
    await share(holder, sgId, objectOf(holder, 'song'));
    await holder.leave(sgId);
    expect(await ids(member)).toEqual([]);
  });

  it('tells each waiting device once, however often objects changed meanwhile', async () => {
    for (const id of ['a', 'b', 'c']) await share(holder, sgId, objectOf(holder, id));
    const waiting = () => rig.db.reads.outbox.waiting(member.entityId, 10);
    expect(waiting()).toHaveLength(1);
    await told();
    await rig.pass(0);
    expect(waiting()).toEqual([]);
  });
});

describe('nobody but its holder', () => {
  it('shares in the name of another member', async () => {
    await expect(share(owner, sgId, objectOf(holder, 'song'))).rejects.toMatchObject({ status: Status.BadMessage });
    expect(rig.refusals()).toContain('WrongHolder');
    expect(await ids(holder)).toEqual([]);
  });

  it('withdraws, except the owner what is shared with it', async () => {
    await share(holder, sgId, objectOf(holder, 'song'));
    await share(holder, sgId, objectOf(holder, 'diary', { members: [member.entityId] }));
    await expect(withdraw(member, sgId, 'song', holder.entityId)).rejects.toMatchObject({ status: Status.NotOwner });
    await expect(withdraw(owner, sgId, 'diary', holder.entityId)).rejects.toMatchObject({ status: Status.UnknownContent });
    expect(await ids(member)).toEqual(['diary', 'song']);
    expect((await withdraw(owner, sgId, 'song', holder.entityId)).status).toBe(Status.Success);
    expect(await ids(member)).toEqual(['diary']);
  });

  it('learns from a refusal what it may not see', async () => {
    await share(holder, sgId, objectOf(holder, 'diary', { members: [owner.entityId] }));
    const refusedFor = async (objectId: string) => withdraw(member, sgId, objectId, holder.entityId).catch(({ status }) => status);
    expect(await refusedFor('diary')).toBe(Status.UnknownContent);
    expect(await refusedFor('nothing')).toBe(Status.UnknownContent);
  });

  it('changes anything who is no member, or asks in another session', async () => {
    await expect(share(outsider, sgId, objectOf(outsider, 'song'))).rejects.toMatchObject({ status: Status.NotMember });
    await expect(withdraw(outsider, sgId, 'song')).rejects.toMatchObject({ status: Status.NotMember });
    const nowhere = 'e'.repeat(32) as SgId;
    await expect(share(holder, nowhere, objectOf(holder, 'song'))).rejects.toMatchObject({ status: Status.UnknownSg });
  });
});

describe('the server shares nothing', () => {
  it('with whoever is not in the group, and says who that is', async () => {
    const members = [member.entityId, outsider.entityId];
    const answered = await share(holder, sgId, objectOf(holder, 'song', { members }));
    expect(answered).toMatchObject({ status: Status.NotMember, outcomes: [{ pne: 'outsider', status: Status.NotMember }] });
    expect(await ids(member)).toEqual([]);
  });

  it('with nobody, or until a time that has passed', async () => {
    const nobody = objectOf(holder, 'song', { members: [holder.entityId] });
    await expect(share(holder, sgId, nobody)).rejects.toMatchObject({ status: Status.BadMessage });
    const past = objectOf(holder, 'song', { untilMs: rig.clock.wallMs() });
    await expect(share(holder, sgId, past)).rejects.toMatchObject({ status: Status.WrongState });
    expect(await ids(holder)).toEqual([]);
  });

  it('beyond 16 objects of one member, of which those that have ended do not count', async () => {
    const untilMs = rig.clock.wallMs() + 60_000;
    for (let i = 0; i < MAX_OBJECTS_OF_MEMBER; i++) {
      await share(holder, sgId, objectOf(holder, `object ${i}`, i === 0 ? { untilMs } : {}));
      await rig.pass(1_000);
    }
    await expect(share(holder, sgId, objectOf(holder, 'one more'))).rejects.toMatchObject({ status: Status.Busy });
    expect(rig.refusals()).toContain('TooManyObjects');
    expect((await share(holder, sgId, objectOf(holder, 'object 1', { name: 'other' }))).status).toBe(Status.Success);
    expect((await share(member, sgId, objectOf(member, 'one more'))).status).toBe(Status.Success);
    await rig.pass(60_000);
    expect((await share(holder, sgId, objectOf(holder, 'one more'))).status).toBe(Status.Success);
  });

  it('that would not fit into an answer any more', async () => {
    const wide = (i: number) => ({ name: '€'.repeat(128), type: '€'.repeat(64), id: `${i}`.padStart(64, '0') });
    const devices = [owner, holder, member, outsider];
    sgId = await grouped(owner, [holder, member, outsider]);
    const outcomes: string[] = [];
    for (let i = 0; i < MAX_OBJECTS_OF_MEMBER * devices.length; i++) {
      const by = devices[i % devices.length] as GroupDevice;
      const object = objectOf(by, '', { ...wide(i), members: devices.map(({ entityId }) => entityId) });
      await share(by, sgId, object).catch(({ status }) => outcomes.push(`${status}`));
      await rig.pass(1_000);
    }
    expect(new Set(outcomes)).toEqual(new Set([`${Status.Busy}`]));
    // The group is still found, with all that is shared.
    expect((await ids(owner)).length).toBe(MAX_OBJECTS_OF_MEMBER * devices.length - outcomes.length);
  });
});

it('limits.groupObjectChangesPerHourPerMember: 120 changes of objects an hour and member', async () => {
  for (let i = 0; i < 120; i++) {
    await (i % 2 === 0 ? share(holder, sgId, objectOf(holder, 'song')) : withdraw(holder, sgId, 'song'));
    await rig.pass(100);
  }
  await expect(withdraw(holder, sgId, 'song')).rejects.toMatchObject({ status: Status.Busy });
  expect(rig.refusals()).toContain('TooManyObjectChanges');
  expect((await share(member, sgId, objectOf(member, 'song'))).status).toBe(Status.Success);
  await rig.pass(30_000);
  expect((await withdraw(holder, sgId, 'song')).status).toBe(Status.Success);
});

it('in a group of too many to tell all, only those who are named and the holder are told', async () => {
  await world({ limits: { groupMembersTold: 3 } });
  await share(holder, sgId, objectOf(holder, 'song'));
  expect(await told()).toEqual(['owner', 'holder', 'member']);
  await world({ limits: { groupMembersTold: 2 } });
  await share(holder, sgId, objectOf(holder, 'song'));
  expect(await told()).toEqual(['holder']);
  await share(holder, sgId, objectOf(holder, 'song', { members: [member.entityId] }));
  expect(await told()).toEqual(['holder', 'member']);
});
