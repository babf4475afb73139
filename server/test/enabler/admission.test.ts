import { entityId } from '@cpns/shared';
import {
  authenticationRequest,
  authenticationResponses,
  bodyOf,
  connectionSetupRequest,
  pnMembershipRequest,
  pnMembershipResponse,
  pnRegistrationRequest,
  pnRegistrationResponse,
  RequestFlow,
  SetupType,
  Status,
} from '@cpns/shared/messages';
import { fromHex } from '@cpns/shared/security';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { begin, GatewayDouble, home, kept, newPnId, PneDouble, proofsOf, registrationOf } from './devices.js';
import { bob, type Rig } from './rig.js';

let rig: Rig;
let gateway: GatewayDouble;
let laptop: PneDouble;
let board: PneDouble;
let watch: PneDouble;

beforeEach(async () => {
  ({ rig, gateway, laptop, board, watch } = await home('laptop', 'board', 'watch'));
});

describe('who is let in', () => {
  const oneToOne = { flow: RequestFlow.Setup, setupType: SetupType.OneToOne };

  it('is active devices; those of other users are told apart, and come in with the word of their owners alone', async () => {
    await rig.user(bob);
    const foreign = new PneDouble(gateway, await rig.enrol('foreign', bob));
    const candidates = [laptop.entityId, foreign.entityId, gateway.entityId, board.entityId];
    const asked = { pnId: fromHex(newPnId(rig)), setupType: SetupType.All, candidates };
    const answer = await gateway.request(pnMembershipRequest, { ...asked, initiator: laptop.entityId });
    expect(bodyOf(answer, pnMembershipResponse)).toEqual({
      status: Status.Success,
      allowed: [laptop.entityId, foreign.entityId, board.entityId],
      guests: [foreign.entityId],
    });
    await rig.enabler.revokeDevice(board.entityId);
    const refused = await gateway.request(pnMembershipRequest, { ...asked, initiator: board.entityId });
    expect(bodyOf(refused, pnMembershipResponse)).toEqual({ status: Status.NotAuthorized, allowed: [] });

    const begun = await begin(gateway, [laptop, foreign]);
    expect(begun.challenge.pnes.map(({ status }) => status)).toEqual([Status.Success, Status.Success]);
    const completed = await gateway.request(authenticationResponses, proofsOf(begun, [laptop, foreign]));
    expect(bodyOf(completed, pnRegistrationResponse).pnes.map(({ status }) => status)).toEqual([Status.PeerUnreachable, Status.Success]);
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
    const before = kept(rig, laptop);
    const pne = await intruder();
    const transaction = rig.entropy.bytes(16);
    await expect(gateway.request(pnRegistrationRequest, registrationOf(gateway, [pne], newPnId(rig)), transaction)).rejects.toMatchObject({
      status: Status.AuthFailed,
    });
    const begun = await begin(gateway, [watch, pne]);
    expect(begun.challenge.pnes[1]).toEqual({ pne: pne.entityId, status: Status.AuthFailed, ...nothing });
    rig.restart();
    expect(kept(rig, laptop)).toEqual({ ...before, sessions: 0 });
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
