import type { PnId } from '@cpns/shared';
import { authenticationResponses, bodyOf, inventoryNotice, pnKeyRequest, pnKeyResponse, Status } from '@cpns/shared/messages';
import { nativeProvider as provider } from '@cpns/shared/node';
import { EMPTY, fromHex, PneHandshake, toHex } from '@cpns/shared/security';
import { beforeEach, describe, expect, it } from 'vitest';
import { begin, established, GatewayDouble, PneDouble, proofsOf } from '../../../server/test/enabler/devices.js';
import { idServer, Rig } from '../../../server/test/enabler/rig.js';

let rig: Rig;
let gateway: GatewayDouble;
let laptop: PneDouble;
let board: PneDouble;
let pnId: PnId;

beforeEach(async () => {
  rig = new Rig();
  await rig.user();
  gateway = await GatewayDouble.connected(rig);
  [laptop, board] = [await PneDouble.of(gateway, 'laptop'), await PneDouble.of(gateway, 'board')];
  pnId = await established(gateway, [laptop, board]);
});

/** Somebody else who has the EUKey of the board. */
const thief = () => new PneDouble(gateway, board.device);
const refused = { status: Status.AuthFailed };
const pnKey = async () => bodyOf(await gateway.request(pnKeyRequest, { pnId: fromHex(pnId) }), pnKeyResponse);

describe('T17 Key compromise impersonation', () => {
  it('who has the EUKey of a device is that device, until it is revoked (documented)', async () => {
    await expect(established(gateway, [thief()])).resolves.toEqual(expect.any(String));
    await expect(GatewayDouble.connected(rig, 'board', board.device)).resolves.toBeDefined();
  });

  it('what was recorded before stays closed: each run has an X25519 secret that no EUKey gives', () => {
    const begun = () =>
      PneHandshake.begin({
        provider,
        entropy: rig.entropy,
        root: board.device.root,
        idServer,
        idPne: board.entityId,
        idGw: gateway.entityId,
        capabilities: EMPTY,
        request: EMPTY,
        localEuKeyNeeded: true,
      }).hello.ePne;
    const values = Array.from({ length: 20 }, begun);
    expect(values.every(({ length }) => length === 32)).toBe(true);
    expect(new Set(values.map(toHex)).size).toBe(20);
  });

  it('revoked, the stolen key opens nothing: no TLS, no Connection setup, no PN, no challenge that is open', async () => {
    const stolen = thief();
    const begun = await begin(gateway, [laptop, stolen]);
    const proofs = proofsOf(begun, [laptop, stolen]);
    await rig.enabler.revokeDevice(board.entityId);
    expect(rig.keys.activeRoot(board.entityId)).toBeUndefined();
    expect(rig.broker.disconnected).toContain(board.entityId);
    await expect(GatewayDouble.connected(rig, 'board', board.device)).rejects.toMatchObject(refused);
    await expect(begin(gateway, [thief()])).rejects.toMatchObject(refused);
    await gateway.request(authenticationResponses, proofs);
    expect(rig.db.reads.pns.ofMember(board.entityId)).toEqual([]);
  });

  it('revoked, it is out of every PN in one step, with a new PN key that it does not get, and the others are told', async () => {
    const before = await pnKey();
    await rig.enabler.revokeDevice(board.entityId);
    const after = await pnKey();
    expect(after).toMatchObject({ epoch: before.epoch + 1, graceMs: 0 });
    expect(after.key).not.toEqual(before.key);
    expect(rig.db.reads.pns.members(pnId).map(({ entityId }) => entityId)).toEqual([laptop.entityId]);
    expect(laptop.take(inventoryNotice)).toHaveLength(1);
    expect(gateway.take(inventoryNotice)).toHaveLength(1);
  });

  it('a new EUKey for the device is good, and the old one stays bad', async () => {
    await rig.enabler.revokeDevice(board.entityId);
    const renewed = await rig.enrol('board');
    await expect(established(gateway, [new PneDouble(gateway, renewed)])).resolves.toEqual(expect.any(String));
    await expect(begin(gateway, [thief()])).rejects.toMatchObject(refused);
  });
});
