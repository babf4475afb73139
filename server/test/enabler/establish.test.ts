import { entityId } from '@cpns/shared';
import {
  authenticationRequest,
  authenticationResponses,
  bodyOf,
  connectionSetupRequest,
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
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { begin, GatewayDouble, newPnId, PneDouble, proofsOf, registrationOf } from './devices.js';
import { bob, idServer, provider, Rig } from './rig.js';

let rig: Rig;
let gateway: GatewayDouble;
let laptop: PneDouble;
let board: PneDouble;
let watch: PneDouble;

beforeEach(async () => {
  rig = new Rig();
  await rig.user();
  gateway = await GatewayDouble.connected(rig);
  [laptop, board, watch] = [
    await PneDouble.of(gateway, 'laptop'),
    await PneDouble.of(gateway, 'board'),
    await PneDouble.of(gateway, 'watch'),
  ];
});

/** Everything that an establishment may leave. */
function kept() {
  const { reads } = rig.db;
  return { pns: reads.pns.list().length, ofLaptop: reads.pns.ofMember(laptop.entityId).length, ...rig.enabler.gauges() };
}

const names = (inventory: Inventory | undefined) => inventory?.add.map((member) => member.entityId);

async function complete(begun: Awaited<ReturnType<typeof begin>>, pnes: readonly PneDouble[]) {
  const answer = await gateway.request(authenticationResponses, proofsOf(begun, pnes));
  return bodyOf(answer, pnRegistrationResponse);
}

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
    expect(membership).toEqual({ status: Status.Success, allowed: [laptop.entityId] });

    const begun = await begin(gateway, [laptop]);
    const [entry] = begun.challenge.pnes;
    expect(entry).toMatchObject({ pne: laptop.entityId, status: Status.Success });
    expect(begun.challenge.idServer).toBe(idServer);
    const response = await complete(begun, [laptop]);
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
    const response = await complete(begun, [laptop, board]);
    expect(names(response.inventory)).toEqual([gateway.entityId, board.entityId, laptop.entityId]);
    expect(names(board.confirm(begun.pnId, response.pnes[1] ?? {}).inventory)).toEqual([gateway.entityId, board.entityId]);
  });

  it('counts a PNE without proof as out', async () => {
    const begun = await begin(gateway, [laptop, board]);
    const response = await complete(begun, [laptop]);
    expect(response).toMatchObject({ status: Status.PartialSuccess });
    expect(response.pnes).toContainEqual({ pne: board.entityId, status: Status.Timeout });
  });

  it('keeps nothing when none passes', async () => {
    const before = kept();
    const begun = await begin(gateway, [laptop, board]);
    const proofs = proofsOf(begun, [laptop, board]);
    const wrong = { ...proofs, pnes: proofs.pnes.map(({ pne }) => ({ pne, hashPne: new Uint8Array(32) })) };
    const transaction = rig.entropy.bytes(16);
    const response = bodyOf(await gateway.request(authenticationResponses, wrong, transaction), pnRegistrationResponse);
    expect(response.status).toBe(Status.AuthFailed);
    expect(response).not.toHaveProperty('inventory');
    expect(kept()).toEqual(before);
    // The same request gets the same answer; another one finds no challenge.
    expect(bodyOf(await gateway.request(authenticationResponses, wrong, transaction), pnRegistrationResponse)).toEqual(response);
    await expect(gateway.request(authenticationResponses, proofs)).rejects.toMatchObject({ status: Status.WrongState });
  });

  it('carries 32 PNEs in one request, with pages small enough for one answer', async () => {
    const pnes = await Promise.all(Array.from({ length: 32 }, (_, i) => PneDouble.of(gateway, `pne-with-a-rather-long-name-${i + 10}`)));
    const begun = await begin(gateway, pnes);
    const response = await complete(begun, pnes);
    expect(response.status).toBe(Status.Success);
    const last = pnes[31] as PneDouble;
    const { inventory } = last.confirm(begun.pnId, response.pnes[31] ?? {});
    expect(names(inventory)?.slice(0, 2)).toEqual([gateway.entityId, last.entityId]);
    expect(inventory?.n).toBeGreaterThan(1);
    await last.acknowledge(begun.pnId);
    const pages = last.take(inventoryNotice).map((notice) => notice.inventory);
    expect(pages.map(({ i }) => i)).toEqual(Array.from({ length: (inventory?.n ?? 1) - 1 }, (_, i) => i + 1));
    expect(new Set([inventory, ...pages].flatMap(names))).toHaveProperty('size', 33);
  });
});

describe('who is let in', () => {
  const oneToOne = { flow: RequestFlow.Setup, setupType: SetupType.OneToOne };

  it('is the active devices of the user of the PN GW', async () => {
    await rig.user(bob);
    const foreign = new PneDouble(gateway, await rig.enrol('foreign', bob));
    const candidates = [laptop.entityId, foreign.entityId, gateway.entityId, board.entityId];
    const asked = { pnId: fromHex(newPnId(rig)), setupType: SetupType.All, candidates };
    const answer = await gateway.request(pnMembershipRequest, { ...asked, initiator: laptop.entityId });
    expect(bodyOf(answer, pnMembershipResponse)).toEqual({ status: Status.Success, allowed: [laptop.entityId, board.entityId] });
    const refused = await gateway.request(pnMembershipRequest, { ...asked, initiator: foreign.entityId });
    expect(bodyOf(refused, pnMembershipResponse)).toEqual({ status: Status.NotAuthorized, allowed: [] });

    const { challenge } = await begin(gateway, [laptop, foreign]);
    expect(challenge.pnes.map(({ status }) => status)).toEqual([Status.Success, Status.NotAuthorized]);
    await expect(begin(gateway, [foreign])).rejects.toMatchObject({ status: Status.NotAuthorized });
  });

  it.each([
    [
      'a wrong EUKey',
      async () =>
        new PneDouble(gateway, { ...rig.stranger('laptop'), root: { ...rig.stranger('laptop').root, kid: laptop.device.root.kid } }),
    ],
    ['an unknown device', async () => new PneDouble(gateway, rig.stranger('nobody'))],
    [
      'a revoked device',
      async () => {
        await rig.enabler.revokeDevice(board.entityId);
        return board;
      },
    ],
    ['the kid of one with the ID of another', async () => new PneDouble(gateway, { entityId: laptop.entityId, root: board.device.root })],
  ])('is not %s: one answer for all of them', async (_what, intruder) => {
    const before = kept();
    const pne = await intruder();
    const transaction = rig.entropy.bytes(16);
    await expect(gateway.request(pnRegistrationRequest, registrationOf(gateway, [pne], newPnId(rig)), transaction)).rejects.toMatchObject({
      status: Status.AuthFailed,
    });
    const begun = await begin(gateway, [watch, pne]);
    expect(begun.challenge.pnes[1]).toEqual({ pne: pne.entityId, status: Status.AuthFailed, ...nothing });
    rig.restart();
    expect(kept()).toEqual({ ...before, sessions: 0 });
  });

  const nothing = { eServer: new Uint8Array(0), wrapped: new Uint8Array(0), wrappedForGateway: new Uint8Array(0) };

  it('costs the same to refuse, whichever key the hello names', async () => {
    const { root } = rig.stranger('laptop');
    const refusedAs: Record<string, unknown> = {};
    for (const pne of [
      new PneDouble(gateway, rig.stranger('nobody')),
      new PneDouble(gateway, { entityId: laptop.entityId, root: { ...root, kid: laptop.device.root.kid } }),
      new PneDouble(gateway, { entityId: laptop.entityId, root: board.device.root }),
    ]) {
      const body = registrationOf(gateway, [pne], newPnId(rig));
      const hmac = vi.spyOn(rig.recorder, 'hmac');
      const sha256 = vi.spyOn(rig.recorder, 'sha256');
      await expect(gateway.request(pnRegistrationRequest, body)).rejects.toMatchObject({ status: Status.AuthFailed });
      refusedAs[rig.refusals().at(-2) ?? ''] = [hmac.mock.calls.length, sha256.mock.calls.length];
      vi.restoreAllMocks();
    }
    expect(Object.keys(refusedAs)).toEqual(['UnknownKid', 'WrongRequestMac', 'KidOfAnother']);
    expect(new Set(Object.values(refusedAs).map(String)).size).toBe(1);
  });

  it('is not a hello made for another PN GW', async () => {
    const body = registrationOf(gateway, [laptop], newPnId(rig));
    const hello = laptop.hello(oneToOne, { idGw: entityId('other-gateway') });
    await expect(gateway.request(pnRegistrationRequest, { ...body, pnes: [hello] })).rejects.toMatchObject({ status: Status.AuthFailed });
    expect(rig.refusals()).toContain('WrongRequestMac');
  });

  it('is not the PN GW itself', async () => {
    const self = new PneDouble(gateway, gateway.device);
    const hello = self.hello(oneToOne, { idGw: entityId('other-gateway') });
    const body = { ...registrationOf(gateway, [laptop], newPnId(rig)), initiator: self.entityId, pnes: [hello] };
    await expect(gateway.request(pnRegistrationRequest, body)).rejects.toMatchObject({ status: Status.AuthFailed });
    expect(rig.refusals()).toContain('SelfAsGateway');
  });

  it.each([
    ['a consent used as a request', () => laptop.hello({ flow: RequestFlow.Consent, consent: true })],
    ['a registration used as a request', () => laptop.hello({ flow: RequestFlow.RegisterMember })],
    ['a request without type', () => laptop.hello({ flow: RequestFlow.Setup })],
    ['capabilities that cannot be read', () => laptop.hello(oneToOne, { capabilities: new Uint8Array([0xff]) })],
    ['capabilities that the PN GW altered', () => ({ ...laptop.hello(oneToOne), capabilities: new Uint8Array([0xa0]) })],
    [
      'a request that the PN GW altered',
      () => ({ ...laptop.hello(oneToOne), request: board.hello({ ...oneToOne, setupType: SetupType.All }).request }),
    ],
    ['a LocalEUKey that the PN GW declined', () => ({ ...laptop.hello(oneToOne), localEuKeyNeeded: 0 })],
    ['forward secrecy that the PN GW took out', () => ({ ...laptop.hello(oneToOne), ePne: new Uint8Array(0) })],
    ['a version that this server does not speak', () => ({ ...laptop.hello(oneToOne), version: 0 })],
  ])('is not %s', async (_what, make) => {
    const body = registrationOf(gateway, [laptop], newPnId(rig));
    await expect(gateway.request(pnRegistrationRequest, { ...body, pnes: [make()] })).rejects.toMatchObject({ status: Status.AuthFailed });
    expect(rig.enabler.gauges()).toMatchObject({ challenges: 0 });
  });

  it('is nobody beside the initiator when it asked for 1-1, and nobody it did not name', async () => {
    const body = registrationOf(gateway, [laptop, board], newPnId(rig));
    const [, consent] = body.pnes;
    if (consent === undefined) throw new Error('no consent');
    await expect(gateway.request(pnRegistrationRequest, { ...body, pnes: [laptop.hello(oneToOne), consent] })).rejects.toMatchObject({
      status: Status.AuthFailed,
    });
    const named = laptop.hello({ flow: RequestFlow.Setup, setupType: SetupType.Named, named: [watch.entityId] });
    const answer = await gateway.request(pnRegistrationRequest, { ...body, pnes: [named, consent] });
    expect(bodyOf(answer, authenticationRequest).pnes.map(({ status }) => status)).toEqual([Status.Success, Status.AuthFailed]);
  });

  it('is nobody who did not consent', async () => {
    const body = registrationOf(gateway, [laptop, board], newPnId(rig));
    const pnes = [...body.pnes.slice(0, 1), board.hello({ flow: RequestFlow.Consent, consent: false })];
    const { pnes: entries } = bodyOf(await gateway.request(pnRegistrationRequest, { ...body, pnes }), authenticationRequest);
    expect(entries.map(({ status }) => status)).toEqual([Status.Success, Status.AuthFailed]);
  });

  it('is nobody without forward secrecy', async () => {
    const body = registrationOf(gateway, [laptop], newPnId(rig));
    const hello = laptop.hello(oneToOne, { forwardSecrecy: false });
    await expect(gateway.request(pnRegistrationRequest, { ...body, pnes: [hello] })).rejects.toMatchObject({ status: Status.AuthFailed });
    expect(rig.refusals()).toContain('NoForwardSecrecy');
  });

  it('is no PN GW whose subscription does not allow it', async () => {
    await rig.user(bob, []);
    const denied = new GatewayDouble(rig, await rig.enrol('denied', bob));
    denied.connect();
    const { request: _request, capabilities: _capabilities, localEuKeyNeeded: _needed, ...hello } = denied.begin().hello;
    await expect(denied.inClear(connectionSetupRequest, { hello })).rejects.toMatchObject({ status: Status.NotAuthorized });
    await expect(denied.setUp()).rejects.toMatchObject({ status: Status.NotAuthorized });
  });

  it('is refused as a whole when the PNEs are listed wrongly', async () => {
    const body = registrationOf(gateway, [laptop, board], newPnId(rig));
    const [first, second] = body.pnes;
    if (first === undefined || second === undefined) throw new Error('no hellos');
    for (const wrong of [
      { pnes: [first, first] },
      { pnes: [second, first] },
      { initiator: watch.entityId },
      { gatewayCapabilities: new Uint8Array([1]) },
    ]) {
      await expect(gateway.request(pnRegistrationRequest, { ...body, ...wrong })).rejects.toMatchObject({ status: Status.BadMessage });
    }
    expect(rig.enabler.gauges()).toMatchObject({ challenges: 0 });
  });
});

describe('a repeated request', () => {
  it('gets the same answer, at either step', async () => {
    const pnId = newPnId(rig);
    const body = registrationOf(gateway, [laptop], pnId);
    const [first, second] = [rig.entropy.bytes(16), rig.entropy.bytes(16)];
    const challenge = bodyOf(await gateway.request(pnRegistrationRequest, body, first), authenticationRequest);
    expect(bodyOf(await gateway.request(pnRegistrationRequest, body, first), authenticationRequest)).toEqual(challenge);
    expect(rig.enabler.gauges()).toMatchObject({ challenges: 1 });

    const proofs = proofsOf({ pnId, body, challenge }, [laptop]);
    const response = await gateway.request(authenticationResponses, proofs, second);
    const again = await gateway.request(authenticationResponses, proofs, second);
    expect(again.octets).toEqual(response.octets);
    expect(rig.db.reads.pns.list()).toHaveLength(1);
    laptop.confirm(pnId, bodyOf(again, pnRegistrationResponse).pnes[0] ?? {});
  });

  it('is refused with other content', async () => {
    const body = registrationOf(gateway, [laptop], newPnId(rig));
    const transaction = rig.entropy.bytes(16);
    const answer = await gateway.request(pnRegistrationRequest, body, transaction);
    await expect(gateway.request(pnRegistrationRequest, { ...body, shareMembers: false }, transaction)).rejects.toMatchObject({
      status: Status.BadMessage,
    });
    expect((await gateway.request(pnRegistrationRequest, body, transaction)).octets).toEqual(answer.octets);
  });

  it('under another number is refused: a hello serves once', async () => {
    const body = registrationOf(gateway, [laptop], newPnId(rig));
    await gateway.request(pnRegistrationRequest, body);
    const elsewhere = { ...body, pnId: fromHex(newPnId(rig)) };
    await expect(gateway.request(pnRegistrationRequest, elsewhere)).rejects.toMatchObject({ status: Status.Duplicate });
  });

  it('of a hello of one of several PNEs puts that one out', async () => {
    const consent = board.hello({ flow: RequestFlow.Consent, consent: true });
    const ask = async () => {
      const body = registrationOf(gateway, [laptop, board], newPnId(rig));
      const request = { ...body, pnes: [...body.pnes.slice(0, 1), consent] };
      return bodyOf(await gateway.request(pnRegistrationRequest, request), authenticationRequest).pnes.map(({ status }) => status);
    };
    expect(await ask()).toEqual([Status.Success, Status.Success]);
    expect(await ask()).toEqual([Status.Success, Status.Duplicate]);
  });

  it('that was refused and comes with other content is refused for that', async () => {
    const body = registrationOf(gateway, [new PneDouble(gateway, rig.stranger('nobody'))], newPnId(rig));
    const transaction = rig.entropy.bytes(16);
    await expect(gateway.request(pnRegistrationRequest, body, transaction)).rejects.toMatchObject({ status: Status.AuthFailed });
    const other = registrationOf(gateway, [laptop], newPnId(rig));
    await expect(gateway.request(pnRegistrationRequest, other, transaction)).rejects.toMatchObject({ status: Status.BadMessage });
    await expect(gateway.request(pnRegistrationRequest, body, transaction)).rejects.toMatchObject({ status: Status.AuthFailed });
  });

  it('that was refused is refused again in the same words', async () => {
    const body = registrationOf(gateway, [new PneDouble(gateway, rig.stranger('nobody'))], newPnId(rig));
    const transaction = rig.entropy.bytes(16);
    await expect(gateway.request(pnRegistrationRequest, body, transaction)).rejects.toMatchObject({ status: Status.AuthFailed });
    const lines = rig.logger.find('a request was refused').length;
    await expect(gateway.request(pnRegistrationRequest, body, transaction)).rejects.toMatchObject({ status: Status.AuthFailed });
    expect(rig.logger.find('a request was refused')).toHaveLength(lines);
  });

  it('of another device with a copied transaction id is a request of its own', async () => {
    const other = await GatewayDouble.connected(rig, 'gateway-2');
    const theirs = await PneDouble.of(other, 'tablet');
    const transaction = rig.entropy.bytes(16);
    await gateway.request(pnRegistrationRequest, registrationOf(gateway, [laptop], newPnId(rig)), transaction);
    const answer = await other.request(pnRegistrationRequest, registrationOf(other, [theirs], newPnId(rig)), transaction);
    expect(bodyOf(answer, authenticationRequest).pnes[0]).toMatchObject({ pne: theirs.entityId, status: Status.Success });
  });
});

describe('a challenge', () => {
  it('expires', async () => {
    const begun = await begin(gateway, [laptop]);
    await rig.pass(30_000);
    expect(rig.enabler.gauges()).toMatchObject({ challenges: 0 });
    await expect(complete(begun, [laptop])).rejects.toMatchObject({ status: Status.WrongState });
    expect(rig.db.reads.pns.list()).toEqual([]);
  });

  it('does not outlive a restart', async () => {
    const begun = await begin(gateway, [laptop]);
    rig.restart();
    await gateway.setUp();
    await expect(complete(begun, [laptop])).rejects.toMatchObject({ status: Status.WrongState });
    expect(kept()).toMatchObject({ pns: 0, ofLaptop: 0, challenges: 0 });
  });

  it('is answered once, by the PN GW that got it, for its PN', async () => {
    const begun = await begin(gateway, [laptop]);
    const proofs = proofsOf(begun, [laptop]);
    const other = await GatewayDouble.connected(rig, 'gateway-2');
    await expect(other.request(authenticationResponses, proofs)).rejects.toMatchObject({ status: Status.WrongState });
    await expect(gateway.request(authenticationResponses, { ...proofs, pnId: fromHex(newPnId(rig)) })).rejects.toMatchObject({
      status: Status.WrongState,
    });
    expect((await gateway.request(authenticationResponses, proofs)).number).toBe(pnRegistrationResponse.number);
    await expect(gateway.request(authenticationResponses, proofs)).rejects.toMatchObject({ status: Status.WrongState });
  });

  it('for a PN ID that was taken meanwhile leaves nothing behind', async () => {
    const other = await GatewayDouble.connected(rig, 'gateway-2');
    const theirs = await PneDouble.of(other, 'tablet');
    const pnId = newPnId(rig);
    const mine = registrationOf(gateway, [laptop], pnId);
    const challenge = bodyOf(await gateway.request(pnRegistrationRequest, mine), authenticationRequest);
    const body = registrationOf(other, [theirs], pnId);
    const rival = bodyOf(await other.request(pnRegistrationRequest, body), authenticationRequest);
    await other.request(authenticationResponses, proofsOf({ pnId, body, challenge: rival }, [theirs]));
    const sessions = rig.enabler.gauges().sessions;
    await expect(complete({ pnId, body: mine, challenge }, [laptop])).rejects.toMatchObject({ status: Status.Duplicate });
    expect(kept()).toMatchObject({ pns: 1, ofLaptop: 0, sessions });
    const asked = { pnId: fromHex(pnId), initiator: laptop.entityId, setupType: SetupType.OneToOne, candidates: [] };
    expect(bodyOf(await gateway.request(pnMembershipRequest, asked), pnMembershipResponse).status).toBe(Status.Duplicate);
  });

  it('beyond the 64th is refused, and none of the open ones is given up', async () => {
    rig = new Rig({ limits: { establishmentsPerSecondPerGateway: 1_000, requestBurstPerPne: 1_000 } });
    await rig.user();
    gateway = await GatewayDouble.connected(rig);
    const pnes = await Promise.all(Array.from({ length: 65 }, (_, i) => PneDouble.of(gateway, `pne-${i}`)));
    const begun = [];
    for (const pne of pnes.slice(0, 64)) begun.push(await begin(gateway, [pne]));
    expect(rig.enabler.gauges()).toMatchObject({ challenges: 64 });
    await expect(begin(gateway, pnes.slice(64))).rejects.toMatchObject({ status: Status.Busy });
    const first = begun[0];
    if (first === undefined) throw new Error('nothing begun');
    expect((await complete(first, pnes.slice(0, 1))).status).toBe(Status.Success);
    expect((await begin(gateway, pnes.slice(64))).challenge.pnes).toHaveLength(1);
  });

  it('goes when the device is revoked meanwhile', async () => {
    const begun = await begin(gateway, [laptop, board]);
    const proofs = proofsOf(begun, [laptop, board]);
    await rig.enabler.revokeDevice(board.entityId);
    const response = bodyOf(await gateway.request(authenticationResponses, proofs), pnRegistrationResponse);
    expect(response.pnes.map(({ pne, status }) => [pne, status])).toEqual(
      expect.arrayContaining([
        [laptop.entityId, Status.Success],
        [board.entityId, Status.AuthFailed],
      ]),
    );
    expect(rig.db.reads.pns.members(begun.pnId).map((member) => member.entityId)).toEqual([laptop.entityId]);
  });
});

it('lets nobody in who was revoked in the moment of the registration', async () => {
  const begun = await begin(gateway, [laptop, board]);
  const revoking = rig.enabler.revokeDevice(board.entityId);
  const response = await complete(begun, [laptop, board]);
  await revoking;
  expect(response.pnes).toContainEqual({ pne: board.entityId, status: Status.NotAuthorized });
  expect(rig.db.reads.pns.members(begun.pnId).map((member) => member.entityId)).toEqual([laptop.entityId]);
  expect(rig.enabler.gauges()).toMatchObject({ sessions: 2, challenges: 0 });
});

describe('limits', () => {
  it('on establishments count every PNE of a PN GW, however many requests they come in', async () => {
    rig = new Rig({ limits: { establishmentsPerSecondPerGateway: 5, pnesPerRegistration: 5 } });
    await rig.user();
    gateway = await GatewayDouble.connected(rig);
    const pnes = await Promise.all(Array.from({ length: 6 }, (_, i) => PneDouble.of(gateway, `pne-${i}`)));
    await begin(gateway, pnes.slice(0, 4));
    await expect(begin(gateway, pnes.slice(4))).rejects.toMatchObject({ status: Status.Busy });
    await begin(gateway, pnes.slice(5));
    await expect(begin(gateway, pnes)).rejects.toMatchObject({ status: Status.BadMessage });
  });

  it('on establishments per PN GW and on requests per PNE are debited by genuine hellos only', async () => {
    rig = new Rig({ limits: { requestBurstPerPne: 3, establishmentsPerSecondPerGateway: 5, pnesPerRegistration: 5 } });
    await rig.user();
    gateway = await GatewayDouble.connected(rig);
    laptop = await PneDouble.of(gateway, 'laptop');
    const forged = new PneDouble(gateway, {
      entityId: laptop.entityId,
      root: { ...rig.stranger('laptop').root, kid: laptop.device.root.kid },
    });
    for (let i = 0; i < 20; i++) await expect(begin(gateway, [forged])).rejects.toMatchObject({ status: Status.AuthFailed });
    for (let i = 0; i < 3; i++) await begin(gateway, [laptop]);
    await expect(begin(gateway, [laptop])).rejects.toMatchObject({ status: Status.Busy });
    await rig.pass(1_000);
    await begin(gateway, [laptop]);
  });

  it('on open requests per device', async () => {
    rig = new Rig({ limits: { openRequestsPerEntity: 1 } });
    await rig.user();
    gateway = await GatewayDouble.connected(rig);
    laptop = await PneDouble.of(gateway, 'laptop');
    const both = [newPnId(rig), newPnId(rig)].map((pnId) =>
      gateway.request(pnRegistrationRequest, registrationOf(gateway, [laptop], pnId)),
    );
    const outcomes = await Promise.allSettled(both);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(rig.refusals()).toContain('TooManyOpenRequests');
  });
});
