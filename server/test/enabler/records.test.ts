import type { PnId } from '@cpns/shared';
import {
  Addressee,
  bodyOf,
  capabilitiesQueryRequest,
  capabilitiesQueryResponse,
  clearFrame,
  data,
  dataAnswer,
  decodeEnvelope,
  encodeEnvelope,
  inventoryNotice,
  pneNotificationExpel,
  pnKeyRequest,
  pnMembershipRequest,
  pnRegistrationRequest,
  reconcile,
  reconcileResponse,
  refusal,
  relay,
  SetupType,
  Status,
  sessionAcknowledgement,
  sessionUnknown,
  struct,
} from '@cpns/shared/messages';
import { concat, fromHex, INNER_TYPE, type SkChannel } from '@cpns/shared/security';
import { beforeEach, describe, expect, it } from 'vitest';
import { established, GatewayDouble, home, type PneDouble } from './devices.js';
import type { Rig } from './rig.js';

let rig: Rig;
let gateway: GatewayDouble;
let laptop: PneDouble;
let pnId: PnId;

beforeEach(async () => {
  ({ rig, gateway, laptop } = await home('laptop'));
  pnId = await established(gateway, [laptop]);
});

let messages = 0;
function message(from = laptop.entityId, payload = new Uint8Array([1, 2, 3])) {
  const id = new Uint8Array(16).fill(++messages);
  return { data: { id, from, to: Addressee.Server, channel: 'test', contentType: 'text/plain', payload } };
}
const stored = () => rig.db.reads.receivedData.latest(100).length;

describe('records of a PNE', () => {
  it('take effect once, in whatever order and however often they come', async () => {
    const records = [1, 2, 3].flatMap(() => laptop.records(pnId, data, message()));
    for (const record of [...records].reverse()) await gateway.carry(pnId, laptop.entityId, record);
    for (const record of records) await gateway.carry(pnId, laptop.entityId, record);
    expect(stored()).toBe(3);
    expect(laptop.take(dataAnswer)).toHaveLength(3);
    // Whoever replays records makes the server say nothing.
    expect(laptop.arrived).toEqual([]);
  });

  it('without an answer take effect once, too', async () => {
    const [record] = laptop.records(pnId, sessionAcknowledgement, { inventoryVersion: 0 });
    await gateway.carry(pnId, laptop.entityId, record as Uint8Array);
    expect(laptop.take(inventoryNotice)).toHaveLength(1);
    await expect(gateway.carry(pnId, laptop.entityId, record as Uint8Array)).resolves.toBeUndefined();
    expect(laptop.arrived).toEqual([]);
  });

  it('are dropped when altered, octet for octet', async () => {
    const [record] = laptop.records(pnId, data, message());
    if (record === undefined) throw new Error('no record');
    for (let at = 0; at < record.length; at++) {
      const altered = record.slice();
      altered[at] = (altered[at] as number) ^ 1;
      await gateway.carry(pnId, laptop.entityId, altered);
    }
    expect(stored()).toBe(0);
    await gateway.carry(pnId, laptop.entityId, record);
    expect(stored()).toBe(1);
  });

  it('come from any process of the device, each with its own numbers, and so do answers', async () => {
    for (let process = 0; process < 3; process++) {
      laptop.otherProcess(pnId);
      expect(bodyOf(await laptop.request(pnId, data, message()), dataAnswer).receipt.status).toBe(Status.Success);
    }
    expect(stored()).toBe(3);
  });

  it('of too many processes are dropped', async () => {
    for (let process = 0; process < 20; process++) {
      laptop.otherProcess(pnId);
      await laptop.notify(pnId, data, message());
    }
    expect(stored()).toBe(16);
  });

  it('count only through the PN GW and for the PN of their session', async () => {
    const other = await GatewayDouble.connected(rig, 'gateway-2');
    const [record] = laptop.records(pnId, data, message());
    if (record === undefined) throw new Error('no record');
    await other.carry(pnId, laptop.entityId, record);
    await gateway.carry('f'.repeat(32) as PnId, laptop.entityId, record);
    await gateway.carry(pnId, gateway.entityId, record);
    await gateway.publish(record);
    await gateway.publish(record, laptop.entityId);
    expect(stored()).toBe(0);
  });

  it('with another sender in the envelope are dropped', async () => {
    for (const record of laptop.records(pnId, data, message(), gateway.entityId)) {
      await gateway.carry(pnId, laptop.entityId, record);
    }
    expect(stored()).toBe(0);
    await expect(laptop.request(pnId, data, message(gateway.entityId))).rejects.toMatchObject({ status: Status.BadMessage });
  });

  it('hold an envelope or a part of one; of anything else nothing is taken', async () => {
    const channel = laptop.channels.get(pnId) as SkChannel;
    const envelope = encodeEnvelope(data, rig.entropy.bytes(16), laptop.entityId, message());
    const wholeAsPart = concat(Uint8Array.of(0, 1), envelope);
    for (const innerType of [INNER_TYPE.ping, INNER_TYPE.pong])
      await gateway.carry(pnId, laptop.entityId, channel.seal(innerType, wholeAsPart));
    await gateway.carry(pnId, laptop.entityId, channel.seal(INNER_TYPE.envelope, Uint8Array.of(1, 2, 3)));
    expect([stored(), laptop.arrived]).toEqual([0, []]);
    await gateway.carry(pnId, laptop.entityId, channel.seal(INNER_TYPE.part, wholeAsPart));
    expect(stored()).toBe(1);
  });

  it('with an answer that nobody waits for are met with silence', async () => {
    const query = decodeEnvelope(encodeEnvelope(capabilitiesQueryRequest, rig.entropy.bytes(16), '', { target: gateway.entityId }));
    await gateway.answer(query, capabilitiesQueryResponse, { status: Status.Success });
    expect(gateway.take(refusal)).toEqual([]);
  });

  it('cannot carry what is for a PN GW to ask', async () => {
    await expect(laptop.request(pnId, pnKeyRequest, { pnId: fromHex(pnId) })).rejects.toMatchObject({ status: Status.BadMessage });
    const [record] = laptop.records(pnId, data, message());
    await laptop.notify(pnId, relay, { pnId: fromHex(pnId), pne: laptop.entityId, record: record as Uint8Array });
    expect(stored()).toBe(0);
  });
});

describe('records of a PN GW', () => {
  it('count on its own topic only', async () => {
    const other = await GatewayDouble.connected(rig, 'gateway-2');
    const envelope = encodeEnvelope(data, rig.entropy.bytes(16), gateway.entityId, message(gateway.entityId));
    for (const record of gateway.channel?.sealEnvelope(envelope) ?? []) await gateway.publish(record, other.entityId);
    expect(stored()).toBe(0);
  });

  it('may be parts of a large request, in any order, once', async () => {
    const candidates = Array.from({ length: 900 }, (_, i) => `a-candidate-with-a-long-name-${i}` as never);
    const body = { pnId: new Uint8Array(16), initiator: laptop.entityId, setupType: SetupType.All, candidates };
    const envelope = encodeEnvelope(pnMembershipRequest, rig.entropy.bytes(16), gateway.entityId, body);
    const records = gateway.channel?.sealEnvelope(envelope) ?? [];
    expect(records.length).toBeGreaterThan(1);
    for (const record of [...records].reverse()) await gateway.publish(record);
    expect(gateway.arrived).toHaveLength(1);
  });

  it('that are parts count once together, whichever comes last', async () => {
    const envelope = encodeEnvelope(data, rig.entropy.bytes(16), gateway.entityId, message(gateway.entityId));
    const parts = [0, 1].map((index) => {
      const octets = envelope.subarray(index * 50, index === 0 ? 50 : envelope.length);
      return gateway.channel?.seal(INNER_TYPE.part, concat(new Uint8Array([index, 2]), octets)) as Uint8Array;
    });
    for (const record of [...parts, ...parts.reverse()]) await gateway.publish(record);
    expect(gateway.take(dataAnswer)).toHaveLength(1);
  });

  it('cannot carry a request in clear, nor one that is an answer', async () => {
    const body = { pnId: fromHex(pnId) };
    await expect(gateway.inClear(pnKeyRequest, body)).rejects.toMatchObject({ status: Status.BadMessage });
    await gateway.notify(dataAnswer, { receipt: { id: new Uint8Array(16), status: Status.Success } });
    await gateway.notify(reconcileResponse, { pns: [] });
    expect(gateway.arrived).toEqual([]);
    await expect(gateway.request({ ...reconcile, number: 60_000 }, { pns: [] })).rejects.toMatchObject({ status: Status.BadMessage });
    await expect(gateway.request({ ...pnRegistrationRequest, number: 128 }, {} as never)).rejects.toThrow();
  });

  it('that are broken are dropped without an answer', async () => {
    for (const payload of [
      new Uint8Array(0),
      new Uint8Array([7]),
      new Uint8Array([3]),
      new Uint8Array(70_000),
      clearFrame(new Uint8Array([0xff])),
      clearFrame(new Uint8Array(0)),
    ]) {
      await gateway.publish(payload);
    }
    expect(gateway.arrived).toEqual([]);
  });
});

it('a message without answer that breaks its schema is dropped, and costs the PN GW nothing', async () => {
  const broken = { ...sessionAcknowledgement, body: struct({}) } as never;
  await expect(gateway.notify(broken, {} as never)).resolves.toBeUndefined();
  expect(gateway.arrived).toEqual([]);
});

describe('a session that the server does not know', () => {
  it('is told so: the device itself in clear, a PNE through its PN GW, once a second each PN GW', async () => {
    const [record] = laptop.records(pnId, data, message());
    const { sid } = gateway.channel ?? {};
    rig.restart();
    await gateway.notify(data, message(gateway.entityId));
    await gateway.notify(data, message(gateway.entityId));
    expect(gateway.take(sessionUnknown)).toEqual([{ sid }]);

    await gateway.setUp();
    await gateway.carry(pnId, laptop.entityId, record as Uint8Array);
    expect(gateway.take(sessionUnknown)).toEqual([]);
    await rig.pass(1_000);
    await gateway.carry(pnId, laptop.entityId, record as Uint8Array);
    await gateway.carry(pnId, laptop.entityId, record as Uint8Array);
    expect(gateway.take(sessionUnknown)).toEqual([{ sid: laptop.channels.get(pnId)?.sid, pne: laptop.entityId }]);
  });

  it('is over after its lifetime', async () => {
    const envelope = encodeEnvelope(data, rig.entropy.bytes(16), gateway.entityId, message(gateway.entityId));
    const records = gateway.channel?.sealEnvelope(envelope) ?? [];
    await rig.pass(25 * 3_600_000);
    for (const record of records) await gateway.publish(record);
    expect(gateway.take(sessionUnknown)).toHaveLength(1);
    expect(rig.enabler.gauges()).toMatchObject({ sessions: 0 });
  });

  it('is the replaced one 60 s after the new one was confirmed, not earlier', async () => {
    const before = gateway.channel;
    await gateway.setUp();
    const send = async () => {
      const envelope = encodeEnvelope(data, rig.entropy.bytes(16), gateway.entityId, message(gateway.entityId));
      for (const record of before?.sealEnvelope(envelope) ?? []) await gateway.publish(record);
    };
    await rig.pass(59_000);
    await send();
    expect(stored()).toBe(1);
    await rig.pass(1_000);
    await send();
    expect(stored()).toBe(1);
    expect(gateway.take(sessionUnknown)).toHaveLength(1);
  });
});

it('does what is committed before a revocation, and tells the device of nothing else afterwards', async () => {
  const [record] = laptop.records(pnId, data, message());
  const sending = gateway.carry(pnId, laptop.entityId, record as Uint8Array);
  // As far as the transaction, but not to its commit.
  for (let step = 0; step < 20; step++) await undefined;
  await rig.enabler.revokeDevice(laptop.entityId);
  await sending;
  expect(stored()).toBe(1);
  expect(laptop.take(pneNotificationExpel)).toHaveLength(1);
  expect(laptop.arrived).toEqual([]);
  expect(gateway.take(sessionUnknown)).toEqual([]);
});

it('does nothing for a session that has ended before the commit', async () => {
  const asked = laptop.request(pnId, data, message());
  rig.enabler.stop();
  await expect(asked).rejects.toThrow('no answer');
  expect(stored()).toBe(0);
});

it('refuses what a device asked for before it was revoked and what is committed after', async () => {
  const [record] = laptop.records(pnId, data, message());
  const revoking = rig.enabler.revokeDevice(laptop.entityId);
  await gateway.carry(pnId, laptop.entityId, record as Uint8Array);
  await revoking;
  expect(stored()).toBe(0);
  expect(laptop.take(pneNotificationExpel)).toHaveLength(1);
  expect(laptop.arrived).toEqual([]);
  expect(rig.refusals()).toContain('Revoked');
});

it('answers a reconciliation from what is committed', async () => {
  const answer = await laptop.request(pnId, reconcile, { pns: [] });
  expect(bodyOf(answer, reconcileResponse)).toEqual({ pns: [] });
});
