import type { EntityId, PnId, UserId } from '@cpns/shared';
import {
  authenticationRequest,
  authenticationResponses,
  bodyOf,
  type Envelope,
  PneAction,
  PnOperation,
  pending,
  pneConfirmRequest,
  pneConfirmResponse,
  pneRegistrationForward,
  pneRegistrationResponse,
  pneRequest,
  pneResponse,
  pnMembershipRequest,
  pnMembershipResponse,
  pnRegistrationRequest,
  pnRegistrationResponse,
  pnUpdateRequest,
  pnUpdateResponse,
  RequestFlow,
  SetupType,
  Status,
} from '@cpns/shared/messages';
import { fromHex, toHex } from '@cpns/shared/security';
import { beforeEach, describe, expect, it } from 'vitest';
import { entryStatus, type Ownership } from '../../src/enabler/membership-policy.js';
import type { GuestPolicy, UserRecord } from '../../src/inventory/users.js';
import { capabilities, established, GatewayDouble, newPnId, PneDouble, registrationOf } from './devices.js';
import { alice, bob, Rig } from './rig.js';

let rig: Rig;
/** Alice's PN GW, with a PNE of hers in its PN. */
let gateway: GatewayDouble;
let laptop: PneDouble;
let pnId: PnId;
/** Bob's PN GW #1, which says yes, and a PNE near Alice's PN GW. */
let home: GatewayDouble;
let guest: PneDouble;
/** What Bob's PN GW was asked. */
let asked: number;

beforeEach(async () => {
  rig = new Rig();
  await rig.user();
  await rig.user(bob);
  gateway = await GatewayDouble.connected(rig);
  laptop = await PneDouble.of(gateway, 'laptop');
  pnId = await established(gateway, [laptop]);
  home = await GatewayDouble.connected(rig, 'home', await rig.enrol('home', bob));
  guest = new PneDouble(gateway, await rig.enrol('guest', bob));
  asked = 0;
});

/** How a guest can come in, and what Alice says of it. */
const WAYS = {
  'asks for a PN of its own': () => setUp(false),
  'is named in a PN of Alice': () => setUp(true),
  'joins, Alice agrees': () => join(true),
  'joins, nobody is asked': () => join(false),
  'is invited': invite,
  'registers, Alice agrees': () => register(true),
  'registers, nobody is asked': () => register(false),
} as const;

/** Runs while a guest has proved itself and its owner has not answered yet. */
let meanwhile: () => Promise<unknown> = async () => {};
beforeEach(() => {
  meanwhile = async () => {};
});

/** The guest proves itself, and its owner's PN GW says yes. */
async function proven(pn: PnId, challenged: Envelope): Promise<Envelope> {
  const challenge = bodyOf(challenged, authenticationRequest);
  const proof = { pne: guest.entityId, hashPne: guest.prove(pn, challenge) };
  const answer = await gateway.request(authenticationResponses, { pnId: fromHex(pn), randServer: challenge.randServer, pnes: [proof] });
  if (answer.number !== pending.number) return answer;
  await meanwhile();
  for (const question of home.takeEnvelopes(pneConfirmRequest)) {
    asked++;
    const { headerHash } = bodyOf(question, pneConfirmRequest);
    await home.answer(question, pneConfirmResponse, { headerHash, belongs: true, chargeable: true });
  }
  await rig.pass(0);
  const same = ({ transaction, number }: Envelope) => number !== pending.number && toHex(transaction) === toHex(answer.transaction);
  return gateway.arrived.find(same) ?? answer;
}

async function setUp(byGateway: boolean): Promise<Status> {
  const pn = newPnId(rig);
  const body = registrationOf(gateway, [guest], pn);
  const consent = () => [guest.hello({ flow: RequestFlow.Consent, consent: true })];
  const request = byGateway ? { ...body, initiator: gateway.entityId, pnes: consent() } : body;
  const [outcome] = bodyOf(await proven(pn, await gateway.request(pnRegistrationRequest, request)), pnRegistrationResponse).pnes;
  return outcome?.status as Status;
}

async function join(ownerAgrees: boolean): Promise<Status> {
  gateway.randGw = rig.entropy.bytes(32);
  const hello = guest.hello({ flow: RequestFlow.Join });
  const { randGw, rig: _rig } = gateway;
  const body = { action: PneAction.Join, pnId: fromHex(pnId), pne: guest.entityId, hello, randGw, ownerAgrees };
  return bodyOf(await proven(pnId, await gateway.request(pneRequest, body)), pneResponse).status;
}

async function invite(): Promise<Status> {
  const hellos = [guest.hello({ flow: RequestFlow.Invite, consent: true })];
  const add = { pnId: fromHex(pnId), operation: PnOperation.Add, pnes: [guest.entityId] };
  const challenged = await gateway.request(pnUpdateRequest, { ...add, hellos, randGw: rig.entropy.bytes(32) });
  return bodyOf(await proven(pnId, challenged), pnUpdateResponse).pnes[0]?.status as Status;
}

async function register(ownerAgrees: boolean): Promise<Status> {
  const id = fromHex(pnId);
  await gateway.request(pnUpdateRequest, { pnId: id, operation: PnOperation.Add, pnes: [guest.entityId], ownerAgrees });
  const hello = guest.hello({ flow: RequestFlow.RegisterNewcomer });
  const forward = { pnId: id, hello, randGw: rig.entropy.bytes(32), ownerAgrees };
  return bodyOf(await proven(pnId, await gateway.request(pneRegistrationForward, forward)), pneRegistrationResponse).status;
}

type Way = keyof typeof WAYS;
type Outcome = keyof typeof Status;

/** What comes of it, by name. */
async function enters(way: Way): Promise<Outcome | undefined> {
  const status = await WAYS[way]().catch((error: { status?: Status }) => error.status);
  return (Object.keys(Status) as Outcome[]).find((name) => Status[name] === status);
}

const policy = (guests: GuestPolicy) => rig.db.transact((tx) => void tx.users.setPolicy(alice, { guests }));
const openInvitation = (what: { device?: EntityId; user?: UserId; pnId?: PnId; untilMs?: number } = { user: bob }) =>
  rig.db.transact((tx) => tx.invitations.open(alice, { device: what.device, user: what.user, pnId: what.pnId, untilMs: what.untilMs }));
const guestIsIn = () => rig.db.reads.pns.ofMember(guest.entityId).length > 0;

/** Of each way in, what comes of it under each policy, without and with an open invitation. */
const CELLS: readonly (readonly [
  Way,
  ask: string,
  askOpen: string,
  invited: string,
  invitedOpen: string,
  never: string,
  neverOpen: string,
])[] = [
  ['asks for a PN of its own', 'Success', 'Success', 'NotAuthorized', 'Success', 'NotAuthorized', 'NotAuthorized'],
  ['is named in a PN of Alice', 'Success', 'Success', 'Success', 'Success', 'NotAuthorized', 'NotAuthorized'],
  ['joins, Alice agrees', 'Success', 'Success', 'NotAuthorized', 'Success', 'NotAuthorized', 'NotAuthorized'],
  ['joins, nobody is asked', 'NotAuthorized', 'Success', 'NotAuthorized', 'Success', 'NotAuthorized', 'NotAuthorized'],
  ['is invited', 'Success', 'Success', 'Success', 'Success', 'NotAuthorized', 'NotAuthorized'],
  ['registers, Alice agrees', 'Success', 'Success', 'NotAuthorized', 'Success', 'NotAuthorized', 'NotAuthorized'],
  ['registers, nobody is asked', 'NotAuthorized', 'Success', 'NotAuthorized', 'Success', 'NotAuthorized', 'NotAuthorized'],
];
const SITUATIONS = (['ask', 'invited', 'never'] as const).flatMap((guests) => [[guests, false] as const, [guests, true] as const]);

describe.each(CELLS)('a guest that %s', (way, ...outcomes) => {
  it.each(SITUATIONS.map(([guests, open], i) => [guests, open, outcomes[i]] as const))(
    'under "%s", openly invited: %s: %s',
    async (guests, open, outcome) => {
      await policy(guests);
      if (open) await openInvitation();
      expect(await enters(way)).toBe(outcome);
      expect(guestIsIn()).toBe(outcome === 'Success');
      expect(asked).toBe(outcome === 'Success' ? 1 : 0);
      expect(rig.db.reads.pns.isPending(pnId, guest.entityId)).toBe(false);
    },
  );
});

describe.each(Object.keys(WAYS) as Way[])('meanwhile, of a guest that %s,', (way) => {
  beforeEach(async () => {
    if (way.endsWith('nobody is asked')) await openInvitation();
  });

  it.each<readonly [string, () => Promise<unknown>, Outcome]>([
    ['guests are forbidden', () => policy('never'), 'NotAuthorized'],
    [
      'its owner forbids charges elsewhere',
      () => rig.db.transact((tx) => tx.users.setPolicy(bob, { chargeElsewhere: 'never' })),
      'NotChargeable',
    ],
    [
      'the subscription of its owner ends',
      () => rig.db.transact((tx) => tx.users.changeSubscription(bob, { chargeable: false })),
      'NotChargeable',
    ],
    ['it changes hands', () => rig.enabler.moveDevice(guest.entityId, 'carol' as UserId), 'NotAuthorized'],
  ])('%s', async (_what, change, outcome) => {
    await rig.user('carol' as UserId);
    meanwhile = change;
    expect(await enters(way)).toBe(outcome);
    expect(asked).toBe(1);
    expect(guestIsIn()).toBe(false);
  });
});

describe('an open invitation', () => {
  it.each<readonly [string, () => Parameters<typeof openInvitation>[0], Outcome]>([
    ['for that device', () => ({ device: guest.entityId }), 'Success'],
    ['for another device', () => ({ device: home.entityId }), 'NotAuthorized'],
    ['for that PN', () => ({ user: bob, pnId }), 'Success'],
    ['that has ended', () => ({ user: bob, untilMs: rig.clock.wallMs() + 1 }), 'NotAuthorized'],
  ])('%s: %s', async (_what, invitation, outcome) => {
    await openInvitation(invitation());
    await rig.pass(1);
    expect(await enters('joins, nobody is asked')).toBe(outcome);
  });

  it('for another PN lets nobody into this one', async () => {
    const other = await established(gateway, [await PneDouble.of(gateway, 'watch')]);
    await openInvitation({ user: bob, pnId: other });
    expect(await enters('joins, nobody is asked')).toBe('NotAuthorized');
  });

  it('is no invitation any more when it is withdrawn before the proof', async () => {
    await openInvitation();
    meanwhile = () => rig.db.transact((tx) => tx.invitations.withdraw(alice, { device: undefined, user: bob, pnId: undefined }));
    expect(await enters('joins, nobody is asked')).toBe('NotAuthorized');
  });

  it('does not let a revoked device in, nor the device when it comes back with a new key', async () => {
    await openInvitation({ device: guest.entityId });
    await rig.enabler.revokeDevice(guest.entityId);
    expect(rig.db.reads.invitations.of(alice)).toEqual([]);
    guest = new PneDouble(gateway, await rig.enrol('guest', bob));
    expect(await enters('joins, nobody is asked')).toBe('NotAuthorized');
  });
});

describe('PN Membership under a policy', () => {
  const lookUp = async (initiator: EntityId, candidates: readonly PneDouble[], own = true) => {
    const id = own ? fromHex(pnId) : rig.entropy.bytes(16);
    const body = { pnId: id, initiator, setupType: SetupType.Named, candidates: candidates.map(({ entityId }) => entityId) };
    const { status, allowed, guests = [] } = bodyOf(await gateway.request(pnMembershipRequest, body), pnMembershipResponse);
    return { status, allowed, guests };
  };

  it('has the owner asked about a guest, but not about one with an open invitation', async () => {
    const named = [guest.entityId];
    expect(await lookUp(guest.entityId, [guest])).toEqual({ status: Status.Success, allowed: named, guests: named });
    await openInvitation();
    expect(await lookUp(guest.entityId, [guest])).toEqual({ status: Status.Success, allowed: named, guests: [] });
    expect(await lookUp(guest.entityId, [guest], false)).toEqual({ status: Status.Success, allowed: named, guests: [] });
  });

  it('leaves out, before anybody is asked, who may not come in', async () => {
    await policy('invited');
    expect(await lookUp(guest.entityId, [guest])).toMatchObject({ allowed: [] });
    expect(await lookUp(guest.entityId, [guest], false)).toMatchObject({ status: Status.NotAuthorized });
    expect(await lookUp(gateway.entityId, [guest])).toMatchObject({ allowed: [guest.entityId] });
    await policy('never');
    expect(await lookUp(gateway.entityId, [guest, laptop])).toMatchObject({ allowed: [laptop.entityId] });
  });
});

describe('charges elsewhere', () => {
  it('that are forbidden let no device into a PN of another user, and nobody is asked', async () => {
    await rig.db.transact((tx) => tx.users.setPolicy(bob, { chargeElsewhere: 'never' }));
    await openInvitation();
    for (const way of Object.keys(WAYS) as Way[]) expect([way, await enters(way)]).toEqual([way, 'NotChargeable']);
    expect(asked).toBe(0);
    expect(guestIsIn()).toBe(false);
    const { result, userId } = rig.db.reads.charging.page(0, 0, 100).at(-1) ?? {};
    expect([result, userId]).toEqual(['NotChargeable', bob]);
  });

  it('have no say at home', async () => {
    await rig.db.transact((tx) => tx.users.setPolicy(alice, { chargeElsewhere: 'never', guests: 'never' }));
    expect((await established(gateway, [await PneDouble.of(gateway, 'watch')])).length).toBe(32);
  });
});

describe('in the transaction of the admission', () => {
  const decide = (change: Partial<Ownership> = {}) => {
    const { reads } = rig.db;
    const host = reads.users.find(alice) as UserRecord;
    const settled = { pne: guest.entityId, owner: bob, gatewayUser: alice, ...change };
    const status = entryStatus(reads, { host, pnId }, settled, { invited: true, ownerAgrees: false });
    return (Object.keys(Status) as Outcome[]).find((name) => Status[name] === status);
  };

  it('whatever was settled before counts for the same owners only', () => {
    expect(decide()).toBe('Success');
    expect(decide({ owner: alice })).toBe('NotAuthorized');
    expect(decide({ gatewayUser: bob })).toBe('NotAuthorized');
    expect(decide({ pne: laptop.entityId, owner: alice })).toBe('Success');
    expect(decide({ pne: 'nobody' as EntityId, owner: undefined })).toBe('NotAuthorized');
  });

  it('the owner of a guest can still be charged, or it does not come in', async () => {
    await rig.db.transact((tx) => tx.users.setPolicy(bob, { chargeElsewhere: 'never' }));
    expect(decide()).toBe('NotChargeable');
    await rig.db.transact((tx) => tx.users.setPolicy(bob, { chargeElsewhere: 'ask' }));
    await rig.db.transact((tx) => tx.users.changeSubscription(bob, { chargeable: false }));
    expect(decide()).toBe('NotChargeable');
    expect(decide({ pne: laptop.entityId, owner: alice })).toBe('Success');
  });
});

it('who is in a PN stays in it, whatever the policy becomes', async () => {
  expect(await enters('is invited')).toBe('Success');
  await policy('never');
  const hello = guest.hello({ flow: RequestFlow.RegisterMember }, { capabilities });
  const forward = { pnId: fromHex(pnId), hello, randGw: rig.entropy.bytes(32) };
  const renewed = await proven(pnId, await gateway.request(pneRegistrationForward, forward));
  expect(guest.confirm(pnId, bodyOf(renewed, pneRegistrationResponse)).status).toBe(Status.Success);
  expect(guestIsIn()).toBe(true);
});
