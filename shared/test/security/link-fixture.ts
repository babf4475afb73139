import { expect } from 'vitest';
import { type EntityId, entityId } from '../../src/ids.js';
import { nativeProvider } from '../../src/node/index.js';
import {
  INNER_TYPE,
  LinkInitiator,
  type LinkInitiatorOptions,
  LinkResponder,
  type LinkResponderOptions,
  type LinkSession,
  Secret,
} from '../../src/security/index.js';
import { InsecureSeededEntropy } from '../../src/testing/index.js';
import { octets, StoodClock, textOf } from './channel-fixture.js';

export const provider = nativeProvider;
export const entropy = new InsecureSeededEntropy('link sessions');
export const [phone, laptop, board] = ['phone-1', 'laptop-1', 'board-1'].map(entityId) as [EntityId, EntityId, EntityId];
export const kPair = (fill: number) => new Secret('K_pair', new Uint8Array(32).fill(fill));
export const common = { provider, entropy, clock: new StoodClock(), linkType: 'lan' as const };

/** phone opens the link, laptop accepts; both know each other under key 1. */
export const newI = (change: Partial<LinkInitiatorOptions> = {}) =>
  new LinkInitiator({ ...common, ownId: phone, peer: { id: laptop, kPair: kPair(1) }, ...change });
export const newR = (change: Partial<LinkResponderOptions> = {}) =>
  new LinkResponder({ ...common, ownId: laptop, peers: [{ id: phone, kPair: kPair(1) }], ...change });

export function run(i = newI(), r = newR()): { atI: LinkSession; atR: LinkSession } {
  const { message, session } = i.verify(r.answer(i.start()));
  return { atI: session, atR: r.verify(message) };
}

export function expectSameSession(atI: LinkSession, atR: LinkSession): void {
  expect(textOf(atR.channel.open(atI.channel.seal(INNER_TYPE.envelope, octets('i2r'))).content)).toBe('i2r');
  expect(textOf(atI.channel.open(atR.channel.seal(INNER_TYPE.envelope, octets('r2i'))).content)).toBe('r2i');
}
