import type { SgId } from '@cpns/shared';
import { expect, it } from 'vitest';
import type { SimulatedDevice } from '../../rigs/simulation/device.js';
import { groupOf, SPREAD_MS } from './groups.js';
import { BOARD_ID, establishAtPhone, type Household, household, LAPTOP_ID, never } from './household.js';
import { manyHomes } from './many-homes.js';

/** A device that starts again has its links, sessions and keys by then. */
const RETURN_MS = 90_000;
/** A PNE that hears nothing of the server for three heartbeats makes a new session (security 1.8). */
const NOTICED_MS = 180_000;
/** PN GWs have said what became of a message. */
const ANSWERED_MS = 6_000;

/** Phone (owner) and board in a PN of the laptop, and a group of those named. */
async function inOneGroup(withLaptop = true) {
  const home = await household();
  await establishAtPhone(home, { type: 'all' });
  await home.clock.advance(2_000);
  const sgId = await groupOf(home, home.phone, withLaptop ? [home.board, home.laptop] : [home.board]);
  return { home, sgId };
}

async function say({ clock }: Pick<Household, 'clock'>, from: SimulatedDevice, sgId: SgId, text: string): Promise<void> {
  const message = { channel: 'c', contentType: 't', payload: new TextEncoder().encode(text) };
  await clock.run(from.device.messenger.queue({ ...message, to: { sgId }, pnId: undefined }));
  await clock.advance(ANSWERED_MS);
}

const heard = ({ received }: SimulatedDevice) => received.map(({ data }) => new TextDecoder().decode(data.payload));
const kept = ({ server }: Pick<Household, 'server'>, sgId: SgId) => server.database.reads.kept.count(sgId);

/** A device that loses its power, and is back when it is called. */
function pull(home: Household, { id, powerCut }: SimulatedDevice): () => Promise<SimulatedDevice> {
  const store = powerCut();
  return async () => {
    const back = await home.start(id, { store });
    await home.clock.advance(RETURN_MS);
    return back;
  };
}

it('a member away over two rekeys gets everything that was said, in order, once, and knows when', async () => {
  const { home, sgId } = await inOneGroup();
  const { board, phone, laptop, clock, server } = home;
  await say(home, phone, sgId, 'before');
  // A message of the last moments counts as lost with the link.
  await clock.advance(20_000);
  const plug = pull(home, board);
  await clock.advance(20_000);
  await say(home, phone, sgId, 'one');
  const saidMs = clock.wallMs();
  await clock.run(laptop.device.groups.leave(sgId));
  await clock.advance(SPREAD_MS);
  await say(home, phone, sgId, 'two');
  await clock.run(phone.device.groups.invite(sgId, [LAPTOP_ID], never()));
  await clock.advance(SPREAD_MS);
  await say(home, laptop, sgId, 'three');
  await say(home, phone, sgId, 'four');
  expect(kept(home, sgId)).toEqual({ messages: 4, members: 1 });
  server.restart();
  await clock.advance(60_000);
  const back = await plug();
  expect(heard(back)).toEqual(['one', 'two', 'three', 'four']);
  expect(Math.abs((back.received[0]?.sentAtWallMs ?? 0) - saidMs)).toBeLessThan(ANSWERED_MS + 2_000);
  expect(kept(home, sgId)).toEqual({ messages: 0, members: 0 });
  await say(home, phone, sgId, 'after');
  expect(heard(back)).toEqual(['one', 'two', 'three', 'four', 'after']);
  expect(back.received.at(-1)?.sentAtWallMs).toBeUndefined();
});

it.each(['left', 'was expelled', 'left the PN'] as const)('who %s while away gets nothing, nor does who joined meanwhile', async (how) => {
  const { home, sgId } = await inOneGroup(false);
  const { board, phone, laptop, clock, server } = home;
  const plug = pull(home, board);
  await clock.advance(20_000);
  await say(home, phone, sgId, 'not for the laptop');
  expect(kept(home, sgId)).toEqual({ messages: 1, members: 1 });
  await clock.run(phone.device.groups.invite(sgId, [LAPTOP_ID], never()));
  await clock.advance(SPREAD_MS);
  expect(server.database.reads.kept.formerKey(sgId, 1)).toBeDefined();
  if (how === 'was expelled') await clock.run(phone.device.groups.expel(sgId, [BOARD_ID]));
  if (how === 'left the PN') await clock.run(laptop.device.networks.expel(BOARD_ID, undefined));
  // Its word for it comes later than it meant it.
  if (how === 'left')
    await clock.run(server.database.transact((tx) => void tx.groups.change(sgId, { add: [], remove: [BOARD_ID], epoch: 3 })));
  await clock.advance(SPREAD_MS);
  expect(kept(home, sgId)).toEqual({ messages: 0, members: 0 });
  expect(server.database.reads.kept.formerKey(sgId, 1)).toBeUndefined();
  const back = await plug();
  expect(heard(back)).toEqual([]);
  expect(heard(laptop)).toEqual([]);
});

it('what was said while the uplink of a PN GW was away reaches the others when it is back', async () => {
  const { clock, server, homes } = await manyHomes(2, 2);
  const [[west, mate], [east]] = homes.map(({ pnes }) => pnes) as [[SimulatedDevice, SimulatedDevice], [SimulatedDevice]];
  const sgId = await groupOf({ clock, server }, west, [mate, east]);
  server.reachable = false;
  server.goAway();
  await clock.advance(5_000);
  await say({ clock }, west, sgId, 'without the server');
  expect(heard(mate)).toEqual(['without the server']);
  expect(heard(east)).toEqual([]);
  server.comeBack();
  await clock.advance(RETURN_MS);
  expect(heard(east)).toEqual(['without the server']);
  expect(heard(mate)).toEqual(['without the server']);
});

it('members behind a PN GW that is away get what was said when it is back', async () => {
  const { clock, server, homes } = await manyHomes(2, 2);
  const [[west, mate], [east]] = homes.map(({ pnes }) => pnes) as [[SimulatedDevice, SimulatedDevice], [SimulatedDevice]];
  const sgId = await groupOf({ clock, server }, west, [mate, east]);
  const uplink = (homes[1] as (typeof homes)[number]).gateway;
  let cut = true;
  // Nothing gets through to or from that PN GW, and nobody has noticed yet.
  server.hook = ({ from, to, octets }) => (cut && (from === uplink.id || to === uplink.id) ? [] : octets);
  await say({ clock }, west, sgId, 'to a PN GW that is silent');
  expect(heard(east)).toEqual([]);
  expect(kept({ server }, sgId)).toEqual({ messages: 1, members: 1 });
  cut = false;
  await clock.advance(RETURN_MS);
  expect(heard(east)).toEqual(['to a PN GW that is silent']);
  expect(kept({ server }, sgId)).toEqual({ messages: 0, members: 0 });
});

it('what was stored and not answered comes again, and is shown once', async () => {
  const { home, sgId } = await inOneGroup();
  const { board, phone, clock, server } = home;
  const store = board.powerCut();
  await clock.advance(20_000);
  for (let i = 0; i < 3; i++) await say(home, phone, sgId, `message ${i}`);
  const back = await home.start(BOARD_ID, { store });
  for (let ms = 0; heard(back).length === 0 && ms < RETURN_MS; ms++) await clock.advance(1);
  // The answer is lost with the server.
  server.restart();
  expect(kept(home, sgId)).toEqual({ messages: 3, members: 1 });
  await clock.advance(NOTICED_MS + RETURN_MS);
  expect(heard(back)).toEqual(['message 0', 'message 1', 'message 2']);
  expect(kept(home, sgId)).toEqual({ messages: 0, members: 0 });
});

it('a member whose power is cut gets what was said before its PN GW could notice', async () => {
  const { home, sgId } = await inOneGroup();
  const { board, phone, laptop, clock } = home;
  const plug = pull(home, board);
  await say(home, phone, sgId, 'from behind the same PN GW');
  await say(home, laptop, sgId, 'from the PN GW');
  await clock.advance(20_000);
  expect(kept(home, sgId)).toEqual({ messages: 2, members: 1 });
  expect(heard(await plug())).toEqual(['from behind the same PN GW', 'from the PN GW']);
});

it('nor when it is behind another PN GW', async () => {
  const { clock, server, homes } = await manyHomes(2, 2);
  const [[west], [east]] = homes.map(({ pnes }) => pnes) as [[SimulatedDevice], [SimulatedDevice]];
  const sgId = await groupOf({ clock, server }, west, [east]);
  east.powerCut();
  await say({ clock }, west, sgId, 'to a device without power');
  await clock.advance(20_000);
  expect(kept({ server }, sgId)).toEqual({ messages: 1, members: 1 });
});
