import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DeviceState, pnIdText } from '@cpns/agent';
import { entityId, userId } from '@cpns/shared';
import { nativeProvider } from '@cpns/shared/node';
import { fromHex, toHex } from '@cpns/shared/security';
import { afterEach, describe, expect, it } from 'vitest';
import type { SimulatedDevice } from '../../rigs/simulation/device.js';
import { SecretSearch } from '../../rigs/simulation/invariants/secrets.js';
import { violations } from '../../rigs/simulation/invariants/violations.js';
import { Witness } from '../../rigs/simulation/invariants/witness.js';
import type { Carried, World } from '../../rigs/simulation/invariants/world.js';
import { groupKey, groupOf, SPREAD_MS } from './groups.js';
import { establishAtPhone, type Household, household } from './household.js';

const directories: string[] = [];
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

/** A household under observation in which the phone has established a PN with all. */
async function observed(): Promise<{ home: Household; world: World; pnId: ReturnType<typeof pnIdText> }> {
  const witness = new Witness(nativeProvider);
  const directory = mkdtempSync(join(tmpdir(), 'cpns-invariants-'));
  directories.push(directory);
  const devices = Object.fromEntries(['laptop', 'phone', 'board'].map((name) => [name, { provider: witness.provider(name) }]));
  const home = await household(devices, { provider: witness.provider(''), databasePath: join(directory, 'cpns.db') });
  const carried: Carried[] = [];
  home.air.hook = ({ from, to, octets }) => {
    carried.push({ where: `a frame of ${from} to ${to}`, octets });
    return octets;
  };
  const { record } = await establishAtPhone(home, { type: 'all' });
  const pnId = pnIdText(record.pnId);
  await home.phone.device.messenger.queue({ pnId, to: 'server', channel: 'c', contentType: 't', payload: new Uint8Array(100) });
  await home.clock.advance(5_000);
  const { server, laptop, phone, board } = home;
  const asked = new Map([[phone.id, 1]]);
  return { home, pnId, world: { server, devices: [laptop, phone, board], witness, asked, carried } };
}

/** Puts a changed record of the PN into a store. */
async function rewrite({ device, store }: SimulatedDevice, pnId: ReturnType<typeof pnIdText>, change: object): Promise<void> {
  const record = device.state.pn(pnId);
  if (record === undefined) throw new RangeError('there is no such PN');
  const changes = new Map<string, Uint8Array | undefined>();
  DeviceState.setPn(changes, { ...record, ...change });
  await store.commit(changes);
}

describe('the invariants', () => {
  it('hold after an establishment, and many keys were looked for', async () => {
    const { world } = await observed();
    expect(violations(world)).toEqual([]);
    expect(world.witness?.secrets.size).toBeGreaterThan(50);
    expect(world.witness?.verifications('phone')).toBeGreaterThan(0);
    expect(world.server.databaseFiles().length).toBe(2);
    expect(world.carried?.length).toBeGreaterThan(40);
  });

  it('notice inventories that differ', async () => {
    const { home, world, pnId } = await observed();
    await rewrite(home.board, pnId, { inventoryVersion: 7, pnKeyEpoch: 9 });
    const wrong = violations(world).join('\n');
    expect(wrong).toContain('board has version 7');
    expect(wrong).toContain('board has key epoch 9');
  });

  it('notice keys of a PN that the server does not know', async () => {
    const { home, world, pnId } = await observed();
    await home.server.database.transact((tx) => tx.pns.remove(pnId));
    expect(violations(world).join('\n')).toContain(`board keeps pn/${pnId} and is not in that PN`);
  });

  it('notice that a member who was taken out knows the present PN key', async () => {
    const { home, world, pnId } = await observed();
    await home.clock.run(home.server.enabler.revokeDevice(home.board.id));
    await home.clock.advance(20_000);
    expect(violations(world)).toEqual([]);
    const before = home.board.store.commits.findLast((commit) => commit.get(`pn/${pnId}`) !== undefined)?.get(`pn/${pnId}`);
    const known = new DeviceState({ get: () => before, keys: () => [], commit: async () => {} }).pn(pnId);
    await rewrite(home.laptop, pnId, { pnKey: known?.pnKey });
    expect(violations(world)).toContain(`board is not in ${pnId} and knows the key that it has now`);
  });

  it('notice members that go on under a Group Key that a former one knows', async () => {
    const { home, world } = await observed();
    const { phone, board, laptop, clock } = home;
    const sgId = await groupOf(home, phone, [board, laptop]);
    const name = `sg-keys/${sgId}`;
    const before = [phone, laptop].map(({ store }) => new Map([[name, store.get(name)?.slice()]]));
    const boards = board.store.get(name)?.slice();
    await clock.run(phone.device.groups.expel(sgId, [board.id]));
    await clock.advance(SPREAD_MS);
    expect(violations(world)).toEqual([]);
    for (const [at, device] of [phone, laptop].entries()) await device.store.commit(before[at] as Map<string, Uint8Array>);
    await board.store.commit(new Map([[name, boards]]));
    const wrong = violations(world).join('\n');
    expect(wrong).toContain(`phone has epoch 1 of ${sgId}, not 2`);
    expect(wrong).toContain(`board is not in ${sgId} and knows the Group Key that it has now`);
    expect(wrong).toContain(`board keeps keys of ${sgId} and is not in it`);
  });

  it('notice a key of a group at a PN GW that only carries for it', async () => {
    const { home, world } = await observed();
    const sgId = await groupOf(home, home.phone, [home.board]);
    expect(violations(world)).toEqual([]);
    const key = fromHex(groupKey(home.phone, sgId) ?? '');
    await home.laptop.store.commit(new Map([['sg-route/x', Uint8Array.of(1, ...key, 2)]]));
    expect(violations(world).join('\n')).toContain(`laptop has never been in ${sgId} and stores a key of it`);
    home.laptop.logger.info('a slip', { key });
    expect(violations(world).join('\n')).toContain('is in the log of laptop');
  });

  it('notice a PNE that did not verify the server', async () => {
    const { home, world } = await observed();
    const unseen = { ...world, witness: new Witness(nativeProvider) };
    expect(violations(unseen)).toContain(`${home.board.id} was in 1 PNs and verified the server 0 times`);
  });

  it('notice what was executed twice', async () => {
    const { home, world } = await observed();
    home.server.changes.done.push('took message 00 of phone', 'took message 00 of phone');
    expect(violations({ ...world, asked: new Map([[home.phone.id, 0]]) })).toEqual([
      'the server did this more than once: took message 00 of phone',
      'phone was asked to establish 0 times, and 1 PNs came of it',
    ]);
  });

  it('notice a newcomer who knows a key from before it came', async () => {
    const { home, world, pnId } = await observed();
    const { founders, added } = home.server.changes;
    added.push({ pnId, entityId: home.board.id, keyEpoch: 1 });
    const asked = { ...world, wanted: new Map([[home.board.id, 1]]) };
    expect(violations(asked)).toEqual([]);
    founders.delete(`${pnId} ${home.board.id}`);
    expect(violations(asked)).toEqual([`board came into ${pnId} when its key had epoch 1, and knows that of epoch 1`]);
  });

  it('notice a guest for whom nobody could have spoken', async () => {
    const { home, world, pnId } = await observed();
    await home.server.enrol('cam', userId('bob'));
    await home.server.database.transact((tx) => void tx.devices.move(home.board.id, userId('bob')));
    expect(violations(world)).toEqual([]);
    await home.server.database.transact((tx) => void tx.devices.move(entityId('cam'), userId('alice')));
    expect(violations(world)).toEqual([`board is in ${pnId}, and bob has no device that could have agreed`]);
  });

  it('notice what was shown as done and is not', async () => {
    const { home, world, pnId } = await observed();
    const gateway = home.laptop.id;
    const isOut = { pnId, out: home.board.id, entries: 0, gateway };
    const promised = [isOut, { pnId, out: undefined, entries: 0, gateway }];
    expect(violations({ ...world, promised })).toEqual([
      `board was shown as being out of ${pnId}, and is in it`,
      `${pnId} was shown as released, and is there`,
    ]);
    home.server.changes.added.push({ pnId, entityId: home.board.id, keyEpoch: 0 });
    expect(violations({ ...world, promised: [isOut] })).toEqual([]);
  });

  it('notice what was shown as done in a service group and is not', async () => {
    const { home, world } = await observed();
    const { phone, board, clock } = home;
    const sgId = await groupOf(home, phone, [board]);
    const isOut = { sgId, out: board.id, askedMs: clock.wallMs() };
    expect(violations({ ...world, promisedOfGroups: [isOut, { ...isOut, out: undefined }] })).toEqual([
      `board was shown as being out of service group ${sgId}, and is in it`,
      `service group ${sgId} was shown as released, and is there`,
    ]);
    expect(violations({ ...world, promisedOfGroups: [{ ...isOut, askedMs: 0 }] })).toEqual([]);
  });

  it('notice a nonce that is used twice', async () => {
    const { world } = await observed();
    const provider = world.witness?.provider('phone');
    for (const plain of [1, 2]) provider?.seal(new Uint8Array(32).fill(5), new Uint8Array(12), new Uint8Array(0), Uint8Array.of(plain));
    expect(violations(world)).toEqual([expect.stringContaining('sealed different octets twice with nonce 000000000000000000000000')]);
  });

  it('notice a key in a log, in a frame and in a store', async () => {
    const { home, world, pnId } = await observed();
    const key = home.board.device.state.localEuKeys()[0]?.record.key ?? new Uint8Array();
    home.board.logger.info('a key', { key: Buffer.from(key).toString('base64') });
    home.server.logger.info(`${pnId}${toHex(key)}`);
    await home.board.store.commit(new Map([['inbox/000000000009', Uint8Array.of(1, ...key)]]));
    const wrong = violations({ ...world, carried: [{ where: 'the air', octets: Uint8Array.of(9, 9, 9, ...key, 9) }] }).join('\n');
    for (const where of ['the log of board', 'the log of the server', 'inbox/000000000009 in the store of board', 'the air']) {
      expect(wrong).toContain(`is in ${where}`);
    }
  });
});

it('a search for keys finds raw octets, hex and base64 at any place', () => {
  const key = Uint8Array.from({ length: 32 }, (_, i) => (i * 37 + 11) & 0xff);
  const search = new SecretSearch(new Map([[toHex(key), 'the key']]));
  for (let before = 0; before < 4; before++) {
    const octets = Uint8Array.from([...new Array(before).fill(1), ...key, 2, 3]);
    for (const text of [
      toHex(octets),
      `0${toHex(octets)}`,
      Buffer.from(octets).toString('base64'),
      Buffer.from(octets).toString('base64url'),
    ]) {
      expect(search.in({ where: 'a text', octets: `says ${text}.` })).not.toEqual([]);
      expect(search.in({ where: 'octets', octets: Buffer.from(text) })).not.toEqual([]);
    }
    expect(search.in({ where: 'octets', octets })).toEqual(['the key is in octets']);
  }
  expect(search.in({ where: 'a text', octets: toHex(key.map((octet) => octet ^ 1)) })).toEqual([]);
});
