import {
  authenticationRequest,
  authenticationResponses,
  bodyOf,
  type Inventory,
  inventoryNotice,
  PneState,
  pnKeyRequest,
  pnKeyResponse,
  pnMembershipRequest,
  pnMembershipResponse,
  pnRegistrationRequest,
  pnRegistrationResponse,
  RequestFlow,
  SetupType,
  Status,
} from '@cpns/shared/messages';
import { fromHex, gatewayHeader, unwrapForGateway } from '@cpns/shared/security';
import { beforeEach, describe, expect, it } from 'vitest';
import { begin, complete, type GatewayDouble, home, kept, newPnId, PneDouble, proofsOf, registrationOf } from './devices.js';
import { idServer, provider, type Rig } from './rig.js';

let rig: Rig;
let gateway: GatewayDouble;
let laptop: PneDouble;
let board: PneDouble;
let watch: PneDouble;

beforeEach(async () => {
  ({ rig, gateway, laptop, board, watch } = await home('laptop', 'board', 'watch'));
});

const names = (inventory: Inventory | undefined) => inventory?.add.map((member) => member.entityId);

describe('PN establishment', () => {
  it('1-1, from PN Membership Request to the acknowledgement', async () => {
    const pnId = newPnId(rig);
    const asked = {
      pnId: fromHex(pnId),
      initiator: laptop.entityId,
      setupType: SetupType.OneToOne,
      candidates: [laptop.entityId, board.entityId],
    };
    const membership = bodyOf(await gateway.request(pnMembershipRequest, asked), pnMembershipResponse);
    expect(membership).toEqual({ status: Status.Success, allowed: [laptop.entityId], guests: [] });

    const begun = await begin(gateway, [laptop]);
    const [entry] = begun.challenge.pnes;
    expect(entry).toMatchObject({ pne: laptop.entityId, status: Status.Success });
    expect(begun.challenge.idServer).toBe(idServer);
    const response = await complete(laptop, begun, [laptop]);
    expect(response.status).toBe(Status.Success);
    expect(names(response.inventory)).toEqual([gateway.entityId, laptop.entityId]);
    expect(rig.db.reads.pns.member(begun.pnId, laptop.entityId)?.state).toBe(PneState.Authenticated);

    const confirm = laptop.confirm(begun.pnId, response.pnes[0] ?? {});
    expect(confirm).toMatchObject({ status: Status.Success, serverKeys: [{ keyId: 1, ed25519: rig.identity.signingPublicKey }] });
    expect(confirm.cpnsId).toBe(rig.db.reads.devices.find(laptop.entityId)?.cpnsId);
    expect(names(confirm.inventory)).toEqual([gateway.entityId, laptop.entityId]);
    await laptop.acknowledge(begun.pnId);
    expect(rig.db.reads.pns.member(begun.pnId, laptop.entityId)?.state).toBe(PneState.Member);

    const key = bodyOf(await gateway.request(pnKeyRequest, { pnId: fromHex(begun.pnId) }), pnKeyResponse);
    expect(key).toMatchObject({ status: Status.Success, epoch: 1, graceMs: 0 });
    expect(key.key).toHaveLength(32);
    expect(rig.db.reads.pns.find(begun.pnId)?.sealedKey).not.toEqual(key.key);
  });

  it('by the PN GW itself: of those who consent, and it is the initiator', async () => {
    const pnId = newPnId(rig);
    const asked = { pnId: fromHex(pnId), initiator: gateway.entityId, candidates: [laptop.entityId, gateway.entityId, board.entityId] };
    const lookUp = async (setupType: SetupType) =>
      bodyOf(await gateway.request(pnMembershipRequest, { ...asked, setupType }), pnMembershipResponse);
    expect(await lookUp(SetupType.All)).toMatchObject({ allowed: [laptop.entityId, board.entityId], guests: [] });
    expect((await lookUp(SetupType.OneToOne)).allowed).toEqual([]);

    const consent = { flow: RequestFlow.Consent, consent: true } as const;
    const body = {
      ...registrationOf(gateway, [laptop], pnId),
      initiator: gateway.entityId,
      pnes: [
        laptop.hello({ flow: RequestFlow.Setup, setupType: SetupType.OneToOne }),
        board.hello({ flow: RequestFlow.Consent, consent: false }),
        watch.hello(consent),
      ],
    };
    const challenge = bodyOf(await gateway.request(pnRegistrationRequest, body), authenticationRequest);
    expect(challenge.pnes.map(({ status }) => status)).toEqual([Status.AuthFailed, Status.AuthFailed, Status.Success]);
    const response = await complete(laptop, { pnId, body, challenge }, [watch]);
    expect(response.status).toBe(Status.PartialSuccess);
    expect(rig.db.reads.pns.find(pnId)).toMatchObject({ initiator: gateway.entityId });
    expect(rig.db.reads.pns.members(pnId).map(({ entityId }) => entityId)).toEqual([watch.entityId]);

    const nobody = { ...body, pnId: fromHex(newPnId(rig)), pnes: [laptop.hello({ flow: RequestFlow.Consent, consent: false })] };
    await expect(gateway.request(pnRegistrationRequest, nobody)).rejects.toMatchObject({ status: Status.AuthFailed });
  });

  it('gives the PN GW its copy of each LocalEUKey, for this run only', async () => {
    const { pnId, body, challenge } = await begin(gateway, [laptop, board]);
    const [hello] = body.pnes;
    const [entry, other] = challenge.pnes;
    if (hello === undefined || entry === undefined || other === undefined) throw new Error('no challenge');
    const view = { provider, idServer, idPne: laptop.entityId, idGw: gateway.entityId, pnId: fromHex(pnId), hello };
    const header = gatewayHeader({ ...view, challenge: { randServer: challenge.randServer, eServer: entry.eServer } });
    const { root } = gateway.device;
    const open = (wrapped: Uint8Array, randGw = body.randGw) => unwrapForGateway({ provider, root, header, randGw, wrapped });
    const key = open(entry.wrappedForGateway);
    expect(key.reveal()).toHaveLength(32);
    expect(() => open(other.wrappedForGateway)).toThrow();
    expect(() => open(entry.wrappedForGateway, new Uint8Array(32))).toThrow();
  });

  it('All: goes on without the one that fails, and lists only those who passed', async () => {
    const begun = await begin(gateway, [laptop, board, watch]);
    const proofs = proofsOf(begun, [laptop, board, watch]);
    const altered = proofs.pnes.map((proof) => (proof.pne === board.entityId ? { ...proof, hashPne: new Uint8Array(32) } : proof));
    const response = bodyOf(await gateway.request(authenticationResponses, { ...proofs, pnes: altered }), pnRegistrationResponse);
    expect(response.status).toBe(Status.PartialSuccess);
    expect(new Map(response.pnes.map(({ pne, status }) => [pne, status]))).toEqual(
      new Map([
        [laptop.entityId, Status.Success],
        [board.entityId, Status.AuthFailed],
        [watch.entityId, Status.Success],
      ]),
    );
    expect(response.pnes.find(({ pne }) => pne === board.entityId)).not.toHaveProperty('hashServer');
    expect(rig.db.reads.pns.members(begun.pnId).map(({ entityId: id }) => id)).toEqual([laptop.entityId, watch.entityId]);
    expect(names(laptop.confirm(begun.pnId, response.pnes.find(({ pne }) => pne === laptop.entityId) ?? {}).inventory)).toEqual([
      gateway.entityId,
      laptop.entityId,
      watch.entityId,
    ]);
    expect(rig.enabler.gauges()).toMatchObject({ challenges: 0, sessions: 3 });
  });

  it('tells a PNE of nobody but itself and the PN GW when members are not shared', async () => {
    const begun = await begin(gateway, [laptop, board], false);
    const response = await complete(laptop, begun, [laptop, board]);
    expect(names(response.inventory)).toEqual([gateway.entityId, board.entityId, laptop.entityId]);
    expect(names(board.confirm(begun.pnId, response.pnes[1] ?? {}).inventory)).toEqual([gateway.entityId, board.entityId]);
  });

  it('counts a PNE without proof as out', async () => {
    const begun = await begin(gateway, [laptop, board]);
    const response = await complete(laptop, begun, [laptop]);
    expect(response).toMatchObject({ status: Status.PartialSuccess });
    expect(response.pnes).toContainEqual({ pne: board.entityId, status: Status.Timeout });
  });

  it('keeps nothing when none passes', async () => {
    const before = kept(rig, laptop);
    const begun = await begin(gateway, [laptop, board]);
    const proofs = proofsOf(begun, [laptop, board]);
    const wrong = { ...proofs, pnes: proofs.pnes.map(({ pne }) => ({ pne, hashPne: new Uint8Array(32) })) };
    const transaction = rig.entropy.bytes(16);
    const response = bodyOf(await gateway.request(authenticationResponses, wrong, transaction), pnRegistrationResponse);
    expect(response.status).toBe(Status.AuthFailed);
    expect(response).not.toHaveProperty('inventory');
    expect(kept(rig, laptop)).toEqual(before);
    // The same request gets the same answer; another one finds no challenge.
    expect(bodyOf(await gateway.request(authenticationResponses, wrong, transaction), pnRegistrationResponse)).toEqual(response);
    await expect(gateway.request(authenticationResponses, proofs)).rejects.toMatchObject({ status: Status.WrongState });
  });

  it('carries 32 PNEs in one request, with pages small enough for one answer', async () => {
    const pnes = await Promise.all(Array.from({ length: 32 }, (_, i) => PneDouble.of(gateway, `pne-with-a-rather-long-name-${i + 10}`)));
    const begun = await begin(gateway, pnes);
    const response = await complete(laptop, begun, pnes);
    expect(response.status).toBe(Status.Success);
    const last = pnes[31] as PneDouble;
    const { inventory } = last.confirm(begun.pnId, response.pnes[31] ?? {});
    expect(names(inventory)?.slice(0, 2)).toEqual([gateway.entityId, last.entityId]);
    expect(inventory?.n).toBeGreaterThan(1);
    await last.acknowledge(begun.pnId);
    const pages = last.take(inventoryNotice).map((notice) => notice.inventory);
    expect(pages.map(({ i }) => i)).toEqual(Array.from({ length: pages[0]?.n ?? 0 }, (_, i) => i));
    expect(new Set(pages.flatMap(names))).toHaveProperty('size', 33);
  });
});
