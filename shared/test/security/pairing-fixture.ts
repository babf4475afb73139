import { expect } from 'vitest';
import { type EntityId, entityId } from '../../src/ids.js';
import { nativeProvider } from '../../src/node/index.js';
import {
  PairingInitiator,
  type PairingInitiatorOptions,
  PairingInvitation,
  PairingResponder,
  type PairingResponderOptions,
  type PairingResult,
} from '../../src/security/index.js';
import { InsecureSeededEntropy } from '../../src/testing/index.js';
import { refusal } from './channel-fixture.js';

export const provider = nativeProvider;
export const entropy = new InsecureSeededEntropy('pairing');
export const [phone, laptop, mallory] = ['phone-1', 'laptop-1', 'mallory-1'].map(entityId) as [EntityId, EntityId, EntityId];
export const common = { provider, entropy, linkType: 'lan' as const };
export const refused = refusal('PairingRefused');
export const outOfOrder = expect.objectContaining({ family: 'Internal', code: 'OutOfOrder' });

export const newA = (change: Partial<PairingInitiatorOptions> = {}) =>
  new PairingInitiator({ ...common, ownId: phone, peerId: laptop, ...change });
export const newB = (change: Partial<PairingResponderOptions> = {}) => new PairingResponder({ ...common, ownId: laptop, ...change });
export const newInvitation = () => new PairingInvitation(provider, entropy);

/** Up to the codes on both displays. */
export function opened(a = newA(), b = newB()) {
  b.receive(a.reveal(b.answer(a.start(), phone), laptop), phone);
  return { a, b };
}
/** Both people say yes. */
export function paired(a: PairingInitiator, b: PairingResponder): { atA: PairingResult; atB: PairingResult } {
  b.accept();
  const completion = b.confirm(a.accept());
  if (completion === undefined) throw new Error('B had said yes');
  return { atA: a.finish(completion.message), atB: completion.result };
}
export function expectSameKey(atA: PairingResult, atB: PairingResult): void {
  expect(atA.kPair.length).toBe(32);
  expect(atA.kPair.reveal()).toEqual(atB.kPair.reveal());
}
