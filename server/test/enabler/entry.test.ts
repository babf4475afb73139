import type { PnId } from '@cpns/shared';
import {
  authenticationRequest,
  authenticationResponses,
  type BodyOf,
  bodyOf,
  inventoryNotice,
  PneAction,
  PneState,
  PnOperation,
  pneRegistrationForward,
  pneRegistrationResponse,
  pneRequest,
  pneResponse,
  pnKeyRequest,
  pnKeyResponse,
  pnMembershipRequest,
  pnMembershipResponse,
  pnUpdateRequest,
  pnUpdateResponse,
  RequestFlow,
  SetupType,
  Status,
} from '@cpns/shared/messages';
import { fromHex } from '@cpns/shared/security';
import { beforeEach, describe, expect, it } from 'vitest';
import { established, GatewayDouble, newPnId, PneDouble } from './devices.js';
import { bob, Rig } from './rig.js';

let rig: Rig;
let gateway: GatewayDouble;
let laptop: PneDouble;
let watch: PneDouble;
let guest: PneDouble;
let pnId: PnId;

async function household(changes: ConstructorParameters<typeof Rig>[0] = {}, shareMembers = true) {
  rig = new Rig(changes);
  await rig.user();
  await rig.user(bob);
  gateway = await GatewayDouble.connected(rig);
  [laptop, watch] = [await PneDouble.of(gateway, 'laptop'), await PneDouble.of(gateway, 'watch')];
  guest = new PneDouble(gateway, await rig.enrol('guest', bob));
  pnId = await established(gateway, [laptop], shareMembers);
}
beforeEach(() => household());

type Challenge = BodyOf<typeof authenticationRequest>;
type Way = 'join' | 'invite' | 'newcomer';
const FLOWS = { join: RequestFlow.Join, invite: RequestFlow.Invite, newcomer: RequestFlow.RegisterNewcomer } as const;
const helloOf = (pne: PneDouble, way: Way) => pne.hello({ flow: FLOWS[way], ...(way === 'invite' && { consent: true }) });

/** The server's challenge for one PNE that comes in that way. */
async function ask(pne: PneDouble, way: Way, options: { hello?: ReturnType<PneDouble['hello']>; ownerAgrees?: boolean } = {}) {
  const { ownerAgrees } = options;
  const hello = options.hello ?? helloOf(pne, way);
  const randGw = rig.entropy.bytes(32);
  gateway.randGw = randGw;
  const id = fromHex(pnId);
  const agrees = ownerAgrees === undefined ? {} : { ownerAgrees };
  const { entityId } = pne;
  if (way === 'join') {
    const body = { action: PneAction.Join, pnId: id, pne: entityId, hello, randGw, ...agrees };
    return bodyOf(await gateway.request(pneRequest, body), authenticationRequest);
  }
  const add = { pnId: id, operation: PnOperation.Add, pnes: [entityId], ...agrees };
  if (way === 'invite') return bodyOf(await gateway.request(pnUpdateRequest, { ...add, hellos: [hello], randGw }), authenticationRequest);
  await gateway.request(pnUpdateRequest, add);
  return bodyOf(await gateway.request(pneRegistrationForward, { pnId: id, hello, randGw, ...agrees }), authenticationRequest);
}

async function prove(pne: PneDouble, way: Way, challenge: Challenge, hashPne: Uint8Array | undefined = pne.prove(pnId, challenge)) {
  const body = {
    pnId: fromHex(pnId),
    randServer: challenge.randServer,
    pnes: [{ pne: pne.entityId, ...(hashPne !== undefined && { hashPne }) }],
  };
  const answer = await gateway.request(authenticationResponses, body);
  if (way === 'join') return bodyOf(answer, pneResponse);
  if (way === 'newcomer') return bodyOf(answer, pneRegistrationResponse);
  const { pnes, inventory } = bodyOf(answer, pnUpdateResponse);
  const [outcome] = pnes;
  return { ...(outcome as (typeof pnes)[number]), inventory };
}

async function enter(pne: PneDouble, way: Way, ownerAgrees?: boolean) {
  const response = await prove(pne, way, await ask(pne, way, ownerAgrees === undefined ? {} : { ownerAgrees }));
  return { response, confirm: pne.confirm(pnId, response) };
}

const members = () => rig.db.reads.pns.members(pnId).map(({ entityId, state }) => [entityId, state]);
const names = (inventory: { add: readonly { entityId: string }[] } | undefined) => inventory?.add.map(({ entityId }) => entityId);
const key = async () => bodyOf(await gateway.request(pnKeyRequest, { pnId: fromHex(pnId) }), pnKeyResponse);
const ALONE = [['laptop', PneState.Member]];

describe.each(['join', 'invite', 'newcomer'] as const)('a PNE comes into a PN: %s', (way) => {
  it('with a session, a CPNS ID, a new PN key, and news for everybody', async () => {
    const before = await key();
    const { response, confirm } = await enter(watch, way);
    expect(response).toMatchObject({ status: Status.Success, inventory: { version: 2 } });
    expect(names(response.inventory)).toEqual(['gateway', 'laptop', 'watch']);
    expect(confirm).toMatchObject({ status: Status.Success, inventory: { version: 2, gateway: 'gateway' } });
    expect(confirm.cpnsId).toBe(rig.db.reads.devices.find(watch.entityId)?.cpnsId);
    expect(names(confirm.inventory)).toEqual(['gateway', 'watch', 'laptop']);
    expect(members()).toEqual([...ALONE, ['watch', PneState.Authenticated]]);
    const [notice] = laptop.take(inventoryNotice);
    expect(notice).toMatchObject({ pnKeyEpoch: 2, inventory: { version: 2 } });
    expect(names(notice?.inventory)).toEqual(['gateway', 'laptop', 'watch']);
    const after = await key();
    expect(after.epoch).toBe(before.epoch + 1);
    expect(after.key).not.toEqual(before.key);
    await watch.acknowledge(pnId);
    expect(members()).toEqual([...ALONE, ['watch', PneState.Member]]);
    expect(rig.db.reads.events.latest(3).map(({ event }) => event)).toContain('member-added');
  });

  it('and is named to nobody else when members are not shared', async () => {
    await household({}, false);
    const { confirm } = await enter(watch, way);
    expect(names(confirm.inventory)).toEqual(['gateway', 'watch']);
    expect(laptop.take(inventoryNotice).map(({ inventory }) => names(inventory))).toEqual([['gateway', 'laptop']]);
  });

  it('and is removed when it never acknowledges', async () => {
    await enter(watch, way);
    await rig.pass(130_000);
    expect(members()).toEqual(ALONE);
  });

  it('keeps its CPNS ID when it comes in again', async () => {
    const first = await enter(watch, way);
    const version = rig.db.reads.pns.find(pnId)?.version;
    const again = await enter(watch, way);
    expect(again.confirm.cpnsId).toBe(first.confirm.cpnsId);
    // It was a member already: a new session, nothing else.
    expect(rig.db.reads.pns.find(pnId)?.version).toBe(version);
  });

  it('not with a wrong proof, and nothing of it stays', async () => {
    const challenge = await ask(watch, way);
    const response = await prove(watch, way, challenge, new Uint8Array(32));
    expect(response).toMatchObject({ status: Status.AuthFailed });
    expect(response.record).toBeUndefined();
    expect(members()).toEqual(ALONE);
    expect(rig.db.reads.pns.isPending(pnId, watch.entityId)).toBe(false);
    expect(rig.db.reads.pns.find(pnId)).toMatchObject({ version: 1, keyEpoch: 1 });
    expect(laptop.take(inventoryNotice)).toEqual([]);
  });

  it('not when it is revoked between challenge and proof', async () => {
    const challenge = await ask(watch, way);
    const hashPne = watch.prove(pnId, challenge);
    await rig.enabler.revokeDevice(watch.entityId);
    expect((await prove(watch, way, challenge, hashPne)).status).not.toBe(Status.Success);
    expect(members()).toEqual(ALONE);
  });

  it('not when the disk is full, and then again', async () => {
    const challenge = await ask(watch, way);
    rig.failing = 1;
    await expect(prove(watch, way, challenge)).rejects.toMatchObject({ status: Status.ServerError });
    expect(members()).toEqual(ALONE);
    await enter(watch, way);
    expect(members()).toHaveLength(2);
  });

  it('not by a hello for another way', async () => {
    const other = way === 'join' ? 'invite' : 'join';
    await expect(ask(watch, way, { hello: helloOf(watch, other) })).rejects.toMatchObject({ status: Status.AuthFailed });
    expect(members()).toEqual(ALONE);
    expect(rig.enabler.gauges().challenges).toBe(0);
  });

  it('not through a PN GW that is not the one of the PN', async () => {
    const own = gateway;
    gateway = await GatewayDouble.connected(rig, 'gateway-2');
    const moved = new PneDouble(gateway, watch.device);
    await expect(ask(moved, way)).rejects.toMatchObject({ status: Status.UnknownPn });
    gateway = own;
    expect(members()).toEqual(ALONE);
  });

  it('not into a PN that nobody knows', async () => {
    const there = pnId;
    pnId = newPnId(rig);
    await expect(ask(watch, way)).rejects.toMatchObject({ status: Status.UnknownPn });
    pnId = there;
  });

  it('not into a full PN', async () => {
    await household({ limits: { membersPerPn: 1 } });
    await expect(ask(watch, way).then((challenge) => prove(watch, way, challenge))).rejects.toMatchObject({ status: Status.Busy });
    expect(members()).toEqual(ALONE);
  });

  it('of another user is a guest, which only its owner can let go', async () => {
    const challenge = await ask(guest, way, { ownerAgrees: true });
    // No PN GW of its owner is there.
    expect((await prove(guest, way, challenge)).status).toBe(Status.PeerUnreachable);
    expect(members()).toEqual(ALONE);
  });
});

describe('a guest whom nobody let in', () => {
  it.each(['join', 'newcomer'] as const)('is refused before anything is stored: %s', async (way) => {
    await expect(ask(guest, way)).rejects.toMatchObject({ status: Status.NotAuthorized });
    expect(rig.db.reads.pns.isPending(pnId, guest.entityId)).toBe(false);
  });

  it('is told apart to its PN GW', async () => {
    const body = {
      pnId: fromHex(pnId),
      initiator: laptop.entityId,
      setupType: SetupType.Named,
      candidates: [watch, guest, gateway].map((d) => d.entityId),
    };
    const response = bodyOf(await gateway.request(pnMembershipRequest, body), pnMembershipResponse);
    expect(response).toEqual({ status: Status.Success, allowed: ['watch', 'guest'], guests: ['guest'] });
  });
});

describe('a newcomer that was added', () => {
  const add = () => gateway.request(pnUpdateRequest, { pnId: fromHex(pnId), operation: PnOperation.Add, pnes: [watch.entityId] });
  const isPending = () => rig.db.reads.pns.isPending(pnId, watch.entityId);

  it('is on no list until it has registered', async () => {
    await add();
    expect(isPending()).toBe(true);
    expect(members()).toEqual(ALONE);
    expect(rig.db.reads.pns.ofMember(watch.entityId)).toEqual([]);
    expect(rig.db.reads.pns.find(pnId)?.version).toBe(1);
  });

  it('is out after a while', async () => {
    await add();
    await rig.pass(130_000);
    expect(isPending()).toBe(false);
  });

  it('is out after a restart of the server', async () => {
    await add();
    rig.restart();
    await rig.settle();
    expect(isPending()).toBe(false);
  });

  it('is out when it is revoked, so that its user can go', async () => {
    const body = { pnId: fromHex(pnId), operation: PnOperation.Add, pnes: [guest.entityId], ownerAgrees: true };
    await gateway.request(pnUpdateRequest, body);
    await rig.enabler.revokeDevice(guest.entityId);
    expect(rig.db.reads.pns.isPending(pnId, guest.entityId)).toBe(false);
    await rig.db.transact((tx) => tx.users.remove(bob));
  });

  it('is let in by nothing but a registration after that', async () => {
    const body = { pnId: fromHex(pnId), hello: helloOf(watch, 'newcomer'), randGw: rig.entropy.bytes(32) };
    await expect(gateway.request(pneRegistrationForward, body)).rejects.toMatchObject({ status: Status.NotMember });
  });
});

it('a repeated request to join gets the same challenge, and one admission comes of it', async () => {
  const body = {
    action: PneAction.Join,
    pnId: fromHex(pnId),
    pne: watch.entityId,
    hello: helloOf(watch, 'join'),
    randGw: rig.entropy.bytes(32),
  };
  gateway.randGw = body.randGw;
  const transaction = rig.entropy.bytes(16);
  const challenge = bodyOf(await gateway.request(pneRequest, body, transaction), authenticationRequest);
  expect(bodyOf(await gateway.request(pneRequest, body, transaction), authenticationRequest)).toEqual(challenge);
  await expect(gateway.request(pneRequest, { ...body, ownerAgrees: true }, transaction)).rejects.toMatchObject({
    status: Status.BadMessage,
  });
  expect((await prove(watch, 'join', challenge)).status).toBe(Status.Success);
  expect(rig.db.reads.pns.find(pnId)?.version).toBe(2);
});

it('many come in by one invitation, each with its own record', async () => {
  const pnes = await Promise.all(['a-1', 'a-2', 'a-3', 'a-4', 'a-5', 'a-6'].map((name) => PneDouble.of(gateway, name)));
  gateway.randGw = rig.entropy.bytes(32);
  const body = {
    pnId: fromHex(pnId),
    operation: PnOperation.Add,
    pnes: pnes.map(({ entityId }) => entityId),
    hellos: pnes.map((pne) => helloOf(pne, 'invite')),
    randGw: gateway.randGw,
  };
  const challenge = bodyOf(await gateway.request(pnUpdateRequest, body), authenticationRequest);
  const [silent, ...others] = pnes;
  const proofs = others.map((pne) => ({ pne: pne.entityId, hashPne: pne.prove(pnId, challenge) }));
  const answer = await gateway.request(authenticationResponses, { pnId: fromHex(pnId), randServer: challenge.randServer, pnes: proofs });
  const response = bodyOf(answer, pnUpdateResponse);
  expect(response.status).toBe(Status.PartialSuccess);
  expect(response.pnes.find(({ pne }) => pne === silent?.entityId)?.status).toBe(Status.Timeout);
  for (const pne of others) {
    pne.confirm(pnId, response.pnes.find((outcome) => outcome.pne === pne.entityId) ?? {});
    await pne.acknowledge(pnId);
  }
  expect(members()).toHaveLength(6);
  expect(rig.db.reads.pns.find(pnId)).toMatchObject({ version: 2, keyEpoch: 2 });
});
