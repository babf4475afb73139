import type { PnId } from '@cpns/shared';
import { Addressee, bodyOf, data, dataAnswer, Status } from '@cpns/shared/messages';
import { toHex } from '@cpns/shared/security';
import { SeededChoices } from '@cpns/shared/testing';
import { beforeEach, describe, expect, it } from 'vitest';
import { established, GatewayDouble, PneDouble } from '../../../server/test/enabler/devices.js';
import { Rig } from '../../../server/test/enabler/rig.js';
import { establishAtPhone, household, PHONE_ID } from '../simulation/household.js';

let rig: Rig;
let gateway: GatewayDouble;
let laptop: PneDouble;
let pnId: PnId;

beforeEach(async () => {
  rig = new Rig();
  await rig.user();
  gateway = await GatewayDouble.connected(rig);
  laptop = await PneDouble.of(gateway, 'laptop');
  pnId = await established(gateway, [laptop]);
});

let messages = 0;
function message() {
  const id = new Uint8Array(16);
  new DataView(id.buffer).setUint32(0, ++messages);
  return { data: { id, from: laptop.entityId, to: Addressee.Server, channel: 'c', contentType: 't', payload: id.slice(0, 4) } };
}
const stored = () => rig.db.reads.receivedData.latest(1_000).length;

describe('T25 duplicated, reordered, worker-switched SK records', () => {
  it('of three processes of a device, mixed and many times over, take effect once each', async () => {
    const records: Uint8Array[] = [];
    for (let process = 0; process < 3; process++) {
      laptop.otherProcess(pnId);
      for (let i = 0; i < 12; i++) records.push(...laptop.records(pnId, data, message()));
    }
    const choices = new SeededChoices(25);
    const order = [...records, ...records, ...records];
    for (let i = order.length - 1; i > 0; i--) {
      const j = choices.below(i + 1);
      [order[i], order[j]] = [order[j] as Uint8Array, order[i] as Uint8Array];
    }
    for (const record of order) await gateway.carry(pnId, laptop.entityId, record);
    expect(stored()).toBe(36);
    for (const record of order) await gateway.carry(pnId, laptop.entityId, record);
    expect(stored()).toBe(36);
  });

  it('one that is older than what can be told apart is not taken for a new one', async () => {
    const [old] = laptop.records(pnId, data, message());
    const late = laptop.records(pnId, data, message());
    for (let i = 0; i < 1_100; i++) laptop.records(pnId, data, message());
    const [newest] = laptop.records(pnId, data, message());
    for (const record of [newest, old, ...late]) await gateway.carry(pnId, laptop.entityId, record as Uint8Array);
    expect(stored()).toBe(1);
  });

  it('come to the same effect after a restart of the server: a repeated request of a device is done once', async () => {
    const transaction = rig.entropy.bytes(16);
    const body = message();
    const before = bodyOf(await laptop.request(pnId, data, body, transaction), dataAnswer);
    const [record] = laptop.records(pnId, data, message());
    rig.restart();
    await gateway.setUp();
    // What was sealed for the server before it was lost opens nothing.
    await gateway.carry(pnId, laptop.entityId, record as Uint8Array);
    expect(stored()).toBe(1);
    expect(before.receipt.status).toBe(Status.Success);
  });

  it('from the server, in any order and from any of its processes, show each message once', async () => {
    const home = await household();
    await establishAtPhone(home, { type: 'one-to-one' });
    const send = (octet: number) =>
      home.server.enabler.sendData({ to: PHONE_ID, channel: 'c', contentType: 't', payload: new Uint8Array([octet]) }, 60_000);
    const held: Uint8Array[] = [];
    let holding = true;
    home.attacker.scheme = ({ way, from, octets }) => {
      if (way !== 'uplink' || from !== 'server') return 'pass';
      if (!holding) return [octets, octets];
      held.push(octets);
      return 'drop';
    };
    const sending = [1, 2, 3, 4].map(send);
    await home.clock.advance(500);
    holding = false;
    for (const octets of [...held.toReversed(), ...held])
      home.attacker.inject({ way: 'uplink', from: 'server', to: 'laptop' as never, octets });
    for (const one of sending) expect(await home.clock.run(one)).toMatchObject({ state: 'delivered' });
    await home.clock.advance(60_000);
    expect(held.length).toBeGreaterThanOrEqual(4);
    expect(home.phone.received.map(({ data: { payload } }) => toHex(payload)).sort()).toEqual(['01', '02', '03', '04']);
  });
});
