import {
  type AnyMessage,
  authenticationRequest,
  authenticationResponses,
  type BodyOf,
  bodyOf,
  type Envelope,
  pending,
  pneConfirmRequest,
  pneConfirmResponse,
  pnRegistrationRequest,
  pnRegistrationResponse,
  RequestFlow,
  refusal,
  requestWithdrawn,
  Status,
} from '@cpns/shared/messages';
import { fromHex, toHex } from '@cpns/shared/security';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Begun, begin, GatewayDouble, newPnId, PneDouble, proofsOf, registrationOf } from './devices.js';
import { bob, type Changes, Rig } from './rig.js';

let rig: Rig;
/** PN GW #2, and a PNE of its user. */
let gateway: GatewayDouble;
let laptop: PneDouble;
/** Bob's: his PN GW #1, and a PNE near PN GW #2. */
let home: GatewayDouble;
let guest: PneDouble;

async function people(changes: Changes = {}) {
  rig = new Rig(changes);
  await rig.user();
  await rig.user(bob);
  gateway = await GatewayDouble.connected(rig);
  laptop = await PneDouble.of(gateway, 'laptop');
  home = await GatewayDouble.connected(rig, 'home', await rig.enrol('home', bob));
  guest = new PneDouble(gateway, await rig.enrol('guest', bob));
}
beforeEach(() => people());

/** The guest, or both, prove themselves; PN GW #2 waits. */
async function prove(pnes: readonly PneDouble[] = [guest]): Promise<Begun> {
  const begun = await begin(gateway, pnes);
  const answer = await gateway.request(authenticationResponses, proofsOf(begun, pnes));
  expect(answer.number).toBe(pending.number);
  return begun;
}

const asked = (confirmer = home): Envelope[] => confirmer.takeEnvelopes(pneConfirmRequest);
const only = ([question, ...more]: Envelope[]): Envelope => {
  if (question === undefined || more.length > 0) throw new Error(`${more.length + 1} questions`);
  return question;
};
function say(question: Envelope, word: Partial<BodyOf<typeof pneConfirmResponse>> = {}): Promise<void> {
  const { headerHash } = bodyOf(question, pneConfirmRequest);
  return home.answer(question, pneConfirmResponse, { headerHash, belongs: true, chargeable: true, ...word });
}
async function outcomes() {
  await rig.pass(0);
  const [response] = gateway.take(pnRegistrationResponse);
  return response?.pnes.map(({ pne, status }) => [pne, status]);
}
const nothingIsKept = () => {
  expect(rig.db.reads.pns.list()).toEqual([]);
  expect(rig.enabler.gauges()).toMatchObject({ challenges: 0, requests: 0, sessions: 2 });
};

describe('PNE Confirm (seed 004 steps 8 to 10)', () => {
  it('asks PN GW #1 what it has to know, and lets the guest in on its word', async () => {
    const { pnId } = await prove();
    const question = only(asked());
    expect(bodyOf(question, pneConfirmRequest)).toMatchObject({
      pne: guest.entityId,
      pnId: fromHex(pnId),
      gateway: gateway.entityId,
      gatewayUser: 'alice',
      services: ['pn'],
    });
    expect(rig.db.reads.pns.list()).toEqual([]);
    await say(question);
    expect(await outcomes()).toEqual([[guest.entityId, Status.Success]]);
    expect(rig.db.reads.pns.members(pnId).map(({ entityId, userId }) => [entityId, userId])).toEqual([[guest.entityId, bob]]);
  });

  it.each<[string, Partial<BodyOf<typeof pneConfirmResponse>>, Status]>([
    ['is not his', { belongs: false }, Status.ConfirmFailed],
    ['may not be charged', { chargeable: false }, Status.NotChargeable],
    ['was confirmed in another run', { headerHash: new Uint8Array(32) }, Status.ConfirmFailed],
  ])('registers nothing when the device %s', async (_what, word, status) => {
    await prove();
    await say(only(asked()), word);
    expect(await outcomes()).toEqual([[guest.entityId, status]]);
    nothingIsKept();
  });

  it('charges nobody whose subscription does not allow it, whatever his PN GW says', async () => {
    const carol = 'carol' as typeof bob;
    await rig.db.transact((tx) => void tx.users.add(carol, { services: ['pn-gw'], chargeable: false }));
    const hers = await GatewayDouble.connected(rig, 'hers', await rig.enrol('hers', carol));
    guest = new PneDouble(gateway, await rig.enrol('guest-2', carol));
    await prove();
    const question = only(asked(hers));
    const { headerHash } = bodyOf(question, pneConfirmRequest);
    await hers.answer(question, pneConfirmResponse, { headerHash, belongs: true, chargeable: true });
    expect(await outcomes()).toEqual([[guest.entityId, Status.NotChargeable]]);
  });

  it('says pending while nobody answers, asks again, and takes silence for a no after 75 s', async () => {
    await prove();
    await rig.pass(60_000);
    expect(gateway.take(pending).length).toBeGreaterThanOrEqual(25);
    const repeated = asked();
    expect(repeated.length).toBeGreaterThan(5);
    expect(new Set(repeated.map(({ octets }) => toHex(octets))).size).toBe(1);
    await rig.pass(14_000);
    expect(await outcomes()).toBeUndefined();
    await rig.pass(1_000);
    expect(await outcomes()).toEqual([[guest.entityId, Status.Timeout]]);
    nothingIsKept();
  });

  it('goes on with the others, and does not keep PN GW #2 from anything else meanwhile', async () => {
    const { pnId } = await prove([laptop, guest]);
    const other = await begin(gateway, [await PneDouble.of(gateway, 'watch')]);
    expect(other.challenge.pnes[0]?.status).toBe(Status.Success);
    await say(only(asked()), { belongs: false });
    expect(await outcomes()).toEqual([
      [guest.entityId, Status.ConfirmFailed],
      [laptop.entityId, Status.Success],
    ]);
    expect(rig.db.reads.pns.members(pnId).map(({ entityId }) => entityId)).toEqual([laptop.entityId]);
  });

  it('is unreachable without a PN GW of the owner, or when that is lost', async () => {
    await prove();
    rig.broker.onLeave(home.entityId);
    await rig.pass(6_000);
    expect(await outcomes()).toEqual([[guest.entityId, Status.PeerUnreachable]]);
    const begun = await begin(gateway, [guest]);
    const answer = await gateway.request(authenticationResponses, proofsOf(begun, [guest]));
    expect(bodyOf(answer, pnRegistrationResponse).pnes.map(({ status }) => status)).toEqual([Status.PeerUnreachable]);
    nothingIsKept();
  });

  it('is withdrawn when the PN GW that it is for is shut out', async () => {
    await prove();
    const { transaction } = only(asked());
    await rig.enabler.revokeDevice(gateway.entityId);
    await rig.pass(5_000);
    expect(home.takeEnvelopes(requestWithdrawn).map((envelope) => toHex(envelope.transaction))).toEqual([toHex(transaction)]);
  });

  it.each([
    [Status.Busy, Status.Busy],
    [Status.BadMessage, Status.ConfirmFailed],
  ])('a refusal of PN GW #1 with %s is %s', async (said, status) => {
    await prove();
    await home.answer(only(asked()), refusal as AnyMessage, { status: said });
    expect(await outcomes()).toEqual([[guest.entityId, status]]);
    nothingIsKept();
  });

  it('listens to nobody but PN GW #1', async () => {
    await prove();
    const question = only(asked());
    const { headerHash } = bodyOf(question, pneConfirmRequest);
    await gateway.answer(question, pneConfirmResponse, { headerHash, belongs: true, chargeable: true });
    expect(await outcomes()).toBeUndefined();
    await say(question, { belongs: false });
    expect(await outcomes()).toEqual([[guest.entityId, Status.ConfirmFailed]]);
  });

  it('asks the PN GW that has the PNE in a PN before the others, then the lowest id', async () => {
    const second = await GatewayDouble.connected(rig, 'second', await rig.enrol('second', bob));
    await prove();
    expect(asked()).toHaveLength(1);
    await rig.pass(80_000);
    await outcomes();

    const there = new PneDouble(second, guest.device);
    const begun = await begin(second, [there]);
    await second.request(authenticationResponses, proofsOf(begun, [there]));
    expect(asked(second)).toEqual([]);
    asked();
    await prove();
    expect([asked().length, asked(second).length]).toEqual([0, 1]);
  });

  it('takes the PN GW that the PNE names for a hint', async () => {
    const pnId = newPnId(rig);
    const { pnes: _own, ...registration } = registrationOf(gateway, [guest], pnId);
    const hello = guest.hello({ flow: RequestFlow.Consent, consent: true, ownerGateway: gateway.entityId });
    const body = { ...registration, initiator: gateway.entityId, pnes: [hello] };
    const challenge = bodyOf(await gateway.request(pnRegistrationRequest, body), authenticationRequest);
    await gateway.request(authenticationResponses, proofsOf({ pnId, body, challenge }, [guest]));
    expect(asked()).toHaveLength(1);
    expect(gateway.take(pneConfirmRequest)).toEqual([]);
    expect(rig.logger.lines.some(({ message }) => message.startsWith('a PNE names another PN GW'))).toBe(true);
  });

  it('does not let a device speak for itself', async () => {
    rig.broker.onLeave(home.entityId);
    const own = new GatewayDouble(rig, guest.device);
    own.connect();
    await own.setUp();
    const begun = await begin(gateway, [guest]);
    const answer = await gateway.request(authenticationResponses, proofsOf(begun, [guest]));
    expect(bodyOf(answer, pnRegistrationResponse).pnes.map(({ status }) => status)).toEqual([Status.PeerUnreachable]);
  });

  it('bothers an owner three times in ten minutes', async () => {
    for (let n = 1; n <= 3; n++) {
      await prove();
      await say(only(asked()), { belongs: false });
      await outcomes();
    }
    const begun = await begin(gateway, [guest]);
    const answer = await gateway.request(authenticationResponses, proofsOf(begun, [guest]));
    expect(bodyOf(answer, pnRegistrationResponse).pnes.map(({ status }) => status)).toEqual([Status.Busy]);
    expect(asked()).toEqual([]);
  });

  it('registers nothing when a party is revoked meanwhile', async () => {
    await prove();
    const question = only(asked());
    await rig.enabler.revokeDevice(guest.entityId);
    await say(question);
    expect(await outcomes()).toEqual([[guest.entityId, Status.NotAuthorized]]);
    expect(rig.db.reads.pns.list()).toEqual([]);
  });

  it('leaves nothing of what waits when the server stops', async () => {
    await prove();
    rig.restart();
    await rig.pass(100);
    expect(rig.db.reads.pns.list()).toEqual([]);
    expect(await outcomes()).toBeUndefined();
  });

  it('is written down with the subscription that pays, and what came of it (CHG-3)', async () => {
    const { pnId } = await prove([laptop, guest]);
    await say(only(asked()));
    await outcomes();
    await prove();
    await say(only(asked()), { belongs: false });
    await outcomes();
    const events = rig.db.reads.charging.page(0, 0, 10);
    const common = { gateway: gateway.entityId, gatewayUser: 'alice', service: 'pn' };
    expect(events).toHaveLength(3);
    expect(events).toContainEqual({
      ...common,
      id: expect.any(Number),
      atMs: rig.clock.wallMs(),
      pne: guest.entityId,
      userId: bob,
      subscriptionId: 'bob/1',
      pnId,
      result: 'Success',
    });
    expect(events).toContainEqual(expect.objectContaining({ ...common, pne: laptop.entityId, userId: 'alice', result: 'Success' }));
    expect(events.at(-1)).toMatchObject({ ...common, pne: guest.entityId, userId: bob, result: 'ConfirmFailed' });
  });
});
