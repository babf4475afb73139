import { type EntityId, entityId } from '@cpns/shared';
import { decodeEnvelope, encodeEnvelope, MAX_UPLINK_ENVELOPE, sgDataAnswer } from '@cpns/shared/messages';
import { VirtualClock } from '@cpns/shared/testing';
import { expect, it } from 'vitest';
import { Deliveries, type Missing } from '../../src/enabler/groups/deliveries.js';

const [west, east, phone] = ['west', 'east', 'phone'].map(entityId) as [EntityId, EntityId, EntityId];

function rig() {
  const clock = new VirtualClock();
  const deliveries = new Deliveries(clock);
  const said: [number, Missing][] = [];
  const transactionOf = (i: number) => Uint8Array.from({ length: 16 }, (_, at) => (at < 4 ? (i >> (8 * at)) & 255 : 0));
  const sent = (i: number, gateway = east, octets = 100) => ({
    gateway,
    transaction: transactionOf(i),
    octets,
    said: (missing: Missing) => void said.push([i, missing]),
  });
  const answer = (i: number, missing: EntityId[], gateway = east) =>
    deliveries.answered(gateway, decodeEnvelope(encodeEnvelope(sgDataAnswer, transactionOf(i), gateway, { missing }), MAX_UPLINK_ENVELOPE));
  return { clock, deliveries, said, sent, answer };
}

it('a PN GW is heard several times, but not for ever', () => {
  const { deliveries, said, sent, answer } = rig();
  deliveries.expect(sent(1));
  for (let i = 0; i < 100; i++) answer(1, [phone]);
  expect(said).toHaveLength(32);
});

it('the same transaction of two PN GWs is not the same message, and of one it is the newer one', async () => {
  const { clock, deliveries, said, sent, answer } = rig();
  deliveries.heed(sent(1, west));
  deliveries.expect(sent(1));
  answer(1, [phone], west);
  expect(said).toEqual([[1, [phone]]]);
  deliveries.expect(sent(1));
  expect(said).toEqual([
    [1, [phone]],
    [1, undefined],
  ]);
  answer(1, []);
  await clock.advance(60_000);
  expect(said).toHaveLength(3);
});

it('the oldest counts as silent when there are too many, or too large ones, and the silence of a sender says nothing', () => {
  const many = rig();
  for (let i = 0; i <= 16_384; i++) many.deliveries.expect(many.sent(i));
  expect(many.said).toEqual([[0, undefined]]);
  const large = rig();
  for (let i = 0; i <= 2_048; i++) large.deliveries.expect(large.sent(i, east, 16_384));
  expect(large.said).toEqual([[0, undefined]]);
  large.answer(1, []);
  large.deliveries.stop();
  expect(large.said).toHaveLength(2_049);
  const own = rig();
  for (let i = 0; i <= 16_384; i++) own.deliveries.heed(own.sent(i));
  own.deliveries.stop();
  expect(own.said).toEqual([]);
});
