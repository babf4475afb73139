import { CpnsError, entityId, refused } from '@cpns/shared';
import {
  type AnyMessage,
  type BodyOf,
  type Content,
  MAX_OBJECTS_OF_MEMBER,
  type SharedObject,
  Status,
  sgCreateRequest,
  sgMemberChangeNotification,
  sgObjectChangeRequest,
  sgObjectRequest,
  sgObjectsChangeNotification,
} from '@cpns/shared/messages';
import { beforeEach, describe, expect, it } from 'vitest';
import type { ContentSource } from '../../../src/entity/content-source.js';
import { GroupAtServer, MemberRig, SG, SG_ID } from '../../support/member-rig.js';

const [phone, board] = [entityId('phone'), entityId('board')];
const song: Content = { contentId: '5e'.repeat(32), name: 'song', type: 'audio/ogg', size: 3, chargeable: false };
const other: Content = { ...song, contentId: '7f'.repeat(32), name: 'film' };
const shelf: ContentSource = { list: () => [song, other], problems: () => [], read: async () => new Uint8Array(3) };
const signal = new AbortController().signal;
const listing = (of: Content, holder = phone): SharedObject => ({ id: of.contentId, name: of.name, type: of.type, holder });
const lost = () => {
  throw new CpnsError('Timeout', 'NoAnswer', 'lost');
};

let group: GroupAtServer;
let rig: MemberRig;
/** What the server does about the next request. */
let serve: (type: AnyMessage, body: unknown) => unknown;

function started(device: MemberRig): MemberRig {
  device.contents = shelf;
  device.answer = (type, body) => serve(type, body);
  return device;
}

/** A server that keeps objects as it should; `after` may lose its answer. */
function keeping(after: () => void = () => {}) {
  return (type: AnyMessage, body: unknown) => {
    if (type.number === sgCreateRequest.number) {
      group.change(['phone']);
      group.info = { ...group.info, objects: [...(body as BodyOf<typeof sgCreateRequest>).objects] };
      after();
      return { status: Status.Success, group: group.info, outcomes: [] };
    }
    if (type.number !== sgObjectChangeRequest.number) throw new Error('not asked for');
    const { objectId: id, holder, sharing } = body as BodyOf<typeof sgObjectChangeRequest>;
    const others = (group.info.objects ?? []).filter((each) => each.id !== id || each.holder !== holder);
    group.info = { ...group.info, objects: sharing === undefined ? others : [...others, { id, holder, ...sharing }] };
    after();
    return { status: Status.Success, sgId: SG };
  };
}

const part = (of: Content) => ({ sgId: SG, objectId: of.contentId, holder: phone, origin: board, index: 0 });
const handsOut = async (device: MemberRig, of: Content) =>
  ((await device.serve(sgObjectRequest, part(of), 'own')) as { status: Status }).status === Status.Success;
const changes = () => rig.asked.filter(({ type }) => type.number === sgObjectChangeRequest.number).map(({ body }) => body);
const shown = () => rig.groups.find(SG_ID).record.objects?.map(({ name, holder }) => `${name} of ${holder}`) ?? [];
const create = (objects: { readonly content: string }[] = []) => rig.groups.create({ name: 'kitchen', members: [], objects }, signal);

beforeEach(() => {
  group = new GroupAtServer();
  serve = keeping();
});
beforeEach(async () => {
  rig = started(await MemberRig.make('phone', group));
});

describe('a member that shares in a group that there is', () => {
  beforeEach(async () => void (await create()));

  it('hands its content out from then on, and shows for whom', async () => {
    expect(await handsOut(rig, song)).toBe(false);
    const untilMs = rig.clock.wallMs() + 1_000;
    const { object } = await rig.groups.share(SG_ID, { content: 'song', members: [board], untilMs }, signal);
    expect(object).toEqual({ ...listing(song), members: [board], untilMs });
    expect(changes()).toEqual([
      { sgId: SG, objectId: song.contentId, holder: phone, sharing: { name: 'song', type: 'audio/ogg', members: [board], untilMs } },
    ]);
    expect([await handsOut(rig, song), await handsOut(rig, other)]).toEqual([true, false]);
    expect(shown()).toEqual(['song of phone']);
    await rig.clock.advance(1_000);
    expect(shown()).toEqual([]);
  });

  it('still hands it out where the answer was lost, or it stopped before it came', async () => {
    serve = keeping(lost);
    await expect(rig.groups.share(SG_ID, { content: 'song' }, signal)).rejects.toMatchObject({ code: 'OutcomeUnknown' });
    expect(await handsOut(rig, song)).toBe(true);
    expect(await handsOut(started(rig.restart()), song)).toBe(true);
  });

  it('does not hand it out when the server said no, but what it shared before', async () => {
    serve = () => {
      throw refused(Status.Busy, 'That');
    };
    await expect(rig.groups.share(SG_ID, { content: 'song' }, signal)).rejects.toMatchObject({ code: 'TooManyObjects' });
    expect([await handsOut(rig, song), await handsOut(started(rig.restart()), song)]).toEqual([false, false]);
    serve = keeping();
    await rig.groups.share(SG_ID, { content: 'song' }, signal);
    serve = () => ({ status: Status.NotMember, sgId: SG, outcomes: [{ pne: board, status: Status.NotMember }] });
    await expect(rig.groups.share(SG_ID, { content: 'song', members: [board] }, signal)).rejects.toThrow('Not in kitchen: board.');
    expect(await handsOut(rig, song)).toBe(true);
  });

  it('hands out again what is offered again, unless its place was taken', async () => {
    const films = Array.from({ length: MAX_OBJECTS_OF_MEMBER + 1 }, (_, i) => ({
      ...song,
      contentId: `${i}`.padStart(64, '0'),
      name: `${i}`,
    }));
    const first = films[0] as Content;
    const offered = (contents: readonly Content[]) => ({ ...shelf, list: () => [...contents] });
    const shareWithoutFirst = async ({ name: content }: Content) => {
      rig.contents = offered(films.filter((film) => film !== first));
      await rig.groups.share(SG_ID, { content }, signal);
      rig.contents = offered(films);
    };
    rig.contents = offered(films);
    await rig.groups.share(SG_ID, { content: first.name }, signal);
    for (const film of films.slice(1, -1)) await shareWithoutFirst(film);
    expect(await handsOut(rig, first)).toBe(true);
    await shareWithoutFirst(films.at(-1) as Content);
    expect(await handsOut(rig, first)).toBe(false);
  });

  it('says in one sentence what it cannot share', async () => {
    const share = (content: string, untilMs?: number) => rig.groups.share(SG_ID, { content, ...(untilMs && { untilMs }) }, signal);
    await expect(share('poem')).rejects.toMatchObject({ code: 'NotOffered' });
    await expect(share('song', rig.clock.wallMs())).rejects.toMatchObject({ code: 'PastTime' });
    expect(changes()).toEqual([]);
    serve = () => {
      throw refused(Status.WrongState, 'That');
    };
    await expect(share('song', rig.clock.wallMs() + 1)).rejects.toThrow('compare the clocks');
    rig.connected = false;
    await expect(share('song')).rejects.toMatchObject({ code: 'ServerUnreachable' });
    expect(await handsOut(rig, song)).toBe(false);
  });

  it('withdraws it: nothing of it is handed out, even where the server does not hear of it', async () => {
    await rig.groups.share(SG_ID, { content: 'song' }, signal);
    serve = lost;
    await expect(rig.groups.withdraw(SG_ID, 'song', undefined, signal)).rejects.toMatchObject({ code: 'OutcomeUnknown' });
    expect([await handsOut(rig, song), await handsOut(started(rig.restart()), song)]).toEqual([false, false]);
    serve = keeping();
    await rig.groups.withdraw(SG_ID, 'song', undefined, signal);
    expect([group.info.objects, shown()]).toEqual([[], []]);
    await expect(rig.groups.withdraw(SG_ID, 'song', undefined, signal)).rejects.toMatchObject({ code: 'NoSuchContent' });
  });

  it('withdraws it at the server once that is back, after a restart, too', async () => {
    await rig.groups.share(SG_ID, { content: 'song' }, signal);
    serve = lost;
    await expect(rig.groups.withdraw(SG_ID, 'song', undefined, signal)).rejects.toMatchObject({ code: 'OutcomeUnknown' });
    const again = started(rig.restart());
    serve = keeping();
    again.groups.reachable(undefined);
    await again.clock.advance(5_000);
    expect(group.info.objects).toEqual([]);
    expect(await handsOut(again, song)).toBe(false);
  });

  it('withdraws what the server never heard of', async () => {
    serve = lost;
    await expect(rig.groups.share(SG_ID, { content: 'song' }, signal)).rejects.toMatchObject({ code: 'OutcomeUnknown' });
    await rig.groups.withdraw(SG_ID, 'song', undefined, signal);
    expect(await handsOut(rig, song)).toBe(false);
  });

  it('withdraws it also where another own object, or that of another member with the same octets, is listed', async () => {
    await rig.groups.share(SG_ID, { content: 'song' }, signal);
    serve = lost;
    await expect(rig.groups.share(SG_ID, { content: 'film' }, signal)).rejects.toMatchObject({ code: 'OutcomeUnknown' });
    group.info = { ...group.info, objects: [listing(song), listing(other, board)] };
    expect((await rig.groups.withdraw(SG_ID, 'film', undefined, signal)).object.holder).toBe(phone);
    expect([await handsOut(rig, song), await handsOut(rig, other)]).toEqual([true, false]);
  });

  it('keeps what it shares when it looks what is shared, and what others share when it withdraws its own', async () => {
    for (const content of ['song', 'film']) await rig.groups.share(SG_ID, { content }, signal);
    group.info = { ...group.info, objects: [...(group.info.objects ?? []), listing(song, board)] };
    rig.groups.reachable(undefined);
    await rig.clock.advance(0);
    expect(shown()).toHaveLength(3);
    expect(changes()).toHaveLength(2);
    await rig.groups.withdraw(SG_ID, 'song', undefined, signal);
    expect(shown()).toEqual(['film of phone', 'song of board']);
  });

  it('is told when the server says no to what it asked', async () => {
    await rig.groups.share(SG_ID, { content: 'film' }, signal);
    serve = () => ({ status: Status.NotMember, sgId: SG });
    await expect(rig.groups.share(SG_ID, { content: 'song' }, signal)).rejects.toMatchObject({ code: 'NotMember' });
    await expect(rig.groups.withdraw(SG_ID, 'film', undefined, signal)).rejects.toMatchObject({ code: 'NotMember' });
    expect([await handsOut(rig, song), await handsOut(rig, other)]).toEqual([false, false]);
  });

  it('means its own object before one of another member, and needs to know whose where neither is its own', async () => {
    const tablet = entityId('tablet');
    group.info = { ...group.info, objects: [listing(song), listing(song, board), listing(other, board), listing(other, tablet)] };
    const withdraw = (wanted: string, from?: typeof board) => rig.groups.withdraw(SG_ID, wanted, from, signal);
    expect((await withdraw('song')).object.holder).toBe(phone);
    await expect(withdraw('film')).rejects.toMatchObject({ code: 'WhichContent' });
    expect((await withdraw('film', tablet)).object.holder).toBe(tablet);
    expect(group.info.objects).toEqual([listing(song, board), listing(other, board)]);
  });
});

describe('a group whose making was not answered', () => {
  /** The server says which groups this device is in. */
  const told = async (device: MemberRig) => {
    const news = { sgId: SG, owner: phone, add: [phone], remove: [], name: 'kitchen', epoch: 1 };
    await device.serve(sgMemberChangeNotification, news, 'own');
    await device.clock.advance(5_000);
  };

  it('has what was shared in it, after a restart, too', async () => {
    serve = keeping(lost);
    await expect(create([{ content: 'song' }])).rejects.toMatchObject({ code: 'OutcomeUnknown' });
    const again = started(rig.restart());
    await told(again);
    expect([await handsOut(again, song), await handsOut(again, other)]).toEqual([true, false]);
    expect(again.state.groupWishes().size).toBe(0);
  });

  it('has it where the device stops before the answer comes', async () => {
    serve = () => new Promise(() => {});
    void create([{ content: 'song' }]);
    await rig.clock.advance(0);
    keeping()(sgCreateRequest, { objects: [listing(song)] });
    const again = started(rig.restart());
    await told(again);
    expect(await handsOut(again, song)).toBe(true);
  });

  it.each([
    ['another name', () => ({ name: 'cellar' })],
    ['an object that was not to be shared', () => ({ objects: [listing(song), listing(other)] })],
  ])('is not taken for one of %s', async (_what, changed) => {
    serve = keeping(lost);
    await expect(create([{ content: 'song' }])).rejects.toMatchObject({ code: 'OutcomeUnknown' });
    group.info = { ...group.info, ...changed() };
    await told(rig);
    expect([await handsOut(rig, song), await handsOut(rig, other)]).toEqual([false, false]);
  });

  it('is not taken for another one of that name', async () => {
    await create([{ content: 'song' }]);
    serve = lost;
    await expect(create([{ content: 'song' }, { content: 'film' }])).rejects.toMatchObject({ code: 'OutcomeUnknown' });
    await told(rig);
    expect([await handsOut(rig, song), await handsOut(rig, other), rig.state.groupWishes().size]).toEqual([true, false, 1]);
  });

  it('leaves nothing where the server said no, and 16 wishes at most', async () => {
    serve = () => ({ status: Status.Rejected });
    await expect(create([{ content: 'song' }])).rejects.toMatchObject({ status: Status.Rejected });
    expect(rig.state.groupWishes().size).toBe(0);
    serve = lost;
    await expect(create()).rejects.toMatchObject({ code: 'OutcomeUnknown' });
    expect(rig.state.groupWishes().size).toBe(0);
    for (let i = 0; i < 20; i++) {
      await rig.clock.advance(1);
      const wish = { name: `group ${i}`, members: [], objects: [{ content: 'song' }] };
      await expect(rig.groups.create(wish, signal)).rejects.toMatchObject({ code: 'OutcomeUnknown' });
    }
    const names = [...rig.state.groupWishes().values()].map(({ name }) => name);
    expect(names.sort()).toEqual(Array.from({ length: 16 }, (_, i) => `group ${i + 4}`).sort());
  });
});

describe('a member that is told of objects', () => {
  it('looks which they are, and tells the person what others share and do not share any more', async () => {
    await create();
    const told = async (objects: SharedObject[]) => {
      group.info = { ...group.info, memberCount: 2, objects };
      await rig.serve(sgObjectsChangeNotification, { sgId: SG }, 'own');
      await rig.clock.advance(1_000);
      return rig.happenings.splice(0).flatMap((what) => (what.type === 'group-objects' ? [what.text] : []));
    };
    await told([]);
    expect(await told([listing(song, board), listing(other)])).toEqual(['Service group kitchen: board shares "song".']);
    expect(shown()).toEqual(['song of board', 'film of phone']);
    expect(await told([])).toEqual(['Service group kitchen: "song" of board is not shared any more.']);
    expect(shown()).toEqual([]);
  });

  it('refuses the word in the session of another network, and ignores groups that it is not in', async () => {
    expect(await rig.serve(sgObjectsChangeNotification, { sgId: SG }, 'own')).toEqual({ status: Status.Success });
    await create();
    await expect(rig.serve(sgObjectsChangeNotification, { sgId: SG })).rejects.toMatchObject({ code: 'WrongPn' });
  });
});
