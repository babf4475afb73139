import { CpnsError, entityId, refused } from '@cpns/shared';
import {
  type BodyOf,
  CONTENT_PART_OCTETS,
  type Content,
  type SharedObject,
  Status,
  sgCreateRequest,
  sgObjectRequest,
} from '@cpns/shared/messages';
import { describe, expect, it } from 'vitest';
import { type ContentSource, notOffered } from '../../../src/entity/content-source.js';
import { noSuchObject } from '../../../src/entity/groups/group-objects.js';
import { GroupAtServer, MemberRig, PN_ID, SG, SG_ID } from '../../support/member-rig.js';

const SIZE = CONTENT_PART_OCTETS + 7;
const octets = Uint8Array.from({ length: SIZE }, (_, i) => i);
const song: Content = { contentId: '5e'.repeat(32), name: 'song', type: 'audio/ogg', size: SIZE, chargeable: false };
const secret: Content = { ...song, contentId: '7f'.repeat(32), name: 'diary' };
const shelf: ContentSource = {
  list: () => [song, secret],
  problems: () => [],
  read: async (_contentId, offset, length) => octets.subarray(offset, offset + length),
};
const signal = new AbortController().signal;
const UNTIL_MS = Date.UTC(2100, 0);

/** A device with a shelf that made a group and shared its song in it. */
async function holding(): Promise<{ rig: MemberRig; told: BodyOf<typeof sgCreateRequest>; objects: readonly SharedObject[] }> {
  const group = new GroupAtServer();
  const rig = await MemberRig.make('phone', group);
  rig.contents = shelf;
  rig.answer = (type) => {
    if (type.number !== sgCreateRequest.number) throw new Error('not asked for');
    group.change(['phone']);
    return { status: Status.Success, group: group.info, outcomes: [] };
  };
  const objects = [{ content: 'song', members: [entityId('board')], untilMs: UNTIL_MS }];
  await rig.groups.create({ name: 'kitchen', members: [], pnId: undefined, objects }, signal);
  const told = rig.asked.find(({ type }) => type.number === sgCreateRequest.number)?.body as BodyOf<typeof sgCreateRequest>;
  return { rig, told, objects: told.objects };
}

const asking = (objectId: string, index = 0) => ({ sgId: SG, objectId, holder: entityId('phone'), origin: entityId('board'), index });

describe('the holder of an object', () => {
  it('tells the group of a content of its own, and hands out its parts', async () => {
    const { rig, objects } = await holding();
    expect(objects).toEqual([
      { id: song.contentId, name: 'song', type: 'audio/ogg', holder: 'phone', members: ['board'], untilMs: UNTIL_MS },
    ]);
    const part = (index: number) => rig.serve(sgObjectRequest, asking(song.contentId, index), 'own');
    expect(await part(0)).toMatchObject({ status: Status.Success, size: SIZE, part: octets.subarray(0, CONTENT_PART_OCTETS) });
    expect(await part(1)).toMatchObject({ status: Status.Success, part: octets.subarray(CONTENT_PART_OCTETS) });
    expect(await part(2)).toEqual({ status: Status.BadMessage, index: 2 });
  });

  it('hands out nothing that it did not share itself, whatever the server says, nor in another session', async () => {
    const { rig } = await holding();
    rig.group.info = { ...rig.group.info, objects: [{ id: secret.contentId, name: 'diary', type: 'x', holder: entityId('phone') }] };
    rig.groups.reachable(undefined);
    await rig.clock.advance(5_000);
    const ask = (objectId: string, pnId: 'own' | typeof PN_ID = 'own') => rig.serve(sgObjectRequest, asking(objectId), pnId);
    expect(await ask(secret.contentId)).toMatchObject({ status: Status.UnknownContent });
    expect(await ask(song.contentId, PN_ID)).toMatchObject({ status: Status.NotMember });
    rig.contents = { ...shelf, list: () => [] };
    expect(await ask(song.contentId)).toMatchObject({ status: Status.UnknownContent });
  });

  it('still hands it out after a restart, and not what is no longer what was shared', async () => {
    const { rig } = await holding();
    const again = rig.restart();
    again.contents = shelf;
    expect(await again.serve(sgObjectRequest, asking(song.contentId), 'own')).toMatchObject({ status: Status.Success });
    again.contents = { ...shelf, read: async (id) => Promise.reject(notOffered(id)) };
    expect(await again.serve(sgObjectRequest, asking(song.contentId), 'own')).toEqual({ status: Status.UnknownContent, index: 0 });
  });

  it('hands out an empty one', async () => {
    const { rig } = await holding();
    rig.contents = { ...shelf, list: () => [{ ...song, size: 0 }] };
    const part = (index: number) => rig.serve(sgObjectRequest, asking(song.contentId, index), 'own');
    expect(await part(0)).toEqual({ status: Status.Success, index: 0, size: 0 });
    expect(await part(1)).toEqual({ status: Status.BadMessage, index: 1 });
  });

  it('shares no content that it does not offer', async () => {
    const rig = await MemberRig.make('phone', new GroupAtServer());
    const wish = { name: 'kitchen', members: [], objects: [{ content: 'song' }] };
    await expect(rig.groups.create(wish, signal)).rejects.toMatchObject({ code: 'NotOffered' });
    expect(rig.count(sgCreateRequest)).toBe(0);
  });
});

describe('whoever wants an object', () => {
  async function wanting() {
    const group = new GroupAtServer();
    const { rig } = await holding();
    group.info = {
      ...rig.group.info,
      objects: [{ id: song.contentId, name: 'song', type: 'audio/ogg', holder: entityId('board') }],
    };
    Object.assign(rig.group, { info: group.info });
    return rig;
  }
  const answered = (index: number, more: object = {}) => ({
    status: Status.Success,
    index,
    size: SIZE,
    part: octets.subarray(index * CONTENT_PART_OCTETS, (index + 1) * CONTENT_PART_OCTETS),
    ...more,
  });

  async function fetched(rig: MemberRig): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    const found = await rig.groups.findObject(SG_ID, 'song', undefined, signal);
    await rig.groups.fetchObject(found, (part) => parts.push(part), signal);
    return Uint8Array.from(parts.flatMap((part) => [...part]));
  }

  it('gets it part by part, and waits while there is too much to do', async () => {
    const rig = await wanting();
    let isBusy = true;
    rig.answer = (_type, body) => {
      const { index } = body as BodyOf<typeof sgObjectRequest>;
      if (index === 0 || !isBusy) return answered(index);
      isBusy = false;
      return { status: Status.Busy, index };
    };
    const coming = fetched(rig);
    await rig.clock.advance(1_000);
    expect(await coming).toEqual(octets);
    expect(rig.count(sgObjectRequest)).toBe(3);
  });

  it.each([
    ['another part', { index: 5 }],
    ['a part that is too short', { part: octets.subarray(0, 3) }],
    ['no size', { size: undefined }],
  ])('refuses %s', async (_what, more) => {
    const rig = await wanting();
    rig.answer = (_type, body) => answered((body as BodyOf<typeof sgObjectRequest>).index, more);
    await expect(fetched(rig)).rejects.toMatchObject({ code: 'ContentAltered' });
  });

  it('refuses a size that changes on the way', async () => {
    const rig = await wanting();
    rig.answer = (_type, body) => {
      const { index } = body as BodyOf<typeof sgObjectRequest>;
      return answered(index, { size: SIZE + index });
    };
    await expect(fetched(rig)).rejects.toMatchObject({ code: 'ContentAltered' });
  });

  it('gives up after a minute in which there is too much to do, and at once on any other refusal', async () => {
    const rig = await wanting();
    const refusedWith = (status: Status) => {
      rig.answer = () => {
        throw refused(status, 'That');
      };
      return fetched(rig).catch((error) => error);
    };
    const busy = refusedWith(Status.Busy);
    await rig.clock.advance(61_000);
    expect(await busy).toMatchObject({ status: Status.Busy });
    expect(rig.count(sgObjectRequest)).toBe(61);
    expect(await refusedWith(Status.NotMember)).toMatchObject({ code: 'NotMember' });
    expect(rig.count(sgObjectRequest)).toBe(62);
  });

  it('asks for nothing once it was given up', async () => {
    const rig = await wanting();
    const found = await rig.groups.findObject(SG_ID, 'song', undefined, signal);
    const reason = new CpnsError('State', 'Aborted', 'Stopped.');
    await expect(rig.groups.fetchObject(found, () => {}, AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(rig.count(sgObjectRequest)).toBe(0);
  });

  it('hears of a refusal, and of an object that nobody shares', async () => {
    const rig = await wanting();
    rig.answer = (_type, body) => ({ status: Status.PeerUnreachable, index: (body as { index: number }).index });
    await expect(fetched(rig)).rejects.toMatchObject({ status: Status.PeerUnreachable });
    await expect(rig.groups.findObject(SG_ID, 'film', undefined, signal)).rejects.toMatchObject({ code: 'NoSuchContent' });
  });

  it('hears the id of a group whose name is not known yet', () => {
    const record = { sgId: SG, name: '', open: false, members: [] };
    expect(noSuchObject(record, 'song').message).toContain(SG_ID);
  });

  it('names one by its id where others are called the same', async () => {
    const rig = await wanting();
    const listed = rig.group.info.objects ?? [];
    const find = (wanted: string) => rig.groups.findObject(SG_ID, wanted, undefined, signal).then(({ object }) => object.id);
    rig.group.info = { ...rig.group.info, objects: [...listed, { ...(listed[0] as SharedObject), id: secret.contentId }] };
    await expect(find('song')).rejects.toMatchObject({ code: 'WhichContent' });
    expect(await find(secret.contentId)).toBe(secret.contentId);
    rig.group.info = { ...rig.group.info, objects: [...listed, { ...(listed[0] as SharedObject), holder: entityId('radio') }] };
    expect(await find('song')).toBe(song.contentId);
  });
});
