import { entityId } from '@cpns/shared';
import {
  authorizationRequest,
  authorizationResponse,
  bodyOf,
  capabilitiesConfirmation,
  capabilitiesUpdate,
  clearFrame,
  connectionSetupConfirmation,
  connectionSetupRequest,
  decodeCapabilities,
  encodeCapabilities,
  encodeEnvelope,
  heartbeat,
  heartbeatAnswer,
  Status,
  statusManagementRequest,
  statusManagementResponse,
} from '@cpns/shared/messages';
import { EMPTY, type PneHandshake } from '@cpns/shared/security';
import { beforeEach, describe, expect, it } from 'vitest';
import { capabilities, GatewayDouble } from './devices.js';
import { Rig } from './rig.js';

let rig: Rig;
let gateway: GatewayDouble;

beforeEach(async () => {
  rig = new Rig();
  await rig.user();
  gateway = new GatewayDouble(rig, await rig.enrol('gateway'));
  gateway.connect();
});

function helloOf(handshake: PneHandshake) {
  const { request: _request, capabilities: _capabilities, localEuKeyNeeded: _needed, ...hello } = handshake.hello;
  return hello;
}

async function challenged(handshake = gateway.begin()) {
  const { challenge } = bodyOf(await gateway.inClear(connectionSetupRequest, { hello: helloOf(handshake) }), authorizationRequest);
  return handshake.answer(challenge, { pnId: EMPTY, idGw: '' }).hashPne;
}

describe('Connection setup', () => {
  it('takes a PN GW in and says who it is', async () => {
    const confirm = await gateway.setUp();
    expect(confirm).toMatchObject({
      status: Status.Success,
      cpnsId: rig.db.reads.devices.find(gateway.entityId)?.cpnsId,
      subscription: { userId: 'alice', services: ['pn-gw'] },
    });
    expect(rig.db.reads.devices.find(gateway.entityId)?.authenticatedMs).toBeDefined();
    expect(rig.enabler.gauges()).toEqual({ sessions: 1, challenges: 0, requests: 0 });
  });

  it('goes on with capabilities and status look-up', async () => {
    await gateway.setUp();
    const confirmation = await gateway.request(capabilitiesUpdate, { capabilities });
    expect(bodyOf(confirmation, capabilitiesConfirmation)).toEqual({ status: Status.Success });
    expect(rig.db.reads.devices.find(gateway.entityId)?.capabilities).toEqual(capabilities);

    const [asked] = gateway.takeEnvelopes(statusManagementRequest);
    if (asked === undefined) throw new Error('the server does not ask');
    const changed = encodeCapabilities({ ...decodeCapabilities(capabilities), batteryPercent: 10 });
    const reported = () => rig.db.reads.devices.find(gateway.entityId)?.capabilities;
    await gateway.notify(statusManagementResponse, { changed: true, capabilities: changed });
    expect(reported()).toEqual(capabilities);
    await gateway.answer(asked, statusManagementResponse, { changed: true, capabilities: changed });
    expect(reported()).toEqual(changed);
  });

  it('refuses capabilities that cannot be read', async () => {
    await gateway.setUp();
    await expect(gateway.request(capabilitiesUpdate, { capabilities: new Uint8Array([0xff]) })).rejects.toMatchObject({
      status: Status.BadMessage,
    });
    await expect(gateway.request(capabilitiesUpdate, { capabilities, contents: new Uint8Array([0xa0]) })).rejects.toMatchObject({
      status: Status.BadMessage,
    });
  });

  it('gives a repeated request the same answer, at either step', async () => {
    const handshake = gateway.begin();
    const [first, second] = [rig.entropy.bytes(16), rig.entropy.bytes(16)];
    const body = { hello: helloOf(handshake) };
    const asked = await gateway.inClear(connectionSetupRequest, body, first);
    expect((await gateway.inClear(connectionSetupRequest, body, first)).octets).toEqual(asked.octets);
    const { hashPne } = handshake.answer(bodyOf(asked, authorizationRequest).challenge, { pnId: EMPTY, idGw: '' });
    const confirmed = await gateway.inClear(authorizationResponse, { hashPne }, second);
    const again = await gateway.inClear(authorizationResponse, { hashPne }, second);
    expect(again.octets).toEqual(confirmed.octets);
    expect(handshake.confirm(bodyOf(again, connectionSetupConfirmation).hashServer)).toBeDefined();
  });

  it('is one attempt: a wrong proof spends the challenge', async () => {
    const hashPne = await challenged();
    await expect(gateway.inClear(authorizationResponse, { hashPne: new Uint8Array(32) })).rejects.toMatchObject({
      status: Status.AuthFailed,
    });
    await expect(gateway.inClear(authorizationResponse, { hashPne })).rejects.toMatchObject({ status: Status.WrongState });
  });

  it('has 30 s for the proof', async () => {
    const hashPne = await challenged();
    await rig.pass(30_000);
    await expect(gateway.inClear(authorizationResponse, { hashPne })).rejects.toMatchObject({ status: Status.WrongState });
  });

  it('does not survive a restart between its halves', async () => {
    const hashPne = await challenged();
    rig.restart();
    await expect(gateway.inClear(authorizationResponse, { hashPne })).rejects.toMatchObject({ status: Status.WrongState });
    await gateway.setUp();
  });

  it('begun anew takes the place of the one before', async () => {
    const before = await challenged();
    const hashPne = await challenged();
    await gateway.inClear(authorizationResponse, { hashPne });
    await expect(gateway.inClear(authorizationResponse, { hashPne: before })).rejects.toMatchObject({ status: Status.WrongState });
  });

  it('looks at the subscription again at the end', async () => {
    const hashPne = await challenged();
    await rig.enabler.revokeDevice(gateway.entityId);
    gateway.connect();
    await expect(gateway.inClear(authorizationResponse, { hashPne })).rejects.toMatchObject({ status: Status.WrongState });
    expect(rig.enabler.gauges()).toMatchObject({ sessions: 0 });
  });
});

describe('Connection setup refuses, and answers alike,', () => {
  const refused = { status: Status.AuthFailed };

  it('a key that it does not know', async () => {
    const stranger = new GatewayDouble(rig, rig.stranger('gateway'));
    stranger.connect();
    await expect(stranger.setUp()).rejects.toMatchObject(refused);
    expect(rig.refusals().at(-1)).toBe('UnknownKid');
  });

  it('a wrong key under a known kid', async () => {
    const { root } = rig.stranger('gateway');
    const liar = new GatewayDouble(rig, { entityId: gateway.entityId, root: { ...root, kid: gateway.device.root.kid } });
    liar.connect();
    await expect(liar.setUp()).rejects.toMatchObject(refused);
    expect(rig.refusals().at(-1)).toBe('WrongRequestMac');
  });

  it('the kid of one device with the ID of another', async () => {
    const other = await rig.enrol('other');
    const liar = new GatewayDouble(rig, { entityId: gateway.entityId, root: other.root });
    liar.connect();
    await expect(liar.setUp()).rejects.toMatchObject(refused);
    expect(rig.refusals().at(-1)).toBe('KidOfAnother');
  });

  it('the genuine hello of another device on its own topic: a relay does not become that device', async () => {
    const other = new GatewayDouble(rig, await rig.enrol('other'));
    const hello = helloOf(other.begin());
    await expect(gateway.inClear(connectionSetupRequest, { hello })).rejects.toMatchObject(refused);
    expect(rig.refusals().at(-1)).toBe('NotOwnSetup');
  });

  it('a revoked device', async () => {
    await rig.enabler.revokeDevice(gateway.entityId);
    gateway.connect();
    await expect(gateway.setUp()).rejects.toMatchObject(refused);
  });

  it('a hello that was used before', async () => {
    const handshake = gateway.begin();
    const hello = helloOf(handshake);
    await gateway.inClear(connectionSetupRequest, { hello });
    await expect(gateway.inClear(connectionSetupRequest, { hello })).rejects.toMatchObject({ status: Status.Duplicate });
  });

  it('in silence what comes in the name of another device', async () => {
    const hello = helloOf(gateway.begin());
    const forged = encodeEnvelope(connectionSetupRequest, rig.entropy.bytes(16), entityId('other'), { hello });
    await gateway.publish(clearFrame(forged));
    expect(gateway.arrived).toEqual([]);
  });

  it('more than its burst', async () => {
    for (let i = 0; i < 10; i++) await challenged();
    await expect(challenged()).rejects.toMatchObject({ status: Status.Busy });
  });
});

describe('Heartbeat', () => {
  it('comes every 60 s with what is current, and its answer is a sign of life', async () => {
    await gateway.setUp();
    await rig.pass(60_000);
    const [beat] = gateway.takeEnvelopes(heartbeat);
    if (beat === undefined) throw new Error('no heartbeat');
    expect(bodyOf(beat, heartbeat)).toMatchObject({ serverTimeMs: rig.clock.wallMs(), pns: [], sgs: [] });
    await rig.pass(10_000);
    const lastSeen = () => rig.db.reads.devices.find(gateway.entityId)?.lastSeenMs;
    await gateway.notify(heartbeatAnswer, { counts: [] });
    expect(lastSeen(), 'an answer to nothing').toBeLessThan(rig.clock.wallMs());
    await gateway.answer(beat, heartbeatAnswer, { counts: [] });
    expect(lastSeen()).toBe(rig.clock.wallMs());
    await rig.pass(1_000);
    await gateway.answer(beat, heartbeatAnswer, { counts: [] });
    expect(lastSeen(), 'the same answer again').toBe(rig.clock.wallMs() - 1_000);
    gateway.arrived.splice(0);
    rig.detach(gateway.entityId);
    await rig.pass(120_000);
    expect(gateway.arrived).toEqual([]);
  });
});
