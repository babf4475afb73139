import { createHash } from 'node:crypto';
import type { ControlEvent, ControlParams } from '@cpns/agent';
import type { DeviceHandle } from '../rigs/rig.js';
import { createGroup, group as groupOf, together } from './acts/groups.js';
import { create, household } from './acts/household.js';
import { established, network } from './acts/look.js';
import { defineScenario, type Telling } from './scenario.js';

/** Three parts, the last one not full. */
const SONG = 'la, la, la\n'.repeat(3_000);
const MENU = 'soup, bread, apples\n';
const LIST_MS = 30_000;
const FETCH_MS = 120_000;

export const contentShownAndFetched = defineScenario({
  name: 'content-shown-and-fetched',
  title: 'A device offers contents; the other members see them, and fetch them through the personal network.',
  needs: ['power'],
  run: async (t) => {
    const { phone, laptop, board } = await household(t, {
      board: {
        contents: [
          { name: 'song.txt', text: SONG, conditions: 'not before eight', chargeable: true },
          { name: 'menu.txt', text: MENU },
        ],
      },
    });

    t.step('A PN is established; phone and laptop see what the board offers.');
    const { pn } = await create(phone, { setup: 'all' });
    for (const device of [phone, laptop]) {
      const offered = await t.eventually(`${device.id} sees what the board offers`, () => offeredBy(device, board, pn.pnId), LIST_MS);
      t.same('with name, type, size and conditions', offered, [
        { id: sha256(SONG), name: 'song.txt', type: 'text/plain', size: SONG.length, chargeable: true, conditions: 'not before eight' },
        { id: sha256(MENU), name: 'menu.txt', type: 'text/plain', size: MENU.length, chargeable: false },
      ]);
    }

    t.step('The phone fetches the song by its name, the laptop the menu by its id.');
    await fetches(t, phone, { content: 'song.txt', from: board.id }, SONG);
    await fetches(t, laptop, { content: sha256(MENU), from: board.id, pnId: pn.pnId }, MENU);
    await t.fails('nobody offers a film', phone.request('fetch', { content: 'film.mp4', from: board.id }), 'NoSuchContent');
    await t.fails('the laptop offers nothing', phone.request('fetch', { content: 'menu.txt', from: laptop.id }), 'NoSuchContent');

    t.step('The board is killed and starts again: what it offers is still there.');
    await board.kill();
    await board.start();
    await fetches(t, phone, { content: 'menu.txt', from: board.id }, MENU);

    t.step('The board leaves: what it offered goes with it.');
    await t.eventually('the board can leave', async () => (await board.request('pn.leave', {})).pnId === pn.pnId);
    await t.eventually('the phone sees it no more', async () => (await offeredBy(phone, board, pn.pnId)) === undefined, LIST_MS);
    await t.fails('nor can it be fetched', phone.request('fetch', { content: 'menu.txt', from: board.id }), 'NoSuchContent');
  },
});

async function offeredBy(device: DeviceHandle, offerer: DeviceHandle, pnId: ControlParams<'fetch'>['pnId'] & string) {
  return (await network(device, pnId))?.inventory.find(({ id }) => id === offerer.id)?.contents;
}

/** Fetches and compares. */
async function fetches(t: Telling, device: DeviceHandle, wish: ControlParams<'fetch'>, text: string): Promise<void> {
  const { parts, onEvent } = collecting();
  const { content } = await device.request('fetch', wish, { onEvent, timeoutMs: FETCH_MS });
  t.same(`${device.id} has ${content.name} of ${wish.from}, octet for octet`, Buffer.concat(parts).toString(), text);
}

/** The octets that a fetch reports. */
function collecting() {
  const parts: Buffer[] = [];
  const onEvent = (event: ControlEvent<'fetch'>) => {
    if (event.type === 'part') parts.push(Buffer.from(event.payload, 'base64'));
  };
  return { parts, onEvent };
}

export const groupObjectSharedLater = defineScenario({
  name: 'group-object-shared-later',
  title: 'A member shares a content in a service group later, with some, then with all, and withdraws it; who may have it fetches it.',
  needs: [],
  run: async (t) => {
    const { phone, laptop, board } = await household(t, { board: { contents: [{ name: 'song.txt', text: SONG }] } });
    const { pn } = await create(phone, { setup: 'all' });
    await established(t, t.stage.server, { pnId: pn.pnId, gateway: laptop, pnes: [phone, board] });
    const { group } = await createGroup(phone, { name: 'kitchen', members: [board.id, laptop.id] });
    const { sgId } = group;
    await together(t, { sgId, owner: phone, members: [phone, board, laptop] });
    const shown = async (device: DeviceHandle) => (await groupOf(device, sgId))?.objects?.map(({ name }) => name).join() ?? '';
    const see = (what: string, ...expected: readonly [DeviceHandle, string][]) =>
      t.eventually(what, async () => (await Promise.all(expected.map(async ([at, names]) => (await shown(at)) === names))).every(Boolean));
    const gets = async (device: DeviceHandle) => {
      const { parts, onEvent } = collecting();
      const { from } = await device.request('group.fetch', { group: sgId, object: 'song.txt' }, { onEvent, timeoutMs: FETCH_MS });
      t.same(`${device.id} has song.txt of ${from}, octet for octet`, Buffer.concat(parts).toString(), SONG);
    };
    const cannotGet = (device: DeviceHandle) =>
      t.fails(`the ${device.id} cannot fetch it`, device.request('group.fetch', { group: sgId, object: 'song.txt' }), 'NoSuchContent');

    t.step('The board shares its song with the phone alone.');
    await board.request('group.share', { group: sgId, content: 'song.txt', members: [phone.id] });
    await see('phone and board see it, the laptop does not', [phone, 'song.txt'], [board, 'song.txt'], [laptop, '']);
    await gets(phone);
    await cannotGet(laptop);

    t.step('From now on it is for all.');
    await board.request('group.share', { group: sgId, content: 'song.txt' });
    await see('the laptop sees it, too', [laptop, 'song.txt']);
    await gets(laptop);
    await t.fails('which cannot withdraw it', laptop.request('group.unshare', { group: sgId, object: 'song.txt' }), 'NotOwner');

    t.step('The board withdraws it.');
    await board.request('group.unshare', { group: sgId, object: 'song.txt' });
    await see('nobody sees it any more', [phone, ''], [board, ''], [laptop, '']);
    await cannotGet(phone);
  },
});

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
