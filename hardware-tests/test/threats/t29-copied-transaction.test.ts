import {
  Addressee,
  authenticationRequest,
  bodyOf,
  clearFrame,
  data,
  dataAnswer,
  encodeEnvelope,
  pnRegistrationRequest,
  Status,
} from '@cpns/shared/messages';
import { beforeEach, describe, expect, it } from 'vitest';
import { established, GatewayDouble, newPnId, PneDouble, registrationOf } from '../../../server/test/enabler/devices.js';
import { Rig } from '../../../server/test/enabler/rig.js';

let rig: Rig;
let gateway: GatewayDouble;
let other: GatewayDouble;
let laptop: PneDouble;
let board: PneDouble;

beforeEach(async () => {
  rig = new Rig();
  await rig.user();
  [gateway, other] = [await GatewayDouble.connected(rig), await GatewayDouble.connected(rig, 'gateway-2')];
  [laptop, board] = [await PneDouble.of(gateway, 'laptop'), await PneDouble.of(gateway, 'board')];
});

const messageFrom = (from: PneDouble['entityId'], octet: number) => ({
  data: {
    id: new Uint8Array(16).fill(octet),
    from,
    to: Addressee.Server,
    channel: 'c',
    contentType: 't',
    payload: new Uint8Array([octet]),
  },
});

describe('T29 a transaction id copied from another device', () => {
  it('names a request of its own: neither gets the answer of the other', async () => {
    const theirs = await PneDouble.of(other, 'tablet');
    const transaction = rig.entropy.bytes(16);
    const body = registrationOf(gateway, [laptop], newPnId(rig));
    const first = await gateway.request(pnRegistrationRequest, body, transaction);
    const answer = await other.request(pnRegistrationRequest, registrationOf(other, [theirs], newPnId(rig)), transaction);
    expect(bodyOf(answer, authenticationRequest).pnes).toMatchObject([{ pne: theirs.entityId, status: Status.Success }]);
    // The one who was first still finds its own answer under it.
    expect((await gateway.request(pnRegistrationRequest, body, transaction)).octets).toEqual(first.octets);
  });

  it('does not let the copier take the place before the other has come', async () => {
    const transaction = rig.entropy.bytes(16);
    const theirs = await PneDouble.of(other, 'tablet');
    await other.request(pnRegistrationRequest, registrationOf(other, [theirs], newPnId(rig)), transaction);
    const answer = await gateway.request(pnRegistrationRequest, registrationOf(gateway, [laptop], newPnId(rig)), transaction);
    expect(bodyOf(answer, authenticationRequest).pnes).toMatchObject([{ pne: laptop.entityId, status: Status.Success }]);
  });

  it('of a refused request does not refuse that of another', async () => {
    const transaction = rig.entropy.bytes(16);
    const nobody = new PneDouble(other, rig.stranger('nobody'));
    const refused = other.request(pnRegistrationRequest, registrationOf(other, [nobody], newPnId(rig)), transaction);
    await expect(refused).rejects.toMatchObject({ status: Status.AuthFailed });
    await gateway.request(pnRegistrationRequest, registrationOf(gateway, [laptop], newPnId(rig)), transaction);
  });

  it('keeps two PNEs of one PN GW apart, and a PNE from its PN GW', async () => {
    const pnId = await established(gateway, [laptop, board]);
    const transaction = rig.entropy.bytes(16);
    const answers = [
      await laptop.request(pnId, data, messageFrom(laptop.entityId, 1), transaction),
      await board.request(pnId, data, messageFrom(board.entityId, 2), transaction),
      await gateway.request(data, messageFrom(gateway.entityId, 3), transaction),
    ];
    expect(answers.map((answer) => bodyOf(answer, dataAnswer).receipt)).toEqual(
      [1, 2, 3].map((octet) => ({ id: new Uint8Array(16).fill(octet), status: Status.Success })),
    );
    expect(rig.db.reads.receivedData.latest(10)).toHaveLength(3);
  });

  it('with the very octets of the other in the own session is dropped: the sender in them is the other', async () => {
    const transaction = rig.entropy.bytes(16);
    const envelope = encodeEnvelope(data, transaction, gateway.entityId, messageFrom(gateway.entityId, 4));
    for (const record of other.channel?.sealEnvelope(envelope) ?? []) await other.publish(record);
    await other.publish(clearFrame(envelope));
    expect([...gateway.arrived, ...other.arrived]).toEqual([]);
    expect(rig.db.reads.receivedData.latest(10)).toEqual([]);
  });
});
