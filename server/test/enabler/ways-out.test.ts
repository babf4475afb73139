import { type EntityId, type PnId, userId } from '@cpns/shared';
import {
  bodyOf,
  inventoryNotice,
  PneAction,
  PneState,
  pneNotificationExpel,
  pneRequest,
  pneResponse,
  pnKeyRequest,
  pnKeyResponse,
  pnReleaseNotification,
  pnReleaseRequest,
  pnReleaseResponse,
  reconcile,
  reconcileResponse,
  Status,
  unknownPn,
} from '@cpns/shared/messages';
import { fromHex } from '@cpns/shared/security';
import { beforeEach, describe, expect, it } from 'vitest';
import { established, GatewayDouble, home, newPnId, PneDouble } from './devices.js';
import type { Rig } from './rig.js';

let rig: Rig;
let gateway: GatewayDouble;
let laptop: PneDouble;
let board: PneDouble;
let pnId: PnId;

beforeEach(async () => {
  ({ rig, gateway, laptop, board } = await home('laptop', 'board'));
  pnId = await established(gateway, [laptop, board]);
});

const members = () => rig.db.reads.pns.members(pnId).map(({ entityId }) => entityId);
const leaveOf = (pne: PneDouble, id = pnId) => ({ action: PneAction.Leave, pnId: fromHex(id), pne: pne.entityId });
const leave = async (pne: PneDouble, from = gateway, id = pnId) => bodyOf(await from.request(pneRequest, leaveOf(pne, id)), pneResponse);
const release = async (initiator: { entityId: EntityId }, from = gateway, id = pnId) =>
  bodyOf(await from.request(pnReleaseRequest, { pnId: fromHex(id), initiator: initiator.entityId }), pnReleaseResponse);

describe('PNE Request (Leave)', () => {
  it('takes the PNE out, with a new version and a new PN key, and tells those who stay', async () => {
    const response = await leave(board);
    expect(response).toMatchObject({ status: Status.Success, inventory: { version: 2 } });
    expect(members()).toEqual([laptop.entityId]);
    expect(bodyOf(await gateway.request(pnKeyRequest, { pnId: fromHex(pnId) }), pnKeyResponse)).toMatchObject({ epoch: 2, graceMs: 5_000 });
    expect(laptop.take(inventoryNotice)).toMatchObject([{ pnKeyEpoch: 2, inventory: { version: 2 } }]);
    // It asked itself, so the answer is all that it is told; what it says in its old session counts no more.
    expect(board.take(pneNotificationExpel)).toEqual([]);
    await expect(board.request(pnId, reconcile, { pns: [] })).rejects.toMatchObject({ status: Status.NotMember });
  });

  it('is carried out once, however often it comes', async () => {
    const transaction = rig.entropy.bytes(16);
    const first = await gateway.request(pneRequest, leaveOf(board), transaction);
    expect((await gateway.request(pneRequest, leaveOf(board), transaction)).octets).toEqual(first.octets);
    expect(await leave(board)).toMatchObject({ status: Status.NotMember });
    expect(rig.db.reads.pns.find(pnId)).toMatchObject({ version: 2, keyEpoch: 2 });
  });

  it('may come from the PNE itself, in its session for that PN alone', async () => {
    const other = await established(gateway, [board, laptop]);
    expect(bodyOf(await board.request(other, pneRequest, leaveOf(board)), pneResponse)).toMatchObject({ status: Status.UnknownPn });
    expect(bodyOf(await board.request(pnId, pneRequest, leaveOf(laptop)), pneResponse)).toMatchObject({ status: Status.UnknownPn });
    expect(members()).toHaveLength(2);
    const answer = bodyOf(await board.request(pnId, pneRequest, leaveOf(board)), pneResponse);
    expect(answer).toEqual({ status: Status.Success, pnId: fromHex(pnId) });
    expect(members()).toEqual([laptop.entityId]);
    expect(gateway.take(inventoryNotice).at(-1)).toMatchObject({ inventory: { version: 2 } });
  });

  it('of the last PNE takes the PN with it', async () => {
    await leave(board);
    const last = await leave(laptop);
    expect(last).toEqual({ status: Status.Success, pnId: fromHex(pnId) });
    expect(rig.db.reads.pns.list()).toEqual([]);
  });

  it('is for the PN GW of that PN; another action is none of the server', async () => {
    const other = await GatewayDouble.connected(rig, 'gateway-2');
    expect(await leave(board, other)).toMatchObject({ status: Status.UnknownPn });
    expect(await leave(board, gateway, newPnId(rig))).toMatchObject({ status: Status.UnknownPn });
    const invite = { ...leaveOf(board), action: PneAction.Invite };
    await expect(gateway.request(pneRequest, invite)).rejects.toMatchObject({ status: Status.BadAction });
    expect(members()).toHaveLength(2);
  });
});

describe('PN Release', () => {
  it('deletes the PN and ends its sessions; it can be asked for again', async () => {
    const transaction = rig.entropy.bytes(16);
    const body = { pnId: fromHex(pnId), initiator: gateway.entityId };
    const first = await gateway.request(pnReleaseRequest, body, transaction);
    expect(bodyOf(first, pnReleaseResponse)).toMatchObject({ status: Status.Success });
    expect((await gateway.request(pnReleaseRequest, body, transaction)).octets).toEqual(first.octets);
    expect(rig.db.reads.pns.list()).toEqual([]);
    expect(rig.db.reads.outbox.total().messages).toBe(0);
    expect(await release(gateway)).toMatchObject({ status: Status.UnknownPn });
    await expect(laptop.request(pnId, reconcile, { pns: [] })).rejects.toMatchObject({ status: Status.NotMember });
    await rig.pass(60_000);
    expect(rig.enabler.gauges()).toMatchObject({ sessions: 1 });
  });

  it('is for the PN GW, its user, and whoever initiated the PN', async () => {
    await rig.user(userId('bob'));
    const guest = new PneDouble(gateway, await rig.enrol('guest', userId('bob')));
    const put = (initiator: PneDouble) =>
      rig.db.transact((tx) => {
        pnId = newPnId(rig);
        for (const pne of [guest, board]) tx.devices.registered(pne.entityId, new Uint8Array(1));
        const newPn = { pnId, gateway: gateway.entityId, initiator: initiator.entityId, shareMembers: true, sealedKey: new Uint8Array(60) };
        tx.pns.create({ ...newPn, members: [guest, board].map(({ entityId }) => ({ entityId, contents: undefined })) });
      });
    const other = await GatewayDouble.connected(rig, 'gateway-2');
    for (const [initiator, asking, from, status] of [
      [board, guest, gateway, Status.NotAuthorized],
      [guest, guest, gateway, Status.Success],
      [guest, board, gateway, Status.Success],
      [board, gateway, gateway, Status.Success],
      [board, laptop, gateway, Status.NotAuthorized],
      [board, other, gateway, Status.NotAuthorized],
      [board, board, other, Status.UnknownPn],
    ] as const) {
      await put(initiator);
      expect(await release(asking, from)).toMatchObject({ status });
      expect(rig.db.reads.pns.find(pnId) === undefined).toBe(status === Status.Success);
    }
    await put(guest);
    await rig.enabler.revokeDevice(board.entityId);
    expect(await release(board)).toMatchObject({ status: Status.NotAuthorized });
  });

  it('by the operator is told to everybody, sealed', async () => {
    await rig.enabler.removePn(pnId);
    expect(rig.db.reads.pns.list()).toEqual([]);
    expect(gateway.take(unknownPn)).toEqual([{ pnId: fromHex(pnId) }]);
    for (const pne of [laptop, board]) expect(pne.take(pnReleaseNotification)).toEqual([{ pnId: fromHex(pnId) }]);
    await expect(rig.enabler.removePn(pnId)).rejects.toMatchObject({ code: 'UnknownPn' });
    const entry = { pnId: fromHex(pnId), inventoryVersion: 1, pnKeyEpoch: 1, state: PneState.Member };
    expect(bodyOf(await gateway.request(reconcile, { pns: [entry] }), reconcileResponse).pns).toMatchObject([{ status: Status.UnknownPn }]);
  });
});
