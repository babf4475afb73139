import { CpnsError, type PnId } from '@cpns/shared';
import {
  type AnyMessage,
  authenticationRequest,
  authenticationResponses,
  authorizationResponse,
  type BodyOf,
  bodyOf,
  capabilitiesUpdate,
  connectionSetupRequest,
  data,
  type Envelope,
  families,
  PneAction,
  PneState,
  PnOperation,
  pending,
  pneConfirmRequest,
  pneConfirmResponse,
  pneRegistrationForward,
  pneRequest,
  pnKeyRequest,
  pnMembershipRequest,
  pnRegistrationRequest,
  pnReleaseRequest,
  pnUpdateRequest,
  pnUpdateResponse,
  RequestFlow,
  reconcile,
  reconcileResponse,
  refusal,
  SetupType,
  Status,
  sessionAcknowledgement,
  sgData,
} from '@cpns/shared/messages';
import { fromHex, toHex } from '@cpns/shared/security';
import { beforeEach, describe, expect, it } from 'vitest';
import { FLOWS } from '../../src/enabler/flows.js';
import { capabilities, established, GatewayDouble, newPnId, PneDouble } from './devices.js';
import { bob, Rig } from './rig.js';

/** What came of a request: a status, a challenge, or not even an answer. */
type Outcome = keyof typeof Status | 'challenge' | 'silence';

/** A PN of Alice's gateway with the phone and Bob's tablet in it, and everybody who might ask for something. */
async function world(): Promise<void> {
  const rig = new Rig({ limits: { requestsPerSecondPerPne: 1_000, requestBurstPerPne: 1_000 } });
  await rig.user();
  await rig.user(bob);
  const gateway = await GatewayDouble.connected(rig);
  const second = await GatewayDouble.connected(rig, 'second');
  const foreign = await GatewayDouble.connected(rig, 'foreign', await rig.enrol('foreign', bob));
  const fallen = await GatewayDouble.connected(rig, 'fallen');
  const own = (name: string) => PneDouble.of(gateway, name);
  const [phone, board, watch, lost] = [await own('phone'), await own('board'), await own('watch'), await own('lost')];
  const [guest, tablet] = [new PneDouble(gateway, await rig.enrol('guest', bob)), new PneDouble(gateway, await rig.enrol('tablet', bob))];
  const unknown = new PneDouble(gateway, rig.stranger('unknown'));
  const pnId = await established(gateway, [phone, board]);
  there = { rig, gateway, second, foreign, fallen, phone, board, watch, lost, guest, tablet, unknown, pnId };
  expect(await ABOUT.join?.('a guest inside', { ownerAgrees: true })).toBe('Success');
  for (const { entityId: id } of [lost, fallen]) await rig.enabler.revokeDevice(id);
}

interface World {
  readonly rig: Rig;
  /** PN GW of the PN. */
  readonly gateway: GatewayDouble;
  /** Another one of Alice, one of Bob, and one that was revoked. */
  readonly second: GatewayDouble;
  readonly foreign: GatewayDouble;
  readonly fallen: GatewayDouble;
  /** Alice's: two members, one that is none, and one that was revoked. */
  readonly phone: PneDouble;
  readonly board: PneDouble;
  readonly watch: PneDouble;
  readonly lost: PneDouble;
  /** Bob's: one that is in no PN, and a member. */
  readonly guest: PneDouble;
  readonly tablet: PneDouble;
  /** Nobody enrolled it. */
  readonly unknown: PneDouble;
  readonly pnId: PnId;
}
let there: World;
beforeEach(world);

function named(status: number): Outcome {
  return (Object.keys(Status) as (keyof typeof Status)[]).find((name) => Status[name] === status) ?? 'silence';
}

/** The outcome that stands in an answer. */
function read(envelope: Envelope): Outcome {
  if (envelope.number === authenticationRequest.number) return 'challenge';
  if (envelope.number === reconcileResponse.number) return named(bodyOf(envelope, reconcileResponse).pns[0]?.status ?? Status.Success);
  if (envelope.number === pnUpdateResponse.number) {
    const { status, pnes } = bodyOf(envelope, pnUpdateResponse);
    return named(pnes[0]?.status ?? status);
  }
  return named((bodyOf(envelope, envelope.type ?? refusal) as { readonly status?: Status }).status ?? -1);
}

async function outcomeOf(asked: Promise<Envelope>): Promise<Outcome> {
  try {
    return read(await asked);
  } catch (error) {
    if (error instanceof CpnsError) return named(error.status ?? -1);
    return 'silence';
  }
}

/** The session in which a request comes. */
const SENDERS = ['its PN GW', 'another PN GW of the user', 'a PN GW of another user', 'a member itself', 'a revoked PN GW'] as const;
type Sender = (typeof SENDERS)[number];

function ask<M extends AnyMessage>(sender: Sender, type: M, body: BodyOf<M>): Promise<Outcome> {
  const { gateway, second, foreign, fallen, phone, pnId } = there;
  const gateways = {
    'its PN GW': gateway,
    'another PN GW of the user': second,
    'a PN GW of another user': foreign,
    'a revoked PN GW': fallen,
  };
  if (sender === 'a member itself') return outcomeOf(phone.request(pnId, type, body));
  return outcomeOf(gateways[sender].request(type, body));
}

const gatewayOf = (sender: Sender) => {
  const { gateway, second, foreign, fallen } = there;
  return {
    'its PN GW': gateway,
    'another PN GW of the user': second,
    'a PN GW of another user': foreign,
    'a revoked PN GW': fallen,
    'a member itself': gateway,
  }[sender];
};
/** A hello of the watch, which is in no PN, for whoever sends it on. */
const helloFor = (sender: Sender, flow: RequestFlow, pne = there.watch) =>
  pne.hello(
    { flow, ...((flow === RequestFlow.Invite || flow === RequestFlow.Consent) && { consent: true }) },
    { idGw: gatewayOf(sender).entityId },
  );
const randGw = () => there.rig.entropy.bytes(32);
const theirs = () => fromHex(there.pnId);

type Request = (sender: Sender) => Promise<Outcome>;
const REQUESTS: Readonly<Record<string, Request>> = {
  'PN Membership, of a new PN': (sender) =>
    ask(sender, pnMembershipRequest, {
      pnId: fromHex(newPnId(there.rig)),
      initiator: there.watch.entityId,
      setupType: SetupType.OneToOne,
      candidates: [],
    }),
  'PN Membership, of this PN': (sender) =>
    ask(sender, pnMembershipRequest, {
      pnId: theirs(),
      initiator: there.watch.entityId,
      setupType: SetupType.Named,
      candidates: [there.watch.entityId],
    }),
  'PN Registration, with the ID of this PN': (sender) =>
    ask(sender, pnRegistrationRequest, {
      pnId: theirs(),
      gatewayCapabilities: capabilities,
      initiator: gatewayOf(sender).entityId,
      randGw: randGw(),
      shareMembers: true,
      pnes: [helloFor(sender, RequestFlow.Consent)],
    }),
  'PN Key': (sender) => ask(sender, pnKeyRequest, { pnId: theirs() }),
  'PN Update (add), invited': (sender) =>
    ask(sender, pnUpdateRequest, {
      pnId: theirs(),
      operation: PnOperation.Add,
      pnes: [there.watch.entityId],
      hellos: [helloFor(sender, RequestFlow.Invite)],
      randGw: randGw(),
    }),
  'PN Update (add), pending': (sender) =>
    ask(sender, pnUpdateRequest, { pnId: theirs(), operation: PnOperation.Add, pnes: [there.watch.entityId] }),
  'PN Update (remove)': (sender) =>
    ask(sender, pnUpdateRequest, { pnId: theirs(), operation: PnOperation.Remove, pnes: [there.board.entityId] }),
  'PNE Request (join)': (sender) =>
    ask(sender, pneRequest, {
      action: PneAction.Join,
      pnId: theirs(),
      pne: there.watch.entityId,
      hello: helloFor(sender, RequestFlow.Join),
      randGw: randGw(),
    }),
  'PNE Request (leave) of another': (sender) =>
    ask(sender, pneRequest, { action: PneAction.Leave, pnId: theirs(), pne: there.board.entityId }),
  'PNE Registration, newcomer': (sender) =>
    ask(sender, pneRegistrationForward, { pnId: theirs(), hello: helloFor(sender, RequestFlow.RegisterNewcomer), randGw: randGw() }),
  'PN Release': (sender) => ask(sender, pnReleaseRequest, { pnId: theirs(), initiator: gatewayOf(sender).entityId }),
  Reconcile: (sender) => ask(sender, reconcile, { pns: [{ pnId: theirs(), inventoryVersion: 2, pnKeyEpoch: 2, state: PneState.Member }] }),
};

/** Of each request, what comes of it for each of the {@link SENDERS}. */
const RIGHTS: readonly (readonly [keyof typeof REQUESTS, ...Outcome[]])[] = [
  ['PN Membership, of a new PN', 'Success', 'Success', 'Success', 'BadMessage', 'silence'],
  ['PN Membership, of this PN', 'Success', 'Duplicate', 'Duplicate', 'BadMessage', 'silence'],
  ['PN Registration, with the ID of this PN', 'Duplicate', 'Duplicate', 'Duplicate', 'BadMessage', 'silence'],
  ['PN Key', 'Success', 'UnknownPn', 'UnknownPn', 'BadMessage', 'silence'],
  ['PN Update (add), invited', 'challenge', 'UnknownPn', 'UnknownPn', 'BadMessage', 'silence'],
  ['PN Update (add), pending', 'Success', 'UnknownPn', 'UnknownPn', 'BadMessage', 'silence'],
  ['PN Update (remove)', 'Success', 'UnknownPn', 'UnknownPn', 'BadMessage', 'silence'],
  ['PNE Request (join)', 'challenge', 'UnknownPn', 'UnknownPn', 'UnknownPn', 'silence'],
  ['PNE Request (leave) of another', 'Success', 'UnknownPn', 'UnknownPn', 'UnknownPn', 'silence'],
  ['PNE Registration, newcomer', 'NotMember', 'UnknownPn', 'UnknownPn', 'BadMessage', 'silence'],
  ['PN Release', 'Success', 'UnknownPn', 'UnknownPn', 'BadMessage', 'silence'],
  ['Reconcile', 'Success', 'UnknownPn', 'UnknownPn', 'Success', 'silence'],
];

describe.each(RIGHTS)('%s', (request, ...outcomes) => {
  it.each(SENDERS.map((sender, i) => [sender, outcomes[i]] as const))('of %s: %s', async (sender, outcome) => {
    expect(await (REQUESTS[request] as Request)(sender)).toBe(outcome);
  });
});

/** Whom a request of the PN GW is about. */
const SUBJECTS = ['own', 'a member', 'a guest', 'a guest let in', 'a guest inside', 'revoked', 'unknown'] as const;
type Subject = (typeof SUBJECTS)[number];

const subjectOf = (subject: Subject): PneDouble => {
  const { watch, phone, guest, tablet, lost, unknown } = there;
  return { own: watch, 'a member': phone, 'a guest': guest, 'a guest let in': guest, 'a guest inside': tablet, revoked: lost, unknown }[
    subject
  ];
};
const agreesTo = (subject: Subject) => (subject === 'a guest let in' ? { ownerAgrees: true } : {});

/** The first answer, and when that is a challenge, what the proof comes to. */
async function proven(pne: PneDouble, request: Promise<Envelope>): Promise<Outcome> {
  const { gateway } = there;
  let first: Envelope;
  try {
    first = await request;
  } catch (error) {
    return outcomeOf(Promise.reject(error));
  }
  if (first.number !== authenticationRequest.number) return read(first);
  const challenge = bodyOf(first, authenticationRequest);
  const hashPne = pne.prove(there.pnId, challenge);
  const answer = { pnId: theirs(), randServer: challenge.randServer, pnes: [{ pne: pne.entityId, hashPne }] };
  return outcomeOf(gateway.request(authenticationResponses, answer).then(confirmed));
}

/** Bob's PN GW says yes to whatever it is asked. */
async function confirmed(answered: Envelope): Promise<Envelope> {
  if (answered.number !== pending.number) return answered;
  const { foreign, gateway, rig } = there;
  for (const question of foreign.takeEnvelopes(pneConfirmRequest)) {
    const { headerHash } = bodyOf(question, pneConfirmRequest);
    await foreign.answer(question, pneConfirmResponse, { headerHash, belongs: true, chargeable: true });
  }
  await rig.pass(0);
  return (
    gateway.arrived.find(({ transaction, number }) => number !== pending.number && toHex(transaction) === toHex(answered.transaction)) ??
    answered
  );
}

const ABOUT: Readonly<Record<string, (subject: Subject, agrees?: { ownerAgrees?: boolean }) => Promise<Outcome>>> = {
  join: (subject, agrees = agreesTo(subject)) => {
    const pne = subjectOf(subject);
    there.gateway.randGw = randGw();
    const hello = pne.hello({ flow: RequestFlow.Join });
    const body = { action: PneAction.Join, pnId: theirs(), pne: pne.entityId, hello, randGw: there.gateway.randGw, ...agrees };
    return proven(pne, there.gateway.request(pneRequest, body));
  },
  invitation: (subject) => {
    const pne = subjectOf(subject);
    const hellos = [pne.hello({ flow: RequestFlow.Invite, consent: true })];
    const body = { pnId: theirs(), operation: PnOperation.Add, pnes: [pne.entityId], hellos, randGw: randGw(), ...agreesTo(subject) };
    return proven(pne, there.gateway.request(pnUpdateRequest, body));
  },
  addition: (subject) => {
    const body = { pnId: theirs(), operation: PnOperation.Add, pnes: [subjectOf(subject).entityId], ...agreesTo(subject) };
    return outcomeOf(there.gateway.request(pnUpdateRequest, body));
  },
  'registration without addition': (subject) => {
    const pne = subjectOf(subject);
    const hello = pne.hello({ flow: RequestFlow.RegisterNewcomer });
    return proven(pne, there.gateway.request(pneRegistrationForward, { pnId: theirs(), hello, randGw: randGw(), ...agreesTo(subject) }));
  },
  leave: (subject) =>
    outcomeOf(there.gateway.request(pneRequest, { action: PneAction.Leave, pnId: theirs(), pne: subjectOf(subject).entityId })),
  removal: (subject) => {
    const body = { pnId: theirs(), operation: PnOperation.Remove, pnes: [subjectOf(subject).entityId] };
    return outcomeOf(there.gateway.request(pnUpdateRequest, body));
  },
  release: (subject) => outcomeOf(there.gateway.request(pnReleaseRequest, { pnId: theirs(), initiator: subjectOf(subject).entityId })),
};

/** Of each request of the PN GW, what comes of it for each of the {@link SUBJECTS}. */
const ENTITLED: readonly (readonly [keyof typeof ABOUT, ...Outcome[]])[] = [
  ['join', 'Success', 'Success', 'NotAuthorized', 'Success', 'NotAuthorized', 'NotAuthorized', 'NotAuthorized'],
  ['invitation', 'Success', 'Success', 'Success', 'Success', 'Success', 'NotAuthorized', 'NotAuthorized'],
  ['addition', 'Success', 'AlreadyMember', 'NotAuthorized', 'Success', 'NotAuthorized', 'NotAuthorized', 'NotAuthorized'],
  ['registration without addition', 'NotMember', 'Success', 'NotMember', 'NotMember', 'NotAuthorized', 'AuthFailed', 'AuthFailed'],
  ['leave', 'NotMember', 'Success', 'NotMember', 'NotMember', 'Success', 'NotMember', 'NotMember'],
  ['removal', 'NotMember', 'Success', 'NotMember', 'NotMember', 'Success', 'NotMember', 'NotMember'],
  ['release', 'NotAuthorized', 'Success', 'NotAuthorized', 'NotAuthorized', 'NotAuthorized', 'NotAuthorized', 'NotAuthorized'],
];

describe.each(ENTITLED)('the PN GW asks for the %s', (request, ...outcomes) => {
  it.each(SUBJECTS.map((subject, i) => [subject, outcomes[i]] as const))('of a device that is %s: %s', async (subject, outcome) => {
    expect(await ABOUT[request]?.(subject)).toBe(outcome);
  });
});

it('no request and no sender is left out', () => {
  expect(RIGHTS.map(([request]) => request)).toEqual(Object.keys(REQUESTS));
  expect(ENTITLED.map(([request]) => request)).toEqual(Object.keys(ABOUT));
  for (const [, ...outcomes] of RIGHTS) expect(outcomes).toHaveLength(SENDERS.length);
  for (const [, ...outcomes] of ENTITLED) expect(outcomes).toHaveLength(SUBJECTS.length);
  // Whatever changes a PN or tells of it; groups have a table of their own.
  const others = [
    sessionAcknowledgement,
    capabilitiesUpdate,
    connectionSetupRequest,
    authorizationResponse,
    authenticationResponses,
    data,
    ...families.flatMap(({ name, messages }) => (name === 'Service groups' ? messages : [])),
    sgData,
  ];
  const served = [...FLOWS.keys()].filter((number) => !others.some((type) => type.number === number));
  const asked = [
    pnMembershipRequest,
    pnRegistrationRequest,
    pnKeyRequest,
    pnUpdateRequest,
    pneRequest,
    pneRegistrationForward,
    pnReleaseRequest,
  ];
  expect(served.sort()).toEqual([...asked, reconcile].map(({ number }) => number).sort());
});
