import { type EntityId, entityId } from '@cpns/shared';
import { type AnyMessage, MISSING_MAX, sgData, sgDataAnswer } from '@cpns/shared/messages';
import { InsecureSeededEntropy, VirtualClock } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import type { ServerChannel } from '../../src/entity/server-channel.js';
import { GroupDeliveries } from '../../src/gateway/group-deliveries.js';

const [phone, board, radio] = ['phone', 'board', 'radio'].map(entityId) as [EntityId, EntityId, EntityId];

interface Sent {
  readonly number: number;
  readonly octets: number | undefined;
  readonly missing: readonly EntityId[] | undefined;
  readonly transaction: Uint8Array;
}

function rig() {
  const clock = new VirtualClock();
  const sent: Sent[] = [];
  const notify = ({ number }: AnyMessage, body: { message?: Uint8Array; missing?: EntityId[] }, transaction: Uint8Array) =>
    void sent.push({ number, octets: body.message?.length, missing: body.missing, transaction });
  const channel = { notify } as unknown as ServerChannel;
  const server = { isThere: true };
  const entropy = new InsecureSeededEntropy('gateway');
  const deliveries = new GroupDeliveries({ clock, entropy, server: () => (server.isThere ? channel : undefined) });
  const publish = (octets: number, reached: readonly EntityId[] = [], missing: readonly EntityId[] = []) =>
    deliveries.publish({ sgId: new Uint8Array(16), from: phone, message: new Uint8Array(octets) }, { reached, missing });
  return { clock, sent, channel, server, deliveries, publish };
}

describe('while the server is away', () => {
  it('group messages wait in their order, and leave once', () => {
    const { sent, server, deliveries, publish } = rig();
    server.isThere = false;
    expect([publish(1), publish(2, [], [board])]).toEqual([true, true]);
    deliveries.flush();
    server.isThere = true;
    deliveries.flush();
    deliveries.flush();
    publish(3);
    expect(sent.map(({ octets, missing }) => [octets, missing])).toEqual([
      [1, undefined],
      [2, [board]],
      [3, undefined],
    ]);
  });

  it('256 of them wait, and 1 MiB', () => {
    const many = rig();
    many.server.isThere = false;
    expect(Array.from({ length: 257 }, () => many.publish(1)).indexOf(false)).toBe(256);
    const large = rig();
    large.server.isThere = false;
    expect(Array.from({ length: 65 }, () => large.publish(16_384)).indexOf(false)).toBe(64);
    large.server.isThere = true;
    large.deliveries.flush();
    large.server.isThere = false;
    expect([large.sent.length, large.publish(16_384)]).toEqual([64, true]);
  });
});

describe('a member whose link is gone', () => {
  it('counts as one that has not got what it was handed within the last 20 s, and nothing else', async () => {
    const { clock, sent, channel, deliveries, publish } = rig();
    publish(1, [board]);
    await clock.advance(1);
    publish(2, [board, radio]);
    publish(3, [radio], [board]);
    const transaction = new Uint8Array(16).fill(7);
    deliveries.answer(channel, transaction, { reached: [board], missing: [radio] });
    expect(sent.at(-1)).toEqual({ number: sgDataAnswer.number, octets: undefined, missing: [radio], transaction });
    await clock.advance(20_000);
    const before = sent.length;
    deliveries.lost(board);
    const second = sent.find(({ octets }) => octets === 2)?.transaction;
    const late = { number: sgDataAnswer.number, octets: undefined, missing: [board] };
    expect(sent.slice(before)).toEqual([
      { ...late, transaction: second },
      { ...late, transaction },
    ]);
  });

  it('is named in what waits for the server', () => {
    const { sent, server, deliveries, publish } = rig();
    server.isThere = false;
    publish(1, [board], [radio]);
    publish(2, [radio]);
    deliveries.lost(board);
    server.isThere = true;
    deliveries.flush();
    expect(sent.map(({ number, missing }) => [number, missing])).toEqual([
      [sgData.number, [radio, board]],
      [sgData.number, undefined],
    ]);
  });

  it('finds the last 1,024 messages remembered, among which those that nobody was handed do not count', () => {
    const { sent, deliveries, publish } = rig();
    for (let i = 0; i < 3_000; i++) publish(1, i % 2 === 0 ? [board] : []);
    sent.length = 0;
    deliveries.lost(board);
    expect(sent).toHaveLength(1_024);
  });
});

it('more than one message names stand for all: the list is full', () => {
  const { sent, publish } = rig();
  publish(1, [], new Array(MISSING_MAX + 1).fill(board));
  expect(sent[0]?.missing).toHaveLength(MISSING_MAX);
});
