import { type CpnsError, entityId, type PnId } from '@cpns/shared';
import { Addressee, ack, bodyOf, data, dataAnswer, type Envelope, refusal, Status, unknownPn } from '@cpns/shared/messages';
import { toHex } from '@cpns/shared/security';
import { beforeEach, describe, expect, it } from 'vitest';
import type { WatchItem } from '../../src/api/admin-port.js';
import { established, GatewayDouble, PneDouble } from './devices.js';
import { type Changes, Rig } from './rig.js';

let rig: Rig;
let gateway: GatewayDouble;
let laptop: PneDouble;
let pnId: PnId;

async function setUp(changes: Changes = {}): Promise<void> {
  rig = new Rig(changes);
  await rig.user();
  gateway = await GatewayDouble.connected(rig);
  laptop = await PneDouble.of(gateway, 'laptop');
  pnId = await established(gateway, [laptop]);
}
beforeEach(() => setUp());

const payload = new TextEncoder().encode('21 °C');
const upward = (changes: object = {}) => ({
  data: {
    id: rig.entropy.bytes(16),
    from: laptop.entityId,
    to: Addressee.Server,
    channel: 'sensor',
    contentType: 'text/plain',
    payload,
    ...changes,
  },
});
const outgoing = (to = laptop.entityId, octets: Uint8Array = payload) => ({
  to,
  channel: 'note',
  contentType: 'text/plain',
  payload: octets,
});
const receipt = (request: Envelope, status: Status = Status.Success) => ({ receipt: { id: bodyOf(request, data).data.id, status } });

function only(envelopes: Envelope[]): Envelope {
  expect(envelopes).toHaveLength(1);
  return envelopes[0] as Envelope;
}

describe('data of a device', () => {
  it('is stored, shown and answered; a duplicate is answered again and shown once', async () => {
    const shown: WatchItem[] = [];
    rig.db.feed.watch({ kinds: ['data'] }, (item) => shown.push(item));
    const body = upward();
    for (let i = 0; i < 3; i++) {
      expect(bodyOf(await laptop.request(pnId, data, body), dataAnswer).receipt).toEqual({ id: body.data.id, status: Status.Success });
    }
    expect(shown).toEqual([expect.objectContaining({ from: 'laptop', to: 'server', channel: 'sensor', messageId: toHex(body.data.id) })]);
  });

  it('may be as large as a message may be', async () => {
    await gateway.request(data, upward({ from: gateway.entityId, payload: new Uint8Array(16_000) }));
    expect(rig.db.reads.receivedData.latest(10)[0]?.payload).toHaveLength(16_000);
  });

  it('of a PN GW goes in its own session', async () => {
    await gateway.request(data, upward({ from: gateway.entityId }));
    expect(rig.db.reads.receivedData.latest(10)).toMatchObject([{ from: gateway.entityId }]);
  });

  it('for somebody else or in the name of somebody else is refused', async () => {
    await expect(laptop.request(pnId, data, upward({ to: Addressee.Entity, entity: gateway.entityId }))).rejects.toMatchObject({
      status: Status.BadAction,
    });
    await expect(laptop.request(pnId, data, upward({ from: gateway.entityId }))).rejects.toMatchObject({ status: Status.BadMessage });
    expect(rig.db.reads.receivedData.latest(10)).toEqual([]);
  });
});

describe('data for a device', () => {
  it('is delivered when the device has answered, not earlier', async () => {
    const sending = rig.enabler.sendData(outgoing(), 5_000);
    await rig.settle();
    const request = only(laptop.takeEnvelopes(data));
    expect(bodyOf(request, data).data).toMatchObject({
      from: 'server',
      to: Addressee.Entity,
      entity: laptop.entityId,
      channel: 'note',
      payload,
    });
    expect(rig.db.reads.outbox.total().messages).toBe(1);
    await laptop.answer(pnId, request, dataAnswer, receipt(request));
    expect(await sending).toEqual({ messageId: toHex(bodyOf(request, data).data.id), state: 'delivered' });
    expect(rig.db.reads.outbox.total().messages).toBe(0);
  });

  it('of the largest size reaches a PNE in parts that every hop can carry', async () => {
    const octets = rig.entropy.bytes(16_000);
    void rig.enabler.sendData(outgoing(laptop.entityId, octets), 0);
    await rig.settle();
    expect(bodyOf(only(laptop.takeEnvelopes(data)), data).data.payload).toEqual(octets);
    expect(laptop.longestRecord).toBeLessThan(8_300);
  });

  it('is repeated with growing pauses until then', async () => {
    void rig.enabler.sendData(outgoing(), 0);
    await rig.pass(600_000);
    const requests = laptop.takeEnvelopes(data);
    expect(requests.length).toBeGreaterThan(20);
    expect(requests.length).toBeLessThan(80);
    expect(new Set(requests.map((request) => toHex(request.octets))).size).toBe(1);
    for (const request of requests) await laptop.answer(pnId, request, dataAnswer, receipt(request));
    await rig.pass(600_000);
    expect(laptop.takeEnvelopes(data)).toEqual([]);
  });

  it('waits for a device that is away, and goes when it is back', async () => {
    rig.detach(gateway.entityId);
    expect(await rig.clock.run(rig.enabler.sendData(outgoing(), 1_000))).toMatchObject({ state: 'queued' });
    await rig.pass(3_600_000);
    expect(laptop.arrived).toEqual([]);
    gateway.connect();
    const request = only(laptop.takeEnvelopes(data));
    await gateway.setUp();
    expect(only(laptop.takeEnvelopes(data)).octets).toEqual(request.octets);
    await laptop.answer(pnId, request, dataAnswer, receipt(request));
    expect(rig.db.reads.outbox.total().messages).toBe(0);
  });

  it('survives a restart of the server, and goes in the next session', async () => {
    void rig.enabler.sendData(outgoing(gateway.entityId), 0);
    await rig.settle();
    expect(gateway.takeEnvelopes(data)).toHaveLength(1);
    rig.restart();
    await rig.pass(60_000);
    expect(gateway.takeEnvelopes(data)).toEqual([]);
    await gateway.setUp();
    expect(gateway.takeEnvelopes(data)).toHaveLength(1);
  });

  it('that the device cannot take yet stays; that it refuses for good goes, and that is no delivery', async () => {
    const sent = rig.enabler.sendData(outgoing(), 60_000).catch((error: CpnsError) => error.message);
    await rig.settle();
    const first = only(laptop.takeEnvelopes(data));
    await laptop.answer(pnId, first, dataAnswer, receipt(first, Status.ServerError));
    await laptop.answer(pnId, first, refusal, { status: Status.Busy });
    expect(rig.db.reads.outbox.total().messages).toBe(1);
    await laptop.answer(pnId, first, refusal, { status: Status.BadMessage });
    expect(rig.db.reads.outbox.total().messages).toBe(0);
    expect(await sent).toMatch(/^"laptop" refused the message: the message was not understood/);
    const text = expect.stringMatching(`^laptop refused the message ${toHex(bodyOf(first, data).data.id)}: `);
    expect(rig.db.reads.events.latest(1)).toMatchObject([{ event: 'message-refused', entityId: laptop.entityId, text }]);
  });

  it('is gone with the device that is revoked', async () => {
    const sent = rig.enabler.sendData(outgoing(), 60_000).catch((error: CpnsError) => error.code);
    await rig.settle();
    await rig.enabler.revokeDevice(laptop.entityId);
    expect(await sent).toBe('MessageGone');
  });

  it('is not held up by what has no way', async () => {
    const away = await GatewayDouble.connected(rig, 'gateway-2');
    const there = await established(away, [new PneDouble(away, laptop.device)]);
    rig.detach(away.entityId);
    await rig.db.transact((tx) => {
      const message = { to: laptop.entityId, pnId: there, number: unknownPn.number, octets: new Uint8Array(8) };
      for (let i = 0; i < 40; i++) tx.outbox.add({ ...message, transaction: rig.entropy.bytes(16) });
    });
    void rig.enabler.sendData(outgoing(), 0);
    await rig.settle();
    only(laptop.takeEnvelopes(data));
  });

  it('is under way 32 at a time', async () => {
    for (let i = 0; i < 40; i++) void rig.enabler.sendData(outgoing(), 0);
    await rig.settle();
    const first = laptop.takeEnvelopes(data);
    expect(first).toHaveLength(32);
    for (const request of first.slice(0, 5)) await laptop.answer(pnId, request, dataAnswer, receipt(request));
    expect(laptop.takeEnvelopes(data)).toHaveLength(5);
  });

  it('is not settled by the answer of another device, nor by an answer of another kind', async () => {
    const other = await PneDouble.of(gateway, 'board');
    const otherPn = await established(gateway, [other]);
    void rig.enabler.sendData(outgoing(), 0);
    await rig.settle();
    const request = only(laptop.takeEnvelopes(data));
    await other.answer(otherPn, request, dataAnswer, receipt(request));
    await laptop.answer(pnId, request, ack, { status: Status.Success });
    expect(rig.db.reads.outbox.total().messages).toBe(1);
  });

  it('expires after 24 h, and that is an event', async () => {
    rig.detach(gateway.entityId);
    const { messageId } = await rig.clock.run(rig.enabler.sendData(outgoing(), 0));
    await rig.pass(24 * 3_600_000 + 120_000);
    expect(rig.db.reads.outbox.total().messages).toBe(0);
    const text = expect.stringContaining(messageId);
    expect(rig.db.reads.events.latest(5)).toContainEqual(
      expect.objectContaining({ event: 'message-expired', entityId: laptop.entityId, text }),
    );
  });

  it('needs an active device that there is a way to', async () => {
    await expect(rig.enabler.sendData(outgoing(entityId('nobody')), 0)).rejects.toMatchObject({ code: 'UnknownDevice' });
    const { entityId: idle } = await rig.enrol('idle');
    await expect(rig.enabler.sendData(outgoing(idle), 0)).rejects.toMatchObject({ code: 'NoSession' });
    await rig.enabler.revokeDevice(idle);
    await expect(rig.enabler.sendData(outgoing(idle), 0)).rejects.toMatchObject({ code: 'UnknownDevice' });
  });

  it('is refused when too much waits, and membership goes on all the same', async () => {
    await setUp({ limits: { outboxMessagesPerEntity: 2 } });
    const board = await PneDouble.of(gateway, 'board');
    pnId = await established(gateway, [laptop, board]);
    for (let i = 0; i < 2; i++) void rig.enabler.sendData(outgoing(), 0);
    await rig.settle();
    await expect(rig.enabler.sendData(outgoing(), 0)).rejects.toMatchObject({ code: 'OutboxFull' });
    await rig.enabler.revokeDevice(board.entityId);
    expect(rig.db.reads.pns.find(pnId)).toMatchObject({ version: 2, keyEpoch: 2 });
    expect(rig.logger.find('does not fit into the outbox')).not.toEqual([]);
  });
});
