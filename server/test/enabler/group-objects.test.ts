import type { SgId } from '@cpns/shared';
import { refusal, Status, sgObjectRequest } from '@cpns/shared/messages';
import { fromHex } from '@cpns/shared/security';
import { beforeEach, describe, expect, it } from 'vitest';
import { established, GatewayDouble, PneDouble } from './devices.js';
import { GroupDevice, grouped } from './group-devices.js';
import { answering, fetchPart, groupHome, objectOf, part } from './group-sharing.js';
import type { Rig } from './rig.js';

let rig: Rig;
/** The holder is behind another PN GW. */
let away: GatewayDouble;
let holder: GroupDevice;
let member: GroupDevice;
let sibling: GroupDevice;
let outsider: GroupDevice;
let sgId: SgId;

/** A group of three; the owner shares `all` with everybody, `one` with the member alone, and `brief` for a minute. */
beforeEach(async () => {
  const home = await groupHome(['member', 'sibling', 'outsider']);
  rig = home.rig;
  [member, sibling, outsider] = home.devices as [GroupDevice, GroupDevice, GroupDevice];
  away = await GatewayDouble.connected(rig, 'elsewhere');
  const pne = await PneDouble.of(away, 'holder');
  holder = new GroupDevice(rig, pne, await established(away, [pne]));
  const objects = [
    objectOf(holder, 'all'),
    objectOf(holder, 'one', { members: [member.entityId] }),
    objectOf(holder, 'brief', { untilMs: rig.clock.wallMs() + 60_000 }),
  ];
  sgId = await grouped(holder, [member, sibling], { objects });
  await rig.pass(10_000);
});

describe('SG Object Request (SG-4)', () => {
  it('is passed to the holder, and its answer to whoever asked', async () => {
    const { asked, meanwhile } = answering(holder);
    expect(await fetchPart(member, sgId, 'one', holder, { meanwhile, more: { index: 1 } })).toEqual({
      status: Status.Success,
      index: 1,
      size: 20_000,
      part,
    });
    expect(asked).toEqual([{ sgId: fromHex(sgId), objectId: 'one', holder: 'holder', origin: 'member', index: 1 }]);
    expect((await fetchPart(sibling, sgId, 'all', holder)).part).toEqual(part);
  });

  it('never reaches the holder for somebody with whom the object is not shared, or an object that is not there', async () => {
    const { asked, meanwhile } = answering(holder);
    await expect(fetchPart(sibling, sgId, 'one', holder, { meanwhile })).rejects.toMatchObject({ status: Status.UnknownContent });
    await expect(fetchPart(sibling, sgId, 'none', holder, { meanwhile })).rejects.toMatchObject({ status: Status.UnknownContent });
    await expect(fetchPart(outsider, sgId, 'all', holder, { meanwhile })).rejects.toMatchObject({ status: Status.NotMember });
    await expect(fetchPart(member, sgId, 'own', holder, { meanwhile })).rejects.toMatchObject({ status: Status.UnknownContent });
    const sg = new Uint8Array(16).fill(1);
    await expect(fetchPart(member, sgId, 'all', holder, { meanwhile, more: { sgId: sg } })).rejects.toMatchObject({
      status: Status.UnknownSg,
    });
    await expect(fetchPart(sibling, sgId, 'one', holder, { meanwhile, more: { origin: member.entityId } })).rejects.toMatchObject({
      status: Status.BadMessage,
    });
    await meanwhile();
    expect(asked).toEqual([]);
  });

  it('is refused once the object has ended', async () => {
    expect((await fetchPart(sibling, sgId, 'brief', holder)).status).toBe(Status.Success);
    await rig.pass(60_000);
    await expect(fetchPart(sibling, sgId, 'brief', holder)).rejects.toMatchObject({ status: Status.UnknownContent });
  });

  it('is refused when whoever asks has left while the holder was asked', async () => {
    const { meanwhile } = answering(holder);
    const leaving = async () => {
      await holder.expel(sgId, [sibling]);
      await meanwhile();
    };
    await expect(fetchPart(sibling, sgId, 'all', holder, { meanwhile: leaving })).rejects.toMatchObject({ status: Status.NotMember });
  });

  it('is refused when the holder has left, says no, says nothing, or speaks of another part', async () => {
    const refusing = answering(holder, ({ index }) => ({ status: Status.UnknownContent, index })).meanwhile;
    expect((await fetchPart(member, sgId, 'all', holder, { meanwhile: refusing })).status).toBe(Status.UnknownContent);
    const other = answering(holder, ({ index }) => ({ status: Status.Success, index: index + 1, size: 20_000, part })).meanwhile;
    expect(await fetchPart(member, sgId, 'all', holder, { meanwhile: other })).toEqual({ status: Status.Rejected, index: 0 });
    const plain = async () => {
      for (const envelope of holder.device.takeEnvelopes(sgObjectRequest))
        await holder.answer(envelope, refusal, { status: Status.BadMessage });
    };
    expect((await fetchPart(member, sgId, 'all', holder, { meanwhile: plain })).status).toBe(Status.BadMessage);
    expect((await fetchPart(member, sgId, 'all', holder, { meanwhile: async () => {}, passMs: 15_000 })).status).toBe(Status.Timeout);
    await holder.leave(sgId);
    await expect(fetchPart(member, sgId, 'all', holder)).rejects.toMatchObject({ status: Status.UnknownContent });
  });

  it('is refused while the holder cannot be reached', async () => {
    rig.broker.disconnect(away.entityId);
    await expect(fetchPart(member, sgId, 'all', holder)).rejects.toMatchObject({ status: Status.PeerUnreachable });
  });
});
