import { type ContentSource, deviceControl } from '@cpns/agent';
import type { SgId } from '@cpns/shared';
import { describe, expect, it } from 'vitest';
import type { SimulatedDevice } from '../../rigs/simulation/device.js';
import { MemoryContents } from '../../rigs/simulation/memory-contents.js';
import { SPREAD_MS } from './groups.js';
import { BOARD_ID, establishAtPhone, type Household, household, LAPTOP_ID, never, PHONE_ID } from './household.js';

const SONG = 'la, la, la\n'.repeat(3_000);
const DURATION_MS = 60_000;

/** The board made a group with phone and laptop, their PN GW, and shares its song with the phone, for a minute. */
async function sharing(
  contents: ContentSource = new MemoryContents([
    { name: 'song', text: SONG },
    { name: 'diary', text: 'private' },
  ]),
) {
  const home = await household({ board: { contents } });
  await establishAtPhone(home, { type: 'all' });
  const { board, clock } = home;
  await clock.advance(2_000);
  const objects = [{ content: 'song', members: [PHONE_ID], untilMs: clock.wallMs() + DURATION_MS }];
  await clock.run(board.device.groups.create({ name: 'kitchen', members: [PHONE_ID, LAPTOP_ID], objects }, never()));
  const [group] = home.server.database.reads.groups.ofMember(BOARD_ID);
  await clock.advance(SPREAD_MS);
  return { home, sgId: group?.sgId as SgId };
}

/** Fetches as the control API does. */
async function fetchAt({ clock }: Household, { device }: SimulatedDevice, object: string, contentOctets = 1_000_000): Promise<string> {
  const parts: Buffer[] = [];
  const running = { device, signal: new AbortController().signal };
  const control = deviceControl({ current: () => running, clock, settings: { limits: { contentOctets } } } as never);
  const emit = (event: { type: string; payload?: string }) => event.payload && parts.push(Buffer.from(event.payload, 'base64'));
  await clock.run(control.fetchObject({ object }, { emit, signal: running.signal }));
  return Buffer.concat(parts).toString();
}

describe('an object that a member shares in a service group', () => {
  it('is fetched by whom it is shared with, and by nobody else', async () => {
    const { home } = await sharing();
    expect(await fetchAt(home, home.phone, 'song')).toBe(SONG);
    await expect(fetchAt(home, home.laptop, 'song')).rejects.toMatchObject({ code: 'NoSuchContent' });
    await expect(fetchAt(home, home.phone, 'diary')).rejects.toMatchObject({ code: 'NoSuchContent' });
  });

  it('is fetched while it lasts, and while its holder is there', async () => {
    const { home } = await sharing();
    const { phone, board, clock } = home;
    await home.restart(board);
    await clock.advance(20_000);
    expect(await fetchAt(home, phone, 'song')).toBe(SONG);
    await clock.advance(DURATION_MS);
    await expect(fetchAt(home, phone, 'song')).rejects.toMatchObject({ code: 'NoSuchContent' });
  });

  it('goes with its holder', async () => {
    const { home, sgId } = await sharing();
    await home.clock.run(home.board.device.groups.leave(sgId));
    await expect(fetchAt(home, home.phone, 'song')).rejects.toMatchObject({ code: 'NoSuchContent' });
  });

  it('is shared later, with others, and withdrawn; who may have it hears of it', async () => {
    const { home, sgId } = await sharing();
    const { board, laptop, phone, clock } = home;
    const change = async (work: Promise<unknown>) => {
      await clock.run(work);
      await clock.advance(2_000);
    };
    const shownAt = ({ device }: SimulatedDevice) => device.groups.find(sgId).record.objects?.map(({ name }) => name) ?? [];
    await change(board.device.groups.share(sgId, { content: 'diary', members: [LAPTOP_ID] }, never()));
    expect([shownAt(phone), shownAt(laptop)]).toEqual([['song'], ['diary']]);
    expect(await fetchAt(home, laptop, 'diary')).toBe('private');
    await expect(fetchAt(home, phone, 'diary')).rejects.toMatchObject({ code: 'NoSuchContent' });
    await change(board.device.groups.share(sgId, { content: 'song' }, never()));
    expect(shownAt(laptop).sort()).toEqual(['diary', 'song']);
    const withdrawn = clock.run(laptop.device.groups.withdraw(sgId, 'song', undefined, never()));
    await expect(withdrawn).rejects.toMatchObject({ code: 'NotOwner' });
    await change(board.device.groups.withdraw(sgId, 'diary', undefined, never()));
    expect([shownAt(phone), shownAt(laptop)]).toEqual([['song'], ['song']]);
    await expect(fetchAt(home, laptop, 'diary')).rejects.toMatchObject({ code: 'NoSuchContent' });
    expect(await fetchAt(home, laptop, 'song')).toBe(SONG);
  });

  it('is handed out by a holder that stopped before it heard that the group was made', async () => {
    const contents = new MemoryContents([{ name: 'song', text: SONG }]);
    const home = await household({ board: { contents } });
    await establishAtPhone(home, { type: 'all' });
    const { board, phone, clock, server } = home;
    await clock.advance(2_000);
    board.device.groups.create({ name: 'kitchen', members: [PHONE_ID], objects: [{ content: 'song' }] }, never()).catch(() => {});
    const asked = () => server.database.reads.groups.ofMember(BOARD_ID).length;
    while (asked() === 0) await clock.advance(1);
    const again = await home.restart(board);
    await clock.advance(10_000);
    expect(again.device.groups.list()).toHaveLength(1);
    expect(await fetchAt(home, phone, 'song')).toBe(SONG);
  });

  it('is refused when it is larger than this device takes, or not what the group was told of', async () => {
    const contents = new MemoryContents([{ name: 'song', text: SONG }]);
    const other: ContentSource = {
      list: () => contents.list(),
      problems: () => [],
      read: async (id, offset, length) => (await contents.read(id, offset, length)).map((octet) => octet ^ 1),
    };
    const { home } = await sharing(other);
    await expect(fetchAt(home, home.phone, 'song', 10)).rejects.toMatchObject({ code: 'ContentTooLarge' });
    await expect(fetchAt(home, home.phone, 'song')).rejects.toMatchObject({ code: 'ContentAltered' });
  });
});
