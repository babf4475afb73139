import type { SgId } from '@cpns/shared';
import { PneAction, pneRequest, SgAction, Status, sgCreateRequest, sgCreateResponse } from '@cpns/shared/messages';
import { fromHex } from '@cpns/shared/security';
import { beforeEach, describe, expect, it } from 'vitest';
import { established, GatewayDouble, PneDouble } from './devices.js';
import { GroupDevice, grouped, groupWorld, relay } from './group-devices.js';
import { alice, bob, type Changes, type Rig } from './rig.js';

let rig: Rig;
let west: GatewayDouble;
let east: GatewayDouble;
let phone: GroupDevice;
let board: GroupDevice;
let radio: GroupDevice;
let gate: GroupDevice;

/** Alice's phone and board behind west; radio behind east, both of `user`. */
async function world(user = bob, changes: Changes = {}): Promise<void> {
  ({ rig, west, east, phone, board, radio, gate } = await groupWorld(user, changes));
}
beforeEach(() => world());

const group = (sgId: SgId) => rig.db.reads.groups.find(sgId);
const members = (sgId: SgId) => rig.db.reads.groups.members(sgId).map(({ entityId }) => entityId);
const yes = (...devices: GroupDevice[]) => ({
  meanwhile: async () => {
    for (const device of devices) await device.consent();
    await rig.settle();
  },
});
const create = (owner: GroupDevice, name: string, others: readonly GroupDevice[], options = {}) =>
  owner.request(sgCreateRequest, { name, members: others.map(({ entityId }) => entityId), objects: [] }, sgCreateResponse, options);

describe('a group is made', () => {
  it('under a name that can be read', async () => {
    await expect(create(phone, ' \t ', [])).rejects.toMatchObject({ status: Status.BadMessage });
    expect(rig.db.reads.groups.list()).toEqual([]);
  });

  it('as far as its owner has room, before anybody is asked', async () => {
    await world(bob, { limits: { groupsPerDevice: 2 } });
    await grouped(phone, []);
    expect((await create(phone, 'second', [board], yes(board))).status).toBe(Status.Success);
    await expect(create(phone, 'third', [radio])).rejects.toMatchObject({ status: Status.Busy });
    expect(await radio.consent()).toEqual([]);
  });

  it('without whoever agreed and is in as many as it may be', async () => {
    await world(bob, { limits: { groupsPerDevice: 1 } });
    await grouped(gate, []);
    const created = await create(phone, 'family', [gate, board], yes(gate, board));
    expect(created).toMatchObject({ status: Status.PartialSuccess, outcomes: [{ status: Status.Busy }, { status: Status.Success }] });
    expect(created.group?.members).toEqual(['phone', 'board']);
  });

  it('without telling whether another user has a device that cannot be asked', async () => {
    await rig.enabler.revokeDevice(radio.entityId);
    const created = await create(phone, 'family', [radio, board], yes(board));
    expect(created.outcomes).toMatchObject([{ status: Status.PeerUnreachable }, { status: Status.Success }]);
  });

  it('with devices of other users asked as such', async () => {
    const asked: unknown[] = [];
    await create(phone, 'family', [radio], { meanwhile: async () => void asked.push(...(await radio.consent())) });
    expect(asked).toMatchObject([{ origin: 'phone', sameUser: false }]);
  });
});

describe('an invitation', () => {
  it('names somebody, and so does an expulsion', async () => {
    const sgId = await grouped(phone, [board]);
    await expect(phone.act(sgId, SgAction.Invite, [])).rejects.toMatchObject({ status: Status.BadAction });
    await expect(phone.expel(sgId, [])).rejects.toMatchObject({ status: Status.BadAction });
  });

  it('tells of each what came of it, whoever is named first', async () => {
    const sgId = await grouped(phone, [board]);
    const invite = (targets: readonly GroupDevice[], asked: readonly [GroupDevice, Status][]) =>
      phone.act(sgId, SgAction.Invite, targets, {
        meanwhile: async () => {
          for (const [device, status] of asked) await device.consent(status);
          await rig.settle();
        },
      });
    const { Success, Rejected, AlreadyMember, PartialSuccess } = Status;
    expect(await invite([gate, board], [[gate, Rejected]])).toMatchObject({
      status: PartialSuccess,
      outcomes: [{ status: Rejected }, { status: AlreadyMember }],
    });
    expect(
      await invite(
        [gate, radio],
        [
          [gate, Rejected],
          [radio, Success],
        ],
      ),
    ).toMatchObject({
      status: PartialSuccess,
      outcomes: [{ status: Rejected }, { status: Success }],
    });
    expect(await invite([gate], [[gate, Rejected]])).toMatchObject({ status: Rejected });
  });

  it('counts an answer once, and none that comes too late', async () => {
    const sgId = await grouped(phone, [board]);
    const late = await phone.act(sgId, SgAction.Invite, [radio], { passMs: 75_000 });
    expect(late).toMatchObject({ status: Status.Timeout });
    await radio.consent();
    await rig.pass(10_000);
    expect(members(sgId)).toEqual(['phone', 'board']);
    const twice = await phone.act(sgId, SgAction.Invite, [gate], {
      meanwhile: async () => {
        const [asked] = gate.device.arrived;
        await gate.consent(Status.Rejected);
        if (asked !== undefined) east.arrived.push(asked);
        await gate.consent(Status.Success);
        await rig.settle();
      },
    });
    expect(twice).toMatchObject({ status: Status.Rejected });
    expect(members(sgId)).toEqual(['phone', 'board']);
  });

  it('comes to the same when the device came in by itself meanwhile', async () => {
    await world(alice);
    const sgId = await grouped(phone, [board]);
    const invited = await phone.act(sgId, SgAction.Invite, [radio], {
      meanwhile: async () => {
        expect((await radio.act(sgId, SgAction.Join)).status).toBe(Status.Success);
        await radio.consent();
        await rig.settle();
      },
    });
    expect(invited).toMatchObject({ status: Status.Success });
    expect(group(sgId)).toMatchObject({ epoch: 2, memberCount: 3 });
  });

  it('of several lets in those who have room', async () => {
    await world(bob, { limits: { groupsPerDevice: 1 } });
    await grouped(gate, []);
    const sgId = await grouped(phone, [board]);
    const invited = await phone.act(sgId, SgAction.Invite, [gate, radio], yes(gate, radio));
    expect(invited).toMatchObject({ status: Status.PartialSuccess, outcomes: [{ status: Status.Busy }, { status: Status.Success }] });
    expect(members(sgId)).toEqual(['phone', 'board', 'radio']);
  });

  it('does not let in a PN GW that was revoked after it said yes', async () => {
    const sgId = await grouped(phone, [board]);
    const invited = await phone.act(sgId, SgAction.Invite, [gate], {
      meanwhile: async () => {
        await gate.consent();
        await rig.settle();
        await rig.enabler.revokeDevice(gate.entityId);
      },
    });
    expect(invited).toMatchObject({ outcomes: [{ status: Status.NotMember }] });
    expect(members(sgId)).toEqual(['phone', 'board']);
  });

  it('asks nobody in a session that is ending', async () => {
    await east.request(pneRequest, { action: PneAction.Leave, pnId: fromHex(radio.pnId ?? ''), pne: radio.entityId });
    const created = await create(phone, 'family', [radio, board], yes(board));
    expect(created.outcomes).toMatchObject([{ status: Status.PeerUnreachable }, { status: Status.Success }]);
    expect(await radio.consent()).toEqual([]);
  });

  it('reaches a device through the one of its PNs that is there', async () => {
    const north = await GatewayDouble.connected(rig, 'north', await rig.enrol('north', bob));
    const other = new PneDouble(north, radio.device.device);
    const pnId = await established(north, [other]);
    rig.detach(east.entityId);
    const seat = new GroupDevice(rig, other, pnId);
    expect((await create(phone, 'family', [seat], yes(seat))).status).toBe(Status.Success);
    expect(rig.db.reads.groups.ofMember(radio.entityId)).toMatchObject([{ gateway: 'north' }]);
  });
});

describe('a device of another user that wants in', () => {
  let sgId: SgId;
  beforeEach(async () => {
    sgId = await grouped(phone, [board], { open: true });
  });

  it('does not come in when the owner says no, or nothing, or cannot be asked', async () => {
    const join = (word?: Status) =>
      radio.act(sgId, SgAction.Join, [radio], {
        passMs: 76_000,
        meanwhile: async () => void (word !== undefined && (await phone.consent(word))),
      });
    expect((await join(Status.Rejected)).status).toBe(Status.Rejected);
    expect((await join()).status).toBe(Status.Timeout);
    await phone.consent();
    rig.detach(west.entityId);
    expect((await join()).status).toBe(Status.PeerUnreachable);
    expect(members(sgId)).toEqual(['phone', 'board']);
    expect(group(sgId)?.epoch).toBe(1);
  });

  it('asks the owner for nothing once it is in', async () => {
    expect((await radio.act(sgId, SgAction.Join, [radio], yes(phone))).status).toBe(Status.Success);
    await expect(radio.act(sgId, SgAction.Join)).rejects.toMatchObject({ status: Status.AlreadyMember });
    expect(await phone.consent()).toEqual([]);
  });

  it('is in once, also when it was invited meanwhile', async () => {
    const joining = radio.act(sgId, SgAction.Join, [radio], {
      meanwhile: async () => {
        expect((await phone.act(sgId, SgAction.Invite, [radio], yes(radio))).status).toBe(Status.Success);
        await phone.consent();
        await rig.settle();
      },
    });
    await expect(joining).rejects.toMatchObject({ status: Status.AlreadyMember });
    expect(group(sgId)).toMatchObject({ epoch: 2, memberCount: 3 });
  });

  it('does not come in when it left its PN meanwhile', async () => {
    const joining = radio.act(sgId, SgAction.Join, [radio], {
      meanwhile: async () => {
        await east.request(pneRequest, { action: PneAction.Leave, pnId: fromHex(radio.pnId ?? ''), pne: radio.entityId });
        await phone.consent();
        await rig.settle();
      },
    });
    await expect(joining).rejects.toMatchObject({ status: Status.NotMember });
    expect(members(sgId)).toEqual(['phone', 'board']);
  });
});

describe('a device that was expelled', () => {
  const join = (sgId: SgId, word: Status) =>
    board.act(sgId, SgAction.Join, [board], {
      meanwhile: async () => {
        expect(await phone.consent(word)).toMatchObject([{ action: SgAction.Join, origin: 'board', sameUser: true }]);
        await rig.settle();
      },
    });

  it('of the own user, too, comes back with the word of the owner alone', async () => {
    const sgId = await grouped(phone, [board, radio]);
    await phone.expel(sgId, [board]);
    relay([west, east], [phone, radio]);
    expect((await join(sgId, Status.Rejected)).status).toBe(Status.Rejected);
    expect(members(sgId)).toEqual(['phone', 'radio']);
    expect(rig.db.reads.groups.isShutOut(sgId, board.entityId)).toBe(true);
    expect((await join(sgId, Status.Success)).status).toBe(Status.Success);
    expect(members(sgId)).toEqual(['phone', 'board', 'radio']);
  });

  it('and was let in again may leave and join like before', async () => {
    const sgId = await grouped(phone, [board]);
    await phone.expel(sgId, [board]);
    expect((await phone.act(sgId, SgAction.Invite, [board], yes(board))).status).toBe(Status.Success);
    await board.leave(sgId);
    expect((await board.act(sgId, SgAction.Join)).status).toBe(Status.Success);
    expect(await phone.consent()).toEqual([]);
  });
});
