import {
  authenticationRequest,
  authenticationResponses,
  bodyOf,
  pnMembershipRequest,
  pnMembershipResponse,
  pnRegistrationRequest,
  pnRegistrationResponse,
  RequestFlow,
  SetupType,
  Status,
} from '@cpns/shared/messages';
import { fromHex } from '@cpns/shared/security';
import { beforeEach, describe, expect, it } from 'vitest';
import { begin, complete, established, GatewayDouble, home, kept, newPnId, PneDouble, proofsOf, registrationOf } from './devices.js';
import { type Changes, Rig } from './rig.js';

let rig: Rig;
let gateway: GatewayDouble;
let laptop: PneDouble;
let board: PneDouble;

beforeEach(async () => {
  ({ rig, gateway, laptop, board } = await home('laptop', 'board'));
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
});

describe('a challenge', () => {
  it('expires', async () => {
    const begun = await begin(gateway, [laptop]);
    await rig.pass(30_000);
    expect(rig.enabler.gauges()).toMatchObject({ challenges: 0 });
    await expect(complete(laptop, begun, [laptop])).rejects.toMatchObject({ status: Status.WrongState });
    expect(rig.db.reads.pns.list()).toEqual([]);
  });

  it('does not outlive a restart', async () => {
    const begun = await begin(gateway, [laptop]);
    rig.restart();
    await gateway.setUp();
    await expect(complete(laptop, begun, [laptop])).rejects.toMatchObject({ status: Status.WrongState });
    expect(kept(rig, laptop)).toMatchObject({ pns: 0, ofLaptop: 0, challenges: 0 });
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
    await expect(complete(laptop, { pnId, body: mine, challenge }, [laptop])).rejects.toMatchObject({ status: Status.Duplicate });
    expect(kept(rig, laptop)).toMatchObject({ pns: 1, ofLaptop: 0, sessions });
    const asked = { pnId: fromHex(pnId), initiator: laptop.entityId, setupType: SetupType.OneToOne, candidates: [] };
    expect(bodyOf(await gateway.request(pnMembershipRequest, asked), pnMembershipResponse).status).toBe(Status.Duplicate);
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
  const response = await complete(laptop, begun, [laptop, board]);
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

  it.each<[string, NonNullable<Changes['limits']>, number]>([
    ['establishments', { establishmentsPerSecondPerGateway: 1, pnesPerRegistration: 1 }, 1_000],
    ['requests of the initiator', { requestBurstPerPne: 1 }, 1_000],
    ['open challenges', { openChallengesPerGateway: 1 }, 30_000],
    ['PNs of a PN GW', { pnsPerGateway: 1 }, 600_000],
  ])('on %s say when to come back', async (_what, limits, retryAfterMs) => {
    rig = new Rig({ limits });
    await rig.user();
    gateway = await GatewayDouble.connected(rig);
    laptop = await PneDouble.of(gateway, 'laptop');
    await (limits.pnsPerGateway === undefined ? begin(gateway, [laptop]) : established(gateway, [laptop]));
    await expect(begin(gateway, [laptop])).rejects.toMatchObject({ status: Status.Busy, retryAfterMs });
  });

  it('on PNs of a PN GW hold before anybody is asked for consent', async () => {
    rig = new Rig({ limits: { pnsPerGateway: 1 } });
    await rig.user();
    gateway = await GatewayDouble.connected(rig);
    laptop = await PneDouble.of(gateway, 'laptop');
    await established(gateway, [laptop]);
    const asked = { pnId: fromHex(newPnId(rig)), initiator: laptop.entityId, setupType: SetupType.All, candidates: [] };
    await expect(gateway.request(pnMembershipRequest, asked)).rejects.toMatchObject({ status: Status.Busy });
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
