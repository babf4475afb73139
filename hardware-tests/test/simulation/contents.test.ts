import { type ContentSource, deviceControl, pnIdText } from '@cpns/agent';
import { entityId, type PnId } from '@cpns/shared';
import { describe, expect, it } from 'vitest';
import type { SimulatedDevice } from '../../rigs/simulation/device.js';
import { MemoryContents } from '../../rigs/simulation/memory-contents.js';
import { BOARD_ID, establishAtPhone, type Household, household } from './household.js';

const SONG = 'la, la, la\n'.repeat(3_000);
const song = { name: 'song', text: SONG, conditions: 'not before eight' };
const menu = { name: 'menu', text: 'soup' };

/** A household whose board offers something, with one PN of all. */
async function offering(contents: ContentSource, settings: { shareMembers?: boolean } = {}) {
  const home = await household({ board: { contents }, laptop: { settings } });
  const { record } = await establishAtPhone(home, { type: 'all' });
  await home.clock.advance(2_000);
  return { home, pnId: pnIdText(record.pnId) };
}

/** Names of what `device` is told that the board offers. */
function seenAt({ device }: SimulatedDevice, pnId: PnId) {
  return device.state
    .pn(pnId)
    ?.members.find(({ entityId: id }) => id === BOARD_ID)
    ?.contents?.map(({ name }) => name);
}

/** Fetches as the control API does. */
async function fetchAt({ clock }: Household, { device }: SimulatedDevice, content: string, contentOctets = 1_000_000) {
  const parts: Buffer[] = [];
  const running = { device, signal: new AbortController().signal };
  const control = deviceControl({ current: () => running, clock, settings: { limits: { contentOctets } } } as never);
  const emit = (event: { type: string; payload?: string }) => event.payload && parts.push(Buffer.from(event.payload, 'base64'));
  await clock.run(control.fetch({ content, from: BOARD_ID }, { emit, signal: running.signal }));
  return Buffer.concat(parts).toString();
}

describe('what a device offers', () => {
  it('goes into the PN with its hello, and can be fetched by its members', async () => {
    const { home, pnId } = await offering(new MemoryContents([song, menu]));
    const { phone, laptop, board } = home;
    for (const device of [phone, laptop, board]) expect(seenAt(device, pnId)).toEqual(['song', 'menu']);
    expect(await fetchAt(home, phone, 'song')).toBe(SONG);
    expect(await fetchAt(home, laptop, 'menu')).toBe('soup');
    expect([phone.received, laptop.received, board.received]).toEqual([[], [], []]);
  });

  it('reaches the others, too, where a hello has no room for it', async () => {
    const wordy = Array.from({ length: 8 }, (_, i) => ({ name: `song ${i}`, text: `${i}`, conditions: 'x'.repeat(250) }));
    const { home, pnId } = await offering(new MemoryContents(wordy));
    for (const device of [home.phone, home.laptop, home.board]) expect(seenAt(device, pnId)).toEqual(wordy.map(({ name }) => name));
  });

  it('changes for everybody when it changes, down to nothing', async () => {
    const contents = new MemoryContents([menu]);
    const { home, pnId } = await offering(contents);
    const { phone, laptop, board, clock } = home;
    for (const offered of [[song, menu], [song], []]) {
      contents.offer(offered);
      board.device.contentsChanged();
      await clock.advance(2_000);
      for (const device of [phone, laptop, board]) expect(seenAt(device, pnId)).toEqual(offered.map(({ name }) => name));
    }
    await expect(fetchAt(home, phone, 'song')).rejects.toMatchObject({ code: 'NoSuchContent' });
  });

  it('is told anew by a device that was off when it changed', async () => {
    const contents = new MemoryContents([menu]);
    const { home, pnId } = await offering(contents);
    contents.offer([song]);
    await home.restart(home.board);
    await home.clock.advance(20_000);
    expect(seenAt(home.phone, pnId)).toEqual(['song']);
    expect(await fetchAt(home, home.phone, 'song')).toBe(SONG);
  });

  it('does not trouble a server that knows it', async () => {
    const { home, pnId } = await offering(new MemoryContents([menu]));
    const version = home.server.database.reads.pns.find(pnId)?.version;
    home.board.device.contentsChanged();
    await home.clock.advance(2_000);
    expect(home.server.database.reads.pns.find(pnId)?.version).toBe(version);
  });

  it('is for the PN GW alone where members do not see one another', async () => {
    const { home, pnId } = await offering(new MemoryContents([menu]), { shareMembers: false });
    expect(seenAt(home.phone, pnId)).toBeUndefined();
    await expect(fetchAt(home, home.phone, 'menu')).rejects.toMatchObject({ code: 'NoSuchContent' });
    const { board, phone, clock } = home;
    const known = board.device.state.pn(pnId)?.members.find(({ entityId: id }) => id === BOARD_ID)?.contents?.[0];
    const guessed = { pnId, from: BOARD_ID, content: { ...known, size: 4 } } as Parameters<typeof phone.device.contents.fetch>[0];
    await expect(clock.run(phone.device.contents.fetch(guessed, () => {}, new AbortController().signal))).rejects.toMatchObject({
      code: 'ContentGone',
    });
    expect(await fetchAt(home, home.laptop, 'menu')).toBe('soup');
  });

  it('is worth nothing when it is not what the PN Inventory says', async () => {
    const honest = new MemoryContents([menu]);
    const lying: ContentSource = {
      list: () => honest.list(),
      problems: () => [],
      read: async () => new Uint8Array(Buffer.from('Soup')),
    };
    const { home } = await offering(lying);
    await expect(fetchAt(home, home.phone, 'menu')).rejects.toMatchObject({ family: 'Auth', code: 'ContentAltered' });
  });

  it('is not fetched where it is larger than a device takes', async () => {
    const { home } = await offering(new MemoryContents([menu]));
    await expect(fetchAt(home, home.phone, 'menu', 3)).rejects.toMatchObject({ code: 'ContentTooLarge' });
    expect(await fetchAt(home, home.phone, 'menu', 4)).toBe('soup');
  });

  it('is out of reach for a device that was taken out of the PN', async () => {
    const { home, pnId } = await offering(new MemoryContents([menu]));
    await home.clock.run(home.laptop.device.networks.expel(entityId('phone'), pnId));
    await home.clock.advance(2_000);
    await expect(fetchAt(home, home.phone, 'menu')).rejects.toMatchObject({ code: 'NoSuchContent' });
  });
});
