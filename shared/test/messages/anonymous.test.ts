import { expect, it } from 'vitest';
import { Exchange } from '../../src/exchange.js';
import { entityId } from '../../src/ids.js';
import { decodeEnvelope } from '../../src/messages/frame.js';
import { link1, link2, link3 } from '../../src/messages/link.js';
import { InsecureSeededEntropy } from '../../src/testing/seeded-entropy.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';

it('names no sender in Link 1 to 3 (security 1.9)', async () => {
  const clock = new VirtualClock();
  const senders: string[] = [];
  const exchange = new Exchange<string>({
    clock,
    entropy: new InsecureSeededEntropy('a'),
    self: entityId('phone'),
    transmit: (octets) => senders.push(decodeEnvelope(octets).sender),
  });
  const octets = (length: number) => new Uint8Array(length);
  const body1 = { version: 1, suite: 1, nI: octets(32), eI: octets(32), find: octets(8) };
  exchange.request(link1, body1, [link2], 'way', { timeoutMs: 10 }).catch(() => undefined);
  exchange.notify(link2, { nR: octets(32), eR: octets(32), macR: octets(32) }, 'way');
  exchange.notify(link3, { macI: octets(32) }, 'way');
  await clock.advance(20);
  expect(senders).toEqual(['', '', '']);
});
