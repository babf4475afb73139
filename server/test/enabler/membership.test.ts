import type { PnId } from '@cpns/shared';
import {
  ack,
  authenticationResponses,
  bodyOf,
  capabilitiesUpdate,
  contents,
  inventoryNotice,
  PneState,
  PnOperation,
  pneNotificationExpel,
  pnKeyRequest,
  pnKeyResponse,
  pnRegistrationResponse,
  pnUpdateRequest,
  pnUpdateResponse,
  RemoveReason,
  reconcile,
  reconcileResponse,
  Status,
  toOctets,
  unknownPn,
} from '@cpns/shared/messages';
import { fromHex } from '@cpns/shared/security';
import { beforeEach, describe, expect, it } from 'vitest';
import { begin, capabilities, established, GatewayDouble, home, newPnId, PneDouble, proofsOf, storeNotices } from './devices.js';
import { Rig } from './rig.js';

let rig: Rig;
let gateway: GatewayDouble;
let laptop: PneDouble;
let board: PneDouble;
let pnId: PnId;

beforeEach(async () => {
  ({ rig, gateway, laptop, board } = await home('laptop', 'board'));
});

const members = () => rig.db.reads.pns.members(pnId).map(({ entityId, state }) => [entityId, state]);
const names = (notice: { inventory: { add: readonly { entityId: string }[] } } | undefined) =>
  notice?.inventory.add.map(({ entityId }) => entityId);
const key = async () => bodyOf(await gateway.request(pnKeyRequest, { pnId: fromHex(pnId) }), pnKeyResponse);

async function remove(pnes: readonly PneDouble[], reason: RemoveReason = RemoveReason.Expelled, from = gateway) {
  const body = { pnId: fromHex(pnId), operation: PnOperation.Remove, pnes: pnes.map(({ entityId }) => entityId), reason };
  return bodyOf(await from.request(pnUpdateRequest, body), pnUpdateResponse);
}

describe('PN Update (remove)', () => {
  beforeEach(async () => {
    pnId = await established(gateway, [laptop, board]);
  });

  it('takes the member out, makes a new PN key, and tells everybody', async () => {
    const before = await key();
    const response = await remove([board]);
    expect(response).toMatchObject({ status: Status.Success, pnes: [{ pne: board.entityId, status: Status.Success }] });
    expect(response.inventory).toMatchObject({ version: 2 });
    expect(members()).toEqual([[laptop.entityId, PneState.Member]]);

    const after = await key();
    expect(after).toMatchObject({ epoch: 2, graceMs: 0 });
    expect(after.key).not.toEqual(before.key);

    const [notice] = laptop.takeEnvelopes(inventoryNotice);
    if (notice === undefined) throw new Error('the one who stays was not told');
    expect(bodyOf(notice, inventoryNotice)).toMatchObject({ pnKeyEpoch: 2, inventory: { version: 2 } });
    expect(names(bodyOf(notice, inventoryNotice))).toEqual([gateway.entityId, laptop.entityId]);
    await laptop.answer(pnId, notice, ack, { status: Status.Success });
    expect(rig.db.reads.outbox.total().messages).toBe(0);

    expect(board.take(pneNotificationExpel)).toEqual([{ pnId: fromHex(pnId), reason: RemoveReason.Expelled }]);
    await expect(board.request(pnId, reconcile, { pns: [] })).rejects.toMatchObject({ status: Status.NotMember });
    await rig.pass(60_000);
    expect(rig.enabler.gauges()).toMatchObject({ sessions: 2 });
  });

  it('takes back what waits for the one who is removed', async () => {
    pnId = await established(gateway, [laptop, board, await PneDouble.of(gateway, 'watch')]);
    await remove([laptop]);
    expect(rig.db.reads.outbox.waiting(board.entityId, 10)).toHaveLength(1);
    await remove([board]);
    expect(rig.db.reads.outbox.waiting(board.entityId, 10)).toEqual([]);
  });

  it('lets the old key be received a while when a member was not expelled', async () => {
    await remove([board], RemoveReason.Left);
    expect(await key()).toMatchObject({ epoch: 2, graceMs: 5_000 });
  });

  it('repeats the news until the member answers', async () => {
    await remove([board]);
    const [first] = laptop.takeEnvelopes(inventoryNotice);
    await rig.pass(2_100);
    const [second] = laptop.takeEnvelopes(inventoryNotice);
    if (first === undefined || second === undefined) throw new Error('not repeated');
    expect(second.octets).toEqual(first.octets);
    await laptop.answer(pnId, second, ack, { status: Status.Success });
    await rig.pass(600_000);
    expect(laptop.takeEnvelopes(inventoryNotice)).toEqual([]);
  });

  it('gets the same answer again, and removes once', async () => {
    const body = { pnId: fromHex(pnId), operation: PnOperation.Remove, pnes: [board.entityId], reason: RemoveReason.Expelled };
    const transaction = rig.entropy.bytes(16);
    const first = await gateway.request(pnUpdateRequest, body, transaction);
    expect((await gateway.request(pnUpdateRequest, body, transaction)).octets).toEqual(first.octets);
    expect(rig.db.reads.pns.find(pnId)).toMatchObject({ version: 2, keyEpoch: 2 });
    expect(await remove([board])).toMatchObject({ pnes: [{ status: Status.NotMember }], inventory: { version: 2 } });
  });

  it('that changes nothing is not kept', async () => {
    const { entityId: nobody } = await rig.enrol('nobody');
    const other = await GatewayDouble.connected(rig, 'gateway-2');
    for (const [from, id, status] of [
      [gateway, pnId, Status.Success],
      [other, pnId, Status.UnknownPn],
      [gateway, newPnId(rig), Status.UnknownPn],
    ] as const) {
      const transaction = rig.entropy.bytes(16);
      const body = { pnId: fromHex(id), operation: PnOperation.Remove, pnes: [nobody] };
      expect(bodyOf(await from.request(pnUpdateRequest, body, transaction), pnUpdateResponse)).toMatchObject({ status });
      const key = { sender: from.entityId, actedFor: '', transaction } as const;
      expect(rig.db.reads.inbox.look(key, new Uint8Array(32))).toEqual({ kind: 'new' });
    }
    expect(rig.db.reads.pns.find(pnId)).toMatchObject({ version: 1, keyEpoch: 1 });
  });

  it('of the last member takes the PN with it', async () => {
    expect(await remove([laptop, board])).toMatchObject({ status: Status.Success });
    expect(rig.db.reads.pns.list()).toEqual([]);
    expect(gateway.take(unknownPn)).toEqual([{ pnId: fromHex(pnId) }]);
  });

  it('is for the PN GW of that PN alone', async () => {
    const other = await GatewayDouble.connected(rig, 'gateway-2');
    expect(await remove([board], RemoveReason.Expelled, other)).toEqual({ status: Status.UnknownPn, pnId: fromHex(pnId), pnes: [] });
    await expect(other.request(pnKeyRequest, { pnId: fromHex(pnId) })).rejects.toMatchObject({ status: Status.UnknownPn });
    expect(members()).toHaveLength(2);
  });
});

describe('an Unconfirmed member', () => {
  async function unconfirmed(pnes: readonly PneDouble[]) {
    const begun = await begin(gateway, pnes);
    pnId = begun.pnId;
    const { pnes: outcomes } = bodyOf(await gateway.request(authenticationResponses, proofsOf(begun, pnes)), pnRegistrationResponse);
    for (const pne of pnes) pne.confirm(pnId, outcomes.find((outcome) => outcome.pne === pne.entityId) ?? {});
  }

  it('is removed after 120 s, and those who stay are told', async () => {
    await unconfirmed([laptop, board]);
    await laptop.acknowledge(pnId);
    await rig.pass(119_000);
    expect(members()).toEqual([
      [board.entityId, PneState.Authenticated],
      [laptop.entityId, PneState.Member],
    ]);
    await rig.pass(11_000);
    expect(members()).toEqual([[laptop.entityId, PneState.Member]]);
    expect(await key()).toMatchObject({ epoch: 2, graceMs: 5_000 });
    expect(names(laptop.take(inventoryNotice)[0])).toEqual([gateway.entityId, laptop.entityId]);
    expect(names(gateway.take(inventoryNotice)[0])).toEqual([gateway.entityId, laptop.entityId]);
    await expect(board.acknowledge(pnId)).resolves.toBeUndefined();
    expect(members()).toHaveLength(1);
    expect(rig.enabler.gauges()).toMatchObject({ sessions: 2 });
  });

  it('takes a PN with it in which it was the only one', async () => {
    await unconfirmed([laptop]);
    await rig.pass(130_000);
    expect(rig.db.reads.pns.list()).toEqual([]);
    expect(gateway.take(unknownPn)).not.toEqual([]);
  });

  it('stays when its first record is any other than the acknowledgement', async () => {
    await unconfirmed([laptop]);
    await laptop.request(pnId, reconcile, { pns: [] });
    expect(members()).toEqual([[laptop.entityId, PneState.Member]]);
    await rig.pass(300_000);
    expect(members()).toHaveLength(1);
  });

  it('is removed after a restart of the server too', async () => {
    await unconfirmed([laptop]);
    rig.restart();
    await rig.pass(130_000);
    expect(rig.db.reads.pns.list()).toEqual([]);
  });
});

describe('Reconciliation', () => {
  const entry = (id: PnId, inventoryVersion: number) => ({ pnId: fromHex(id), inventoryVersion, pnKeyEpoch: 1, state: PneState.Member });

  beforeEach(async () => {
    pnId = await established(gateway, [laptop, board]);
  });

  it('of what agrees changes nothing', async () => {
    const { pns } = bodyOf(await gateway.request(reconcile, { pns: [entry(pnId, 1)] }), reconcileResponse);
    expect(pns).toEqual([{ pnId: fromHex(pnId), status: Status.Success, inventoryVersion: 1, pnKeyEpoch: 1 }]);
    expect(gateway.arrived).toEqual([]);
  });

  it('sends what a PN GW has of another version, and what it did not name', async () => {
    const second = await established(gateway, [laptop]);
    await gateway.request(reconcile, { pns: [entry(pnId, 7)] });
    const notices = gateway.take(inventoryNotice);
    expect(new Set(notices.map(({ inventory }) => inventory.pnId))).toEqual(new Set([fromHex(pnId), fromHex(second)]));
    expect(notices.every(({ inventory }) => inventory.version === 1)).toBe(true);
  });

  it('says UnknownPn of what is gone or belongs to another PN GW', async () => {
    const gone = newPnId(rig);
    const other = await GatewayDouble.connected(rig, 'gateway-2');
    const { pns } = bodyOf(await other.request(reconcile, { pns: [entry(gone, 1), entry(pnId, 1)] }), reconcileResponse);
    expect(pns.map(({ status }) => status)).toEqual([Status.UnknownPn, Status.UnknownPn]);
  });

  it('of a PNE gives it its own view, and says where it is no member', async () => {
    const second = await established(gateway, [board]);
    await remove([board]);
    laptop.take(inventoryNotice);
    const body = { pns: [entry(pnId, 1), entry(second, 1), entry(newPnId(rig), 1)] };
    const { pns } = bodyOf(await laptop.request(pnId, reconcile, body), reconcileResponse);
    expect(pns.map(({ status }) => status)).toEqual([Status.Success, Status.NotMember, Status.UnknownPn]);
    expect(names(laptop.take(inventoryNotice).at(-1))).toEqual([gateway.entityId, laptop.entityId]);
  });

  it('after a restart brings everybody back without a new establishment', async () => {
    rig.restart();
    await gateway.setUp();
    const { pns } = bodyOf(await gateway.request(reconcile, { pns: [entry(pnId, 1)] }), reconcileResponse);
    expect(pns[0]).toMatchObject({ status: Status.Success, inventoryVersion: 1 });
    expect(members()).toHaveLength(2);
  });
});

describe('a member whose contents change', () => {
  it('is shown to the others with a new version', async () => {
    pnId = await established(gateway, [laptop, board]);
    const offered = [{ contentId: 'a', name: 'Album', type: 'audio/mpeg', chargeable: false }];
    await board.request(pnId, capabilitiesUpdate, { capabilities, contents: toOctets(contents, offered) });
    const notice = laptop.take(inventoryNotice)[0];
    expect(notice?.inventory).toMatchObject({ version: 2 });
    expect(notice?.inventory.add.find(({ entityId }) => entityId === board.entityId)?.contents).toEqual(offered);
    expect(await storeNotices(gateway, pnId)).toBeGreaterThan(0);
  });
});

describe('a large PN', () => {
  it('tells of a change in a page that names the change alone', async () => {
    rig = new Rig({ limits: { establishmentsPerSecondPerGateway: 1_000, requestBurstPerPne: 1_000 } });
    await rig.user();
    gateway = await GatewayDouble.connected(rig);
    const pnes = await Promise.all(Array.from({ length: 30 }, (_, i) => PneDouble.of(gateway, `pne-${i + 10}`)));
    const heavy = pnes.slice(0, 8);
    pnId = await established(gateway, pnes);
    const offered = Array.from({ length: 6 }, (_, i) => ({
      contentId: `${i}`,
      name: 'n'.repeat(100),
      type: 't'.repeat(60),
      chargeable: false,
      conditions: 'c'.repeat(100),
    }));
    for (const pne of heavy) await pne.request(pnId, capabilitiesUpdate, { capabilities, contents: toOctets(contents, offered) });
    const last = pnes[29] as PneDouble;
    const { inventory } = last.take(inventoryNotice).at(-1) ?? {};
    expect(inventory).toMatchObject({ since: 8, version: 9, i: 0, n: 1, remove: [] });
    expect(inventory?.add.map(({ entityId }) => entityId)).toEqual([heavy.at(-1)?.entityId]);

    await last.request(pnId, reconcile, { pns: [{ pnId: fromHex(pnId), inventoryVersion: 1, pnKeyEpoch: 1, state: PneState.Member }] });
    const pages = last.take(inventoryNotice).filter((notice) => notice.inventory.since === undefined);
    expect(pages.length).toBeGreaterThan(1);
    expect(new Set(pages.flatMap(names)).size).toBe(31);

    // The answer to the PN GW holds one page; the whole follows.
    gateway.take(inventoryNotice);
    expect((await remove([last])).inventory).toMatchObject({ version: 10, i: 0, n: pages.length });
    const all = gateway.take(inventoryNotice);
    expect(all.map((notice) => notice.inventory.i)).toEqual(pages.map((_, i) => i));
    expect(new Set(all.flatMap(names)).size).toBe(30);
  });
});
