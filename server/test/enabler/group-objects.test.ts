import type { SgId } from '@cpns/shared';
import {
  type BodyOf,
  bodyOf,
  refusal,
  type SharedObject,
  Status,
  sgCreateRequest,
  sgCreateResponse,
  sgObjectRequest,
  sgObjectResponse,
} from '@cpns/shared/messages';
import { fromHex, toHex } from '@cpns/shared/security';
import { beforeEach, describe, expect, it } from 'vitest';
import { established, GatewayDouble, PneDouble } from './devices.js';
import { GroupDevice, storeGroupNotices } from './group-devices.js';
import { Rig } from './rig.js';

let rig: Rig;
let gateway: GatewayDouble;
/** The holder is behind another PN GW. */
let away: GatewayDouble;
let holder: GroupDevice;
let member: GroupDevice;
let sibling: GroupDevice;
let outsider: GroupDevice;
let sgId: SgId;
const part = new Uint8Array(15_000).fill(5);

/** A group of three; the owner shares `all` with everybody, `one` with the member alone, and `brief` for a minute. */
beforeEach(async () => {
  rig = new Rig();
  rig.hasGroups = true;
  await rig.user();
  gateway = await GatewayDouble.connected(rig);
  const pnes = await Promise.all(['member', 'sibling', 'outsider'].map((name) => PneDouble.of(gateway, name)));
  const pnId = await established(gateway, pnes);
  const devices = pnes.map((pne) => new GroupDevice(rig, pne, pnId));
  [member, sibling, outsider] = devices as [GroupDevice, GroupDevice, GroupDevice];
  away = await GatewayDouble.connected(rig, 'elsewhere');
  const pne = await PneDouble.of(away, 'holder');
  holder = new GroupDevice(rig, pne, await established(away, [pne]));
  const object = (id: string, more: Partial<SharedObject> = {}) => ({ id, name: id, type: 'text/plain', holder: holder.entityId, ...more });
  const objects = [
    object('all'),
    object('one', { members: [member.entityId] }),
    object('brief', { untilMs: rig.clock.wallMs() + 60_000 }),
    object('own', { holder: member.entityId }),
  ];
  const members = [member.entityId, sibling.entityId];
  const created = await holder.request(sgCreateRequest, { name: 'shared', members, objects }, sgCreateResponse, {
    meanwhile: async () => {
      await member.consent();
      await sibling.consent();
    },
  });
  sgId = toHex(created.group?.sgId ?? new Uint8Array()) as SgId;
  for (const device of [holder, member, sibling]) await storeGroupNotices(device);
  await rig.pass(10_000);
});

type Asked = BodyOf<typeof sgObjectRequest>;
type Answered = BodyOf<typeof sgObjectResponse>;

/** The holder answers what it is asked. */
function answering(answer: (asked: Asked) => Answered = ({ index }) => ({ status: Status.Success, index, size: 20_000, part })) {
  const asked: Asked[] = [];
  const meanwhile = async () => {
    for (const envelope of holder.device.takeEnvelopes(sgObjectRequest)) {
      const body = bodyOf(envelope, sgObjectRequest);
      asked.push(body);
      await holder.answer(envelope, sgObjectResponse, answer(body));
    }
  };
  return { asked, meanwhile };
}

function fetchPart(by: GroupDevice, objectId: string, meanwhile = answering().meanwhile, more: Partial<Asked> = {}, passMs = 100) {
  const body = { sgId: fromHex(sgId), objectId, origin: by.entityId, index: 0, ...more };
  return by.request(sgObjectRequest, body, sgObjectResponse, { meanwhile, passMs });
}

describe('SG Object Request (SG-4)', () => {
  it('is passed to the holder, and its answer to whoever asked', async () => {
    const { asked, meanwhile } = answering();
    expect(await fetchPart(member, 'one', meanwhile, { index: 1 })).toEqual({ status: Status.Success, index: 1, size: 20_000, part });
    expect(asked).toEqual([{ sgId: fromHex(sgId), objectId: 'one', origin: 'member', index: 1 }]);
    expect((await fetchPart(sibling, 'all')).part).toEqual(part);
  });

  it('never reaches the holder for somebody with whom the object is not shared, or an object that is not there', async () => {
    const { asked, meanwhile } = answering();
    await expect(fetchPart(sibling, 'one', meanwhile)).rejects.toMatchObject({ status: Status.UnknownContent });
    await expect(fetchPart(sibling, 'none', meanwhile)).rejects.toMatchObject({ status: Status.UnknownContent });
    await expect(fetchPart(outsider, 'all', meanwhile)).rejects.toMatchObject({ status: Status.NotMember });
    await expect(fetchPart(member, 'own', meanwhile)).rejects.toMatchObject({ status: Status.UnknownContent });
    const sg = new Uint8Array(16).fill(1);
    await expect(fetchPart(member, 'all', meanwhile, { sgId: sg })).rejects.toMatchObject({ status: Status.UnknownSg });
    await expect(fetchPart(sibling, 'one', meanwhile, { origin: member.entityId })).rejects.toMatchObject({ status: Status.BadMessage });
    await meanwhile();
    expect(asked).toEqual([]);
  });

  it('is refused once the object has ended', async () => {
    expect((await fetchPart(sibling, 'brief')).status).toBe(Status.Success);
    await rig.pass(60_000);
    await expect(fetchPart(sibling, 'brief')).rejects.toMatchObject({ status: Status.UnknownContent });
  });

  it('is refused when whoever asks has left while the holder was asked', async () => {
    const { meanwhile } = answering();
    const leaving = async () => {
      await holder.expel(sgId, [sibling]);
      await meanwhile();
    };
    await expect(fetchPart(sibling, 'all', leaving)).rejects.toMatchObject({ status: Status.NotMember });
  });

  it('is refused when the holder has left, says no, says nothing, or speaks of another part', async () => {
    const refusing = answering(({ index }) => ({ status: Status.UnknownContent, index })).meanwhile;
    expect((await fetchPart(member, 'all', refusing)).status).toBe(Status.UnknownContent);
    const other = answering(({ index }) => ({ status: Status.Success, index: index + 1, size: 20_000, part })).meanwhile;
    expect(await fetchPart(member, 'all', other)).toEqual({ status: Status.Rejected, index: 0 });
    const plain = async () => {
      for (const envelope of holder.device.takeEnvelopes(sgObjectRequest))
        await holder.answer(envelope, refusal, { status: Status.BadMessage });
    };
    expect((await fetchPart(member, 'all', plain)).status).toBe(Status.BadMessage);
    expect((await fetchPart(member, 'all', async () => {}, {}, 15_000)).status).toBe(Status.Timeout);
    await holder.leave(sgId);
    await expect(fetchPart(member, 'all')).rejects.toMatchObject({ status: Status.UnknownContent });
  });

  it('is refused while the holder cannot be reached', async () => {
    rig.broker.disconnect(away.entityId);
    await expect(fetchPart(member, 'all')).rejects.toMatchObject({ status: Status.PeerUnreachable });
  });
});
