import { entityId, type UserId } from '@cpns/shared';
import { authenticationResponses, bodyOf, pending, pneConfirmRequest, pnRegistrationResponse, Status } from '@cpns/shared/messages';
import { beforeEach, describe, expect, it } from 'vitest';
import { begin, established, GatewayDouble, PneDouble, proofsOf } from './devices.js';
import { alice, bob, Rig } from './rig.js';

let rig: Rig;
let gateway: GatewayDouble;
let laptop: PneDouble;

beforeEach(async () => {
  rig = new Rig();
  await rig.user();
  await rig.user(bob);
  gateway = await GatewayDouble.connected(rig);
  laptop = await PneDouble.of(gateway, 'laptop');
});

const move = (device: { readonly entityId: string }, userId: UserId) => rig.enabler.moveDevice(entityId(device.entityId), userId);
const ownerOf = ({ entityId }: PneDouble | GatewayDouble) => rig.db.reads.devices.find(entityId)?.userId;

describe('a device that is given to another user', () => {
  it('is his, with nothing that was meant for the one before, and connects anew', async () => {
    rig.attach(laptop.entityId, () => {});
    await rig.db.transact((tx) => {
      tx.invitations.open(bob, { device: laptop.entityId, user: undefined, pnId: undefined, untilMs: undefined });
      tx.outbox.add({ to: laptop.entityId, pnId: undefined, number: 103, transaction: new Uint8Array(16), octets: new Uint8Array(9) });
    });
    await move(laptop, bob);
    expect(ownerOf(laptop)).toBe(bob);
    expect(rig.db.reads.invitations.of(bob)).toEqual([]);
    expect(rig.db.reads.outbox.waiting(laptop.entityId, 10)).toEqual([]);
    expect(rig.broker.disconnected).toEqual([laptop.entityId]);
    expect(rig.db.reads.events.latest(1)[0]).toMatchObject({ event: 'device-moved', entityId: laptop.entityId });
    expect(rig.keys.activeRoot(laptop.entityId)?.kid).toBe(laptop.device.root.kid);
  });

  it('has no session left as PN GW, and the subscription of its new user when it comes back', async () => {
    await rig.db.transact((tx) => tx.users.changeSubscription(bob, { addServices: ['maps'] }));
    await move(gateway, bob);
    expect(rig.enabler.gauges()).toMatchObject({ sessions: 0 });
    gateway.connect();
    expect((await gateway.setUp()).subscription).toMatchObject({ userId: bob, services: ['pn-gw', 'maps'] });
  });

  it('must be in no PN, neither as PN GW nor as PNE', async () => {
    const pnId = await established(gateway, [laptop]);
    for (const device of [gateway, laptop]) {
      await expect(move(device, bob)).rejects.toMatchObject({ code: 'DeviceInPn', message: expect.stringContaining(pnId) });
      expect(ownerOf(device)).toBe(alice);
    }
    expect(rig.broker.disconnected).toEqual([]);
    await rig.enabler.removePn(pnId);
    await move(laptop, bob);
    expect(ownerOf(laptop)).toBe(bob);
  });

  it('and its new user are known, and it is not revoked', async () => {
    await expect(move(laptop, 'nobody' as UserId)).rejects.toMatchObject({ code: 'UnknownUser' });
    await expect(move({ entityId: 'nothing' }, bob)).rejects.toMatchObject({ code: 'UnknownDevice' });
    await rig.enabler.revokeDevice(laptop.entityId);
    await expect(move(laptop, bob)).rejects.toMatchObject({ code: 'DeviceRevoked' });
    expect(ownerOf(laptop)).toBe(alice);
  });

  it('keeps its connection when it was his already', async () => {
    await move(laptop, alice);
    expect(rig.broker.disconnected).toEqual([]);
  });

  it('does not come into a PN for which it was challenged before', async () => {
    const begun = await begin(gateway, [laptop]);
    await move(laptop, bob);
    const answer = bodyOf(await gateway.request(authenticationResponses, proofsOf(begun, [laptop])), pnRegistrationResponse);
    expect(answer.pnes.map(({ status }) => status)).toEqual([Status.AuthFailed]);
    expect(rig.db.reads.pns.list()).toEqual([]);
  });

  it('makes no PN as PN GW out of what was confirmed for the user before', async () => {
    const home = await GatewayDouble.connected(rig, 'home', await rig.enrol('home', bob));
    const guest = new PneDouble(gateway, await rig.enrol('guest', bob));
    const begun = await begin(gateway, [laptop, guest]);
    expect((await gateway.request(authenticationResponses, proofsOf(begun, [laptop, guest]))).number).toBe(pending.number);
    await move(gateway, bob);
    expect(home.take(pneConfirmRequest)).toHaveLength(1);
    await rig.pass(80_000);
    expect(rig.db.reads.pns.list()).toEqual([]);
  });
});

it('a changed subscription ends the connections of that user alone', async () => {
  await GatewayDouble.connected(rig, 'home', await rig.enrol('home', bob));
  await rig.enabler.renewConnections(alice);
  expect(rig.broker.disconnected).toEqual([gateway.entityId]);
});
