import type { SgId } from '@cpns/shared';
import {
  bodyOf,
  requestWithdrawn,
  SgAction,
  Status,
  sgActionRequest,
  sgOwnerTransferRequest,
  sgOwnerTransferResponse,
  sgReleaseRequest,
  sgReleaseResponse,
} from '@cpns/shared/messages';
import { fromHex, toHex } from '@cpns/shared/security';
import { beforeEach, describe, expect, it } from 'vitest';
import { GatewayDouble } from './devices.js';
import { GroupDevice, grouped } from './group-devices.js';
import { groupHome } from './group-sharing.js';
import { bob, type Rig } from './rig.js';

let rig: Rig;
let owner: GroupDevice;
let member: GroupDevice;
let outsider: GroupDevice;
/** Of another user. */
let stranger: GroupDevice;
let sgId: SgId;

beforeEach(async () => {
  const home = await groupHome(['owner', 'member', 'outsider']);
  rig = home.rig;
  [owner, member, outsider] = home.devices as [GroupDevice, GroupDevice, GroupDevice];
  await rig.user(bob);
  stranger = new GroupDevice(rig, await GatewayDouble.connected(rig, 'foreign', await rig.enrol('foreign', bob)));
  sgId = await grouped(owner, [member], { open: true });
  await rig.pass(10_000);
});

const release = () => owner.request(sgReleaseRequest, { sgId: fromHex(sgId) }, sgReleaseResponse);
/** The transactions of the questions that this device was asked, and of those that were withdrawn. */
const asked = ({ device }: GroupDevice) => new Set(device.takeEnvelopes(sgActionRequest).map(({ transaction }) => toHex(transaction)));
const withdrawn = ({ device }: GroupDevice) => device.takeEnvelopes(requestWithdrawn).map(({ transaction }) => toHex(transaction));

describe('a question about a group', () => {
  it('is withdrawn when the group is gone, and a yes that comes later lets nobody in', async () => {
    const meanwhile = async () => {
      await release();
      await rig.pass(5_000);
      const questions = asked(owner);
      expect(questions.size).toBe(1);
      expect(withdrawn(owner)).toEqual([...questions]);
    };
    const joining = stranger.act(sgId, SgAction.Join, [stranger], { meanwhile });
    expect((await joining).status).toBe(Status.PeerUnreachable);
    expect(rig.db.reads.groups.count()).toBe(0);
  });

  it('is withdrawn when the owner that asked others in has the group no more', async () => {
    const meanwhile = async () => {
      await release();
      await rig.pass(5_000);
      expect(withdrawn(outsider)).toEqual([...asked(outsider)]);
      await outsider.consent();
    };
    const outcome = await owner.act(sgId, SgAction.Invite, [outsider], { meanwhile });
    expect(outcome.status).toBe(Status.PeerUnreachable);
    expect(rig.db.reads.groups.ofMember(outsider.entityId)).toEqual([]);
  });

  it('is withdrawn when the candidate is to own a group that has another owner by then', async () => {
    const body = { pne: owner.entityId, sgId: fromHex(sgId), candidate: member.entityId };
    const meanwhile = async () => {
      await rig.db.transact((tx) => void tx.groups.setOwner(sgId, undefined));
      await rig.pass(5_000);
      expect(withdrawn(member)).toHaveLength(1);
    };
    await expect(owner.request(sgOwnerTransferRequest, body, sgOwnerTransferResponse, { meanwhile })).rejects.toThrow();
    expect(rig.db.reads.groups.find(sgId)?.owner).toBeUndefined();
  });

  it('is withdrawn when nobody answered it', async () => {
    await expect(outsider.act(sgId, SgAction.Join)).resolves.toMatchObject({ status: Status.Success });
    const joining = stranger.act(sgId, SgAction.Join, [stranger], { passMs: 75_000 });
    expect((await joining).status).toBe(Status.Timeout);
    const questions = asked(owner);
    expect(withdrawn(owner)).toEqual([...questions]);
  });

  it('is not withdrawn once it was answered', async () => {
    const meanwhile = async () => {
      for (const envelope of await owner.consent()) expect(envelope.action).toBe(SgAction.Join);
    };
    expect((await stranger.act(sgId, SgAction.Join, [stranger], { meanwhile })).status).toBe(Status.Success);
    await rig.pass(80_000);
    expect(owner.device.takeEnvelopes(requestWithdrawn).map((envelope) => bodyOf(envelope, requestWithdrawn))).toEqual([]);
  });
});
