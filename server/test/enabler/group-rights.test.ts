import type { SgId } from '@cpns/shared';
import {
  type AnyMessage,
  type BodyOf,
  families,
  groupKeyAck,
  groupKeyResyncRequest,
  groupKeyResyncResponse,
  ResyncReason,
  SgAction,
  Status,
  sgActionRequest,
  sgActionResponse,
  sgCreateRequest,
  sgCreateResponse,
  sgData,
  sgDiscoveryRequest,
  sgDiscoveryResponse,
  sgObjectChangeRequest,
  sgObjectRequest,
  sgOwnerTransferRequest,
  sgOwnerTransferResponse,
  sgReleaseRequest,
  sgReleaseResponse,
} from '@cpns/shared/messages';
import { fromHex } from '@cpns/shared/security';
import { beforeEach, describe, expect, it } from 'vitest';
import { FLOWS } from '../../src/enabler/flows.js';
import { established, GatewayDouble, PneDouble } from './devices.js';
import { GroupDevice, grouped } from './group-devices.js';
import { fetchPart, listedTo, objectOf, share, withdraw } from './group-sharing.js';
import { bob, Rig } from './rig.js';

/** A group of Alice's phone, its owner, with her board; the others are no members. */
interface World {
  readonly rig: Rig;
  readonly owner: GroupDevice;
  readonly member: GroupDevice;
  /** A member in the session of another of its PNs. */
  readonly elsewhere: GroupDevice;
  /** Alice's, in the PN and in no group. */
  readonly sibling: GroupDevice;
  /** Bob's. */
  readonly stranger: GroupDevice;
  readonly sgId: SgId;
}
let there: World;

async function world(open = false): Promise<void> {
  const rig = new Rig({ limits: { requestBurstPerPne: 1_000 } });
  rig.hasGroups = true;
  await rig.user();
  await rig.user(bob);
  const gateway = await GatewayDouble.connected(rig);
  const [phone, board, watch] = [
    await PneDouble.of(gateway, 'phone'),
    await PneDouble.of(gateway, 'board'),
    await PneDouble.of(gateway, 'watch'),
  ];
  const pnId = await established(gateway, [phone, board, watch]);
  const other = await established(gateway, [board]);
  const foreign = await GatewayDouble.connected(rig, 'foreign', await rig.enrol('foreign', bob));
  const [owner, member] = [new GroupDevice(rig, phone, pnId), new GroupDevice(rig, board, pnId)];
  there = {
    rig,
    owner,
    member,
    elsewhere: new GroupDevice(rig, board, other),
    sibling: new GroupDevice(rig, watch, pnId),
    stranger: new GroupDevice(rig, foreign),
    sgId: await grouped(owner, [member], { open }),
  };
}
beforeEach(() => world());

const SENDERS = ['owner', 'member', 'elsewhere', 'sibling', 'stranger'] as const;
type Sender = (typeof SENDERS)[number];
type Outcome = keyof typeof Status | 'accepted';

/** Each request as `sender` makes it; nobody who is asked meanwhile says anything. */
const REQUESTS: Readonly<Record<string, (sender: GroupDevice) => Promise<{ readonly status?: number }>>> = {
  invite: (sender) => sender.act(there.sgId, SgAction.Invite, [there.sibling], { passMs: 76_000 }),
  join: (sender) => sender.act(there.sgId, SgAction.Join, [sender], { passMs: 76_000 }),
  leave: (sender) => sender.leave(there.sgId),
  expel: (sender) => sender.expel(there.sgId, [there.owner.entityId === sender.entityId ? there.member : there.owner]),
  release: (sender) => asked(sender, sgReleaseRequest, { sgId: fromHex(there.sgId) }, sgReleaseResponse),
  transfer: async (sender) => {
    const body = { pne: sender.entityId, sgId: fromHex(there.sgId), candidate: there.member.entityId };
    return asked(sender, sgOwnerTransferRequest, body, sgOwnerTransferResponse);
  },
  object: (sender) => {
    return fetchPart(sender, there.sgId, 'nothing', there.owner);
  },
  share: (sender) => share(sender, there.sgId, objectOf(sender, 'own')),
  withdraw: (sender) => withdraw(sender, there.sgId, 'nothing', there.stranger.entityId),
  resync: (sender) => {
    const body = { sgId: fromHex(there.sgId), epoch: 0, reason: ResyncReason.Gap };
    return asked(sender, groupKeyResyncRequest, body, groupKeyResyncResponse);
  },
};

function asked<M extends AnyMessage, A extends AnyMessage>(sender: GroupDevice, type: M, body: BodyOf<M>, answer: A) {
  return sender.request(type, body, answer, { passMs: 76_000 }) as Promise<{ readonly status?: number }>;
}

const RIGHTS: readonly (readonly [keyof typeof REQUESTS, ...Outcome[]])[] = [
  ['invite', 'Timeout', 'NotOwner', 'NotMember', 'NotMember', 'NotMember'],
  ['join', 'AlreadyMember', 'AlreadyMember', 'AlreadyMember', 'Success', 'UnknownSg'],
  ['leave', 'Success', 'Success', 'NotMember', 'NotMember', 'NotMember'],
  ['expel', 'Success', 'NotOwner', 'NotMember', 'NotMember', 'NotMember'],
  ['release', 'Success', 'NotOwner', 'NotMember', 'NotMember', 'NotMember'],
  ['transfer', 'Timeout', 'NotOwner', 'NotMember', 'NotMember', 'NotMember'],
  ['object', 'UnknownContent', 'UnknownContent', 'NotMember', 'NotMember', 'NotMember'],
  ['share', 'Success', 'Success', 'NotMember', 'NotMember', 'NotMember'],
  ['withdraw', 'UnknownContent', 'UnknownContent', 'NotMember', 'NotMember', 'NotMember'],
  ['resync', 'Success', 'Success', 'NotMember', 'NotMember', 'NotMember'],
];

function named(status: number | undefined): Outcome {
  return (Object.keys(Status) as (keyof typeof Status)[]).find((name) => Status[name] === status) ?? 'accepted';
}

async function outcomeOf(request: string, sender: Sender): Promise<Outcome> {
  // Past the time in which the members asked for their keys.
  await there.rig.pass(10_000);
  try {
    return named((await REQUESTS[request]?.(there[sender]))?.status);
  } catch (error) {
    return named((error as { readonly status?: number }).status);
  }
}

describe.each(RIGHTS)('%s', (request, ...outcomes) => {
  it.each(SENDERS.map((sender, i) => [sender, outcomes[i]] as const))('by the %s: %s', async (sender, outcome) => {
    expect(await outcomeOf(request, sender)).toBe(outcome);
  });
});

it('an open group is found by everybody, and its members by members alone', async () => {
  await world(true);
  const find = async (sender: GroupDevice) => {
    const body = { origin: sender.entityId, memberReq: true };
    return (await sender.request(sgDiscoveryRequest, body, sgDiscoveryResponse)).groups;
  };
  expect(await find(there.stranger)).toMatchObject([{ name: 'family', owner: 'phone', memberCount: 2 }]);
  expect((await find(there.stranger))[0]).not.toHaveProperty('members');
  expect((await find(there.member))[0]).toMatchObject({ members: ['phone', 'board'] });
  // The owner is asked about somebody else's device, and lets it in.
  const joined = await there.stranger.act(there.sgId, SgAction.Join, [there.stranger], {
    meanwhile: async () => {
      expect(await there.owner.consent()).toMatchObject([{ action: SgAction.Join, origin: 'foreign', sameUser: false }]);
      await there.rig.settle();
    },
  });
  expect(joined.status).toBe(Status.Success);
});

it('a closed group is found by the user of its members alone', async () => {
  const find = async (sender: GroupDevice) => {
    const body = { origin: sender.entityId, memberReq: true, sgId: fromHex(there.sgId) };
    return (await sender.request(sgDiscoveryRequest, body, sgDiscoveryResponse)).groups;
  };
  expect(await find(there.sibling)).toHaveLength(1);
  expect(await find(there.stranger)).toEqual([]);
});

it('lists an object to those with whom it is shared, while it lasts (SG-4)', async () => {
  const { rig, owner, member, sibling } = there;
  const untilMs = rig.clock.wallMs() + 60_000;
  const objects = [objectOf(owner, 'all'), objectOf(owner, 'one', { members: [member.entityId] }), objectOf(owner, 'brief', { untilMs })];
  const sgId = await grouped(owner, [member, sibling], { name: 'shared', objects });
  const listed = async (viewer: GroupDevice) => (await listedTo(viewer, sgId)).map(({ id }) => id);
  expect(await listed(member)).toEqual(['all', 'brief', 'one']);
  expect(await listed(sibling)).toEqual(['all', 'brief']);
  expect(await listed(owner)).toEqual(['all', 'brief', 'one']);
  await rig.pass(60_000);
  expect(await listed(sibling)).toEqual(['all']);
});

it('makes no group in which somebody shares what another one holds', async () => {
  const { owner, member } = there;
  const body = { name: 'shared', members: [], objects: [objectOf(member, 'song')] };
  await expect(owner.request(sgCreateRequest, body, sgCreateResponse)).rejects.toMatchObject({ status: Status.BadMessage });
  expect(there.rig.db.reads.groups.ofMember(owner.entityId)).toHaveLength(1);
});

it('nobody acts in the name of another one', async () => {
  const body = { sgId: fromHex(there.sgId), action: SgAction.Leave, origin: there.owner.entityId, targets: [] };
  await expect(there.member.request(sgActionRequest, body, sgActionResponse)).rejects.toMatchObject({ status: Status.BadMessage });
});

it('no request and no sender is left out', () => {
  expect(RIGHTS.map(([request]) => request)).toEqual(Object.keys(REQUESTS));
  for (const [, ...outcomes] of RIGHTS) expect(outcomes).toHaveLength(SENDERS.length);
  const ofGroups = [...(families.find(({ name }) => name === 'Service groups')?.messages ?? []), sgData].map(({ number }) => number);
  const covered = [sgCreateRequest, sgActionRequest, sgReleaseRequest, sgOwnerTransferRequest, sgDiscoveryRequest, groupKeyResyncRequest];
  const served = ofGroups.filter((number) => FLOWS.has(number));
  expect(served.sort()).toEqual(
    [...covered, sgObjectRequest, sgObjectChangeRequest, groupKeyAck, sgData].map(({ number }) => number).sort(),
  );
});
