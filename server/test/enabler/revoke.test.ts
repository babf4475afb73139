import { entityId, type PnId } from '@cpns/shared';
import {
  authenticationResponses,
  bodyOf,
  data,
  heartbeat,
  inventoryNotice,
  pneNotificationExpel,
  pnKeyRequest,
  pnKeyResponse,
  RemoveReason,
  reconcile,
  reconcileResponse,
  Status,
} from '@cpns/shared/messages';
import { fromHex } from '@cpns/shared/security';
import { beforeEach, describe, expect, it } from 'vitest';
import { begin, established, GatewayDouble, home, type PneDouble, proofsOf } from './devices.js';
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

describe('revocation of a PNE', () => {
  it('takes it out of its PNs with a new key, and tells the others and the PN GW', async () => {
    await rig.enabler.revokeDevice(board.entityId);
    expect(rig.db.reads.devices.find(board.entityId)?.state).toBe('revoked');
    expect(rig.keys.activeRoot(board.entityId)).toBeUndefined();
    expect(rig.db.reads.pns.members(pnId).map((member) => member.entityId)).toEqual([laptop.entityId]);
    expect(laptop.take(inventoryNotice)[0]).toMatchObject({ pnKeyEpoch: 2, inventory: { version: 2 } });
    expect(gateway.take(inventoryNotice)[0]).toMatchObject({ pnKeyEpoch: 2, inventory: { version: 2 } });
    const key = bodyOf(await gateway.request(pnKeyRequest, { pnId: fromHex(pnId) }), pnKeyResponse);
    expect(key).toMatchObject({ epoch: 2, graceMs: 0 });
  });

  it('tells it once, sealed, and ends its session and its connection at once', async () => {
    await rig.clock.run(rig.enabler.sendData({ to: board.entityId, channel: 'c', contentType: 't', payload: new Uint8Array(1) }, 0));
    await rig.enabler.revokeDevice(board.entityId);
    expect(rig.enabler.gauges()).toMatchObject({ sessions: 2 });
    expect(rig.broker.disconnected).toEqual([board.entityId]);
    expect(rig.db.reads.outbox.waiting(board.entityId, 10)).toEqual([]);
    expect(board.take(pneNotificationExpel)).toMatchObject([{ pnId: fromHex(pnId), reason: RemoveReason.Revoked }]);
    board.takeEnvelopes(data);
    await rig.pass(120_000);
    expect(board.arrived).toEqual([]);
  });

  it('is an event, and an unknown device is named', async () => {
    await rig.enabler.revokeDevice(board.entityId);
    expect(rig.db.reads.events.latest(1)).toMatchObject([{ event: 'device-revoked', entityId: board.entityId }]);
    await expect(rig.enabler.revokeDevice(entityId('nobody'))).rejects.toMatchObject({ code: 'UnknownDevice' });
  });
});

describe('revocation of a PN GW', () => {
  it('suspends its PNs and ends all sessions that it carries', async () => {
    await rig.enabler.revokeDevice(gateway.entityId);
    expect(rig.db.reads.pns.find(pnId)).toMatchObject({ state: 'Suspended', version: 1, keyEpoch: 2 });
    expect(rig.enabler.gauges()).toMatchObject({ sessions: 0 });
    expect(rig.broker.disconnected).toEqual([gateway.entityId]);
    await rig.pass(120_000);
    expect(gateway.take(heartbeat)).toEqual([]);
  });

  it('lasts until the operator takes it in again: then its PNs go on, under a new key', async () => {
    const before = bodyOf(await gateway.request(pnKeyRequest, { pnId: fromHex(pnId) }), pnKeyResponse);
    await rig.enabler.revokeDevice(gateway.entityId);
    const again = await GatewayDouble.connected(rig, gateway.entityId);
    expect(rig.db.reads.pns.find(pnId)).toMatchObject({ state: 'Established', version: 1, keyEpoch: 2 });
    expect(rig.db.reads.events.latest(3)).toContainEqual(expect.objectContaining({ event: 'pn-resumed', pnId }));
    // It comes without its state, and finds its PNs here.
    const { pns } = bodyOf(await again.request(reconcile, { pns: [] }), reconcileResponse);
    expect(pns).toEqual([{ pnId: fromHex(pnId), status: Status.Success, inventoryVersion: 1, pnKeyEpoch: 2 }]);
    expect(again.take(inventoryNotice)[0]?.inventory.add.map(({ entityId: id }) => id)).toEqual(['gateway', 'board', 'laptop']);
    const after = bodyOf(await again.request(pnKeyRequest, { pnId: fromHex(pnId) }), pnKeyResponse);
    expect(after.key).not.toEqual(before.key);
  });

  it('ends its open challenges', async () => {
    const begun = await begin(gateway, [laptop]);
    const proofs = proofsOf(begun, [laptop]);
    await rig.enabler.revokeDevice(gateway.entityId);
    expect(rig.enabler.gauges()).toMatchObject({ challenges: 0 });
    gateway.connect();
    await expect(gateway.setUp()).rejects.toMatchObject({ status: Status.AuthFailed });
    await expect(gateway.request(authenticationResponses, proofs)).rejects.toThrow('no answer');
    expect(rig.db.reads.pns.list()).toHaveLength(1);
  });
});

it('leaves no key behind when the enabler stops', async () => {
  await begin(gateway, [laptop]);
  rig.enabler.stop();
  expect(rig.enabler.gauges()).toEqual({ sessions: 0, challenges: 0, requests: 0 });
});
