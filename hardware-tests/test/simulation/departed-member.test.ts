import { DeviceState } from '@cpns/agent';
import type { EntityId, SgId } from '@cpns/shared';
import { sgData } from '@cpns/shared/messages';
import { nativeProvider } from '@cpns/shared/node';
import { fromHex, GroupKey, GroupMessages, parseMessage } from '@cpns/shared/security';
import { InsecureSeededEntropy } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import type { SimulatedDevice } from '../../rigs/simulation/device.js';
import { groupKey, groupOf, SPREAD_MS, whoHears } from './groups.js';
import { BOARD_ID, establishAtPhone, type Household, household, LAPTOP_ID, PHONE_ID } from './household.js';

const GRACE_MS = 5_000;

/** Phone (owner), board and laptop, their PN GW, are in one group; what the laptop hands on to the phone in it is kept. */
async function inOneGroup() {
  const home = await household();
  const { record } = await establishAtPhone(home, { type: 'all' });
  await home.clock.advance(2_000);
  const sgId = await groupOf(home, home.phone, [home.board, home.laptop]);
  return { home, sgId, pnId: record.pnId, messages: messagesTo(home, PHONE_ID) };
}

/** Octets of the group messages that the PN GW hands on to a PNE from now on. */
function messagesTo({ laptop }: Household, to: EntityId): Uint8Array[] {
  const link = laptop.device.linkTo(to);
  if (link === undefined) throw new Error('not linked');
  const messages: Uint8Array[] = [];
  const notify = link.exchange.notify.bind(link.exchange);
  link.exchange.notify = (type, body, ...rest) => {
    if ((type as { number: number }).number === sgData.number) messages.push((body as unknown as { message: Uint8Array }).message);
    return notify(type, body, ...rest);
  };
  return messages;
}

/** Every key of the group that a device has ever stored: leaf, path and Group Keys. */
function everyKeyOf({ store }: SimulatedDevice, sgId: SgId): Uint8Array[] {
  const name = `sg-keys/${sgId}`;
  return store.commits.flatMap((commit) => {
    const octets = commit.get(name);
    if (octets === undefined) return [];
    const past = new DeviceState({ get: () => octets.slice(), keys: () => [], commit: async () => {} });
    return [...(past.groupKeys(sgId)?.keys.values() ?? [])].map(({ key }) => key.reveal().slice());
  });
}

/** Whether `key` opens a message, taken as the Group Key of its epoch. */
function opens(key: Uint8Array, sgId: SgId, message: Uint8Array): boolean {
  const { epoch } = parseMessage(message).header;
  try {
    groupMessages('mallory' as EntityId, sgId, epoch, key).open(message, 0);
    return true;
  } catch {
    return false;
  }
}

function groupMessages(self: EntityId, sgId: SgId, epoch: bigint, key: Uint8Array): GroupMessages {
  return new GroupMessages(fromHex(sgId), {
    provider: nativeProvider,
    entropy: new InsecureSeededEntropy('mallory'),
    self,
    bootCounter: 1_000,
    current: { epoch, key: new GroupKey('taken along', key.slice()) },
  });
}

describe('a departed or expelled member', () => {
  it.each(['leaves', 'is expelled', 'leaves the PN', 'is expelled from the PN', 'is revoked'] as const)(
    'a member that %s opens nothing of what is said afterwards, with every key that it ever had',
    async (how) => {
      const { home, sgId, messages } = await inOneGroup();
      const { board, laptop, phone, clock, server } = home;
      expect(await whoHears(home, laptop, sgId, [phone, board])).toEqual([PHONE_ID, BOARD_ID]);
      const before = [...messages];
      if (how === 'leaves') await clock.run(board.device.groups.leave(sgId));
      if (how === 'is expelled') await clock.run(phone.device.groups.expel(sgId, [BOARD_ID]));
      if (how === 'leaves the PN') await clock.run(board.device.networks.leave(undefined));
      if (how === 'is expelled from the PN') await clock.run(laptop.device.networks.expel(BOARD_ID, undefined));
      if (how === 'is revoked') await clock.run(server.enabler.revokeDevice(BOARD_ID));
      await clock.advance(SPREAD_MS);
      messages.length = 0;
      expect(await whoHears(home, laptop, sgId, [phone, board])).toEqual([PHONE_ID]);
      const keys = everyKeyOf(board, sgId);
      expect(keys.length).toBeGreaterThan(2);
      expect(before.some((message) => keys.some((key) => opens(key, sgId, message)))).toBe(true);
      expect(messages.length).toBeGreaterThan(0);
      for (const message of messages) expect(keys.some((key) => opens(key, sgId, message))).toBe(false);
      expect(board.store.keys('sg-keys/')).toEqual(how === 'is revoked' ? board.store.keys('sg-keys/') : []);
    },
  );

  it('who joins opens nothing of what was said before, with every key that it ever has', async () => {
    const home = await household();
    await establishAtPhone(home, { type: 'all' });
    await home.clock.advance(2_000);
    const sgId = await groupOf(home, home.phone, [home.laptop]);
    const messages = messagesTo(home, PHONE_ID);
    expect(await whoHears(home, home.laptop, sgId, [home.phone])).toEqual([PHONE_ID]);
    await home.clock.run(home.phone.device.groups.invite(sgId, [BOARD_ID], new AbortController().signal));
    await home.clock.advance(SPREAD_MS);
    const keys = everyKeyOf(home.board, sgId);
    expect(keys.length).toBeGreaterThan(2);
    expect(messages.length).toBe(1);
    for (const message of messages) expect(keys.some((key) => opens(key, sgId, message))).toBe(false);
  });

  it('an expelled member is shown to nobody at once, one that has left not after the grace, although a PN GW carries it', async () => {
    for (const how of ['expelled', 'left'] as const) {
      const { home, sgId, pnId } = await inOneGroup();
      const { board, laptop, phone, clock } = home;
      const epoch = board.device.state.groupKeys(sgId)?.epoch ?? 0n;
      const key = fromHex(groupKey(board, sgId) ?? '');
      const gone: Promise<unknown> = how === 'left' ? board.device.groups.leave(sgId) : phone.device.groups.expel(sgId, [BOARD_ID]);
      await clock.run(gone);
      await clock.advance(how === 'left' ? GRACE_MS + 1_000 : 500);
      const forged = groupMessages(BOARD_ID, sgId, epoch, key).seal(new Uint8Array([0xa0]), 0);
      const shown = () => phone.received.length + laptop.received.length;
      const before = shown();
      const hop = { kind: 'pan', pnId: toText(pnId) } as const;
      // Through a gateway that looks, and by one that does not.
      board.device.linkTo(LAPTOP_ID)?.exchange.notify(sgData, { sgId: fromHex(sgId), from: BOARD_ID, message: forged }, hop);
      laptop.device.linkTo(PHONE_ID)?.exchange.notify(sgData, { sgId: fromHex(sgId), from: BOARD_ID, message: forged }, hop);
      await clock.advance(2_000);
      expect(shown()).toBe(before);
      expect(phone.logger.lines.some(({ fields }) => JSON.stringify(fields ?? {}).includes('OldEpoch'))).toBe(true);
    }
  });
});

const toText = (pnId: Uint8Array) => Buffer.from(pnId).toString('hex') as never;
