import { type EntityId, entityId, type PnId } from '@cpns/shared';
import { CONTENT_PART_OCTETS, type Content, type ContentPart, type PnDataContent, Status } from '@cpns/shared/messages';
import { InsecureSeededEntropy, MemoryLogger, VirtualClock } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import { type ContentSource, nothingOffered, notOffered } from '../../src/entity/content-source.js';
import { Contents, type Found } from '../../src/entity/contents.js';
import { type PnRecord, PnRole, PnState, pnIdOctets } from '../../src/entity/device-state.js';

const [phone, board, laptop] = ['phone', 'board', 'laptop'].map(entityId) as [EntityId, EntityId, EntityId];
const home = 'ab'.repeat(16) as PnId;
const work = 'cd'.repeat(16) as PnId;
const SIZE = 2 * CONTENT_PART_OCTETS + 7;
const song: Content = { contentId: '5e'.repeat(32), name: 'song', type: 'audio/ogg', size: SIZE, chargeable: false };
const octets = Uint8Array.from({ length: SIZE }, (_, i) => i);

const source: ContentSource = {
  ...nothingOffered,
  list: () => [song],
  read: async (contentId, offset, length) => {
    if (contentId !== song.contentId) throw notOffered(contentId);
    return octets.subarray(offset, offset + length);
  },
};

function pn(pnId: PnId, offered: readonly Content[] = [song], members = [phone, board]): PnRecord {
  return {
    pnId: pnIdOctets(pnId),
    role: PnRole.Pne,
    state: PnState.Established,
    gateway: laptop,
    inventoryVersion: 1,
    pnKeyEpoch: 1,
    members: members.map((id) => ({ entityId: id, gateway: false, ...(id === board && { contents: offered }) })),
  };
}

/** Phone and board in a PN; what they say to one another can be lost or changed on the way. */
function pair(offering: ContentSource = source) {
  const clock = new VirtualClock();
  const records = new Map([[home, pn(home)]]);
  const state = { pn: (id: PnId) => records.get(id), pns: () => [...records.values()] };
  const said: PnDataContent[] = [];
  let way = (what: PnDataContent): PnDataContent | undefined => what;
  const device = (self: EntityId, from: ContentSource, deliver: (what: PnDataContent) => void) =>
    new Contents({
      state,
      clock,
      entropy: new InsecureSeededEntropy(self),
      logger: new MemoryLogger(),
      source: from,
      say: (_pnId, _to, what) => {
        said.push(what);
        const arrives = way(what);
        if (arrives !== undefined) clock.after(1, () => deliver(arrives));
        return true;
      },
    });
  const atBoard: Contents = device(board, offering, ({ contentPart }) => contentPart && atPhone.answered(board, contentPart));
  const atPhone: Contents = device(phone, nothingOffered, ({ contentRequest }) => {
    if (contentRequest !== undefined) void atBoard.asked(home, phone, contentRequest);
  });
  const fetch = async (found = atPhone.find({ from: board, content: 'song', pnId: undefined }), signal = new AbortController().signal) => {
    const parts: Uint8Array[] = [];
    await atPhone.fetch(found, (payload) => parts.push(payload), signal);
    return parts;
  };
  return { clock, records, said, atBoard, atPhone, fetch, onTheWay: (change: typeof way) => (way = change) };
}

const changed = (change: (part: ContentPart) => ContentPart) => (what: PnDataContent) =>
  what.contentPart === undefined ? what : { contentPart: change(what.contentPart) };

describe('fetching a content', () => {
  it('brings its parts in order, the last one as long as it is', async () => {
    const { clock, fetch } = pair();
    const parts = await clock.run(fetch());
    expect(parts.map(({ length }) => length)).toEqual([CONTENT_PART_OCTETS, CONTENT_PART_OCTETS, 7]);
    expect(Buffer.concat(parts).equals(octets)).toBe(true);
  });

  it('asks again for what is lost, and goes on where it was', async () => {
    const { clock, fetch, onTheWay, said } = pair();
    let messages = 0;
    onTheWay((what) => (++messages % 3 === 0 ? undefined : what));
    expect(Buffer.concat(await clock.run(fetch())).equals(octets)).toBe(true);
    expect(said.length).toBeGreaterThan(6);
    expect(said.length).toBeLessThan(15);
  });

  it('needs no message for nothing', async () => {
    const { clock, fetch, said } = pair();
    const empty: Found = { pnId: home, from: board, content: { ...song, size: 0 } };
    expect(await clock.run(fetch(empty))).toEqual([]);
    expect(said).toEqual([]);
  });

  it.each([
    ['shorter', (part: ContentPart) => ({ ...part, payload: octets.subarray(0, 10) })],
    ['longer', (part: ContentPart) => ({ ...part, payload: new Uint8Array(CONTENT_PART_OCTETS + 1) })],
    ['missing', ({ id, status }: ContentPart) => ({ id, status })],
  ])('refuses a part that is %s', async (_what, change) => {
    const { clock, fetch, onTheWay } = pair();
    onTheWay(changed(change));
    await expect(clock.run(fetch())).rejects.toMatchObject({ family: 'Auth', code: 'ContentAltered' });
  });

  it('takes no part that it did not ask for, nor one of somebody else', async () => {
    const { clock, fetch, onTheWay, atPhone } = pair();
    onTheWay((what) => {
      if (what.contentPart !== undefined) atPhone.answered(laptop, { ...what.contentPart, payload: new Uint8Array(7) });
      return changed((part) => ({ ...part, id: new Uint8Array(16) }))(what);
    });
    const running = fetch();
    running.catch(() => {});
    await clock.advance(61_000);
    await expect(running).rejects.toMatchObject({ family: 'Timeout', code: 'NoContent' });
  });

  it('ends when the other one leaves midway, or changes what it offers', async () => {
    for (const after of [pn(home, [], [phone]), pn(home, [{ ...song, contentId: '0'.repeat(64) }]), undefined]) {
      const { clock, records, fetch, onTheWay } = pair();
      let parts = 0;
      onTheWay((what) => {
        if (what.contentPart !== undefined && ++parts === 2) {
          if (after === undefined) records.delete(home);
          else records.set(home, after);
        }
        return what;
      });
      await expect(clock.run(fetch())).rejects.toMatchObject({ code: 'ContentGone' });
      expect(parts).toBe(2);
    }
  });

  it('ends when nobody wants it any more, and then another one can begin', async () => {
    const { clock, fetch, onTheWay } = pair();
    onTheWay(() => undefined);
    const stop = new AbortController();
    const found: Found = { pnId: home, from: board, content: { ...song, size: SIZE } };
    const running = fetch(found, stop.signal);
    running.catch(() => {});
    await clock.advance(10);
    await expect(fetch(found)).rejects.toMatchObject({ code: 'FetchBusy' });
    stop.abort();
    await expect(running).rejects.toMatchObject({ code: 'Aborted' });
    onTheWay((what) => what);
    expect(await clock.run(fetch(found))).toHaveLength(3);
  });
});

describe('what is meant', () => {
  const { atPhone, records } = pair();
  const find = (content: string, pnId?: PnId) => () => atPhone.find({ from: board, content, pnId });

  it('is named by its id or its name', () => {
    expect(find('song')()).toEqual({ pnId: home, from: board, content: song });
    expect(find(song.contentId, home)()).toEqual({ pnId: home, from: board, content: song });
  });

  it('must be offered there', () => {
    expect(find('film')).toThrow(expect.objectContaining({ code: 'NoSuchContent' }));
    expect(find('song', work)).toThrow(expect.objectContaining({ code: 'UnknownPn' }));
    expect(() => atPhone.find({ from: laptop, content: 'song', pnId: undefined })).toThrow(
      expect.objectContaining({ code: 'NoSuchContent' }),
    );
  });

  it('must be clear', () => {
    records.set(work, pn(work, [{ ...song, contentId: '0'.repeat(64) }]));
    expect(find('song')).toThrow(expect.objectContaining({ code: 'WhichContent' }));
    expect(find('song', work)().content.contentId).toBe('0'.repeat(64));
  });

  it('must have a size and a SHA-256', () => {
    const { size: _, ...unsized } = song;
    for (const odd of [unsized, { ...song, contentId: '../../etc/passwd' }]) {
      records.set(work, pn(work, [odd]));
      expect(find('song', work)).toThrow(expect.objectContaining({ code: 'NotFetchable' }));
    }
  });
});

describe('a device that is asked for a content', () => {
  async function answer(request: { contentId?: string; part?: number }, from: EntityId = phone, offering = source) {
    const { clock, atBoard, said } = pair(offering);
    await clock.run(atBoard.asked(home, from, { id: new Uint8Array(16), contentId: song.contentId, part: 0, ...request }));
    return said.map(({ contentPart }) => [contentPart?.status, contentPart?.payload?.length]);
  }

  it('gives the parts that there are', async () => {
    expect(await answer({ part: 0 })).toEqual([[Status.Success, CONTENT_PART_OCTETS]]);
    expect(await answer({ part: 2 })).toEqual([[Status.Success, 7]]);
    expect(await answer({ part: 3 })).toEqual([[Status.BadMessage, undefined]]);
    expect(await answer({ part: Number.MAX_SAFE_INTEGER })).toEqual([[Status.BadMessage, undefined]]);
  });

  it('gives nothing but what it offers', async () => {
    for (const contentId of ['', '0'.repeat(64), '/etc/passwd', '../song'])
      expect(await answer({ contentId })).toEqual([[Status.UnknownContent, undefined]]);
  });

  it('gives nothing to somebody who is not a member', async () => {
    expect(await answer({}, entityId('mallory'))).toEqual([[Status.NotMember, undefined]]);
  });

  it('says that it is gone where it cannot be read', async () => {
    const broken = { ...source, read: async (contentId: string) => Promise.reject(notOffered(contentId)) };
    expect(await answer({}, phone, broken)).toEqual([[Status.UnknownContent, undefined]]);
  });

  it('reads one part at a time for each', async () => {
    let reads = 0;
    let go = () => {};
    const slow = {
      ...source,
      read: async () => {
        reads++;
        await new Promise<void>((resolve) => {
          go = resolve;
        });
        return octets.subarray(0, CONTENT_PART_OCTETS);
      },
    };
    const { atBoard, said } = pair(slow);
    const asked = (part: number) => atBoard.asked(home, phone, { id: new Uint8Array(16).fill(part), contentId: song.contentId, part });
    const first = asked(0);
    await Promise.all([asked(1), asked(1), asked(0)]);
    expect([reads, said.length]).toEqual([1, 0]);
    go();
    await first;
    expect([reads, said.length]).toEqual([1, 1]);
  });
});
