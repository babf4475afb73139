import type { SgId } from '@cpns/shared';
import { VirtualClock } from '@cpns/shared/testing';
import { expect, it } from 'vitest';
import { FormerKeys } from '../../src/enabler/groups/former-keys.js';

const GRACE_MS = 5_000;
const AT_HAND_MS = 30_000;
const sgId = 'a'.repeat(32) as SgId;
const sealed = (epoch: number) => new Uint8Array([epoch]);

function rig() {
  const clock = new VirtualClock();
  const keys = new FormerKeys(clock);
  const ended = (epoch: number, graceMs = GRACE_MS) => keys.ended(sgId, epoch, sealed(epoch), graceMs);
  return { clock, keys, ended };
}

it('messages of an epoch are received within its grace, and its key is at hand for half a minute more', async () => {
  const { clock, keys, ended } = rig();
  ended(1);
  await clock.advance(GRACE_MS - 1);
  expect(keys.isReceived(sgId, 1)).toBe(true);
  await clock.advance(1);
  expect(keys.isReceived(sgId, 1)).toBe(false);
  await clock.advance(AT_HAND_MS - 1);
  expect(keys.sealed(sgId, 1)).toEqual(sealed(1));
  await clock.advance(1);
  expect(keys.sealed(sgId, 1)).toBeUndefined();
});

it('the grace of one epoch lets in no message of another one', async () => {
  const { clock, keys, ended } = rig();
  ended(1);
  await clock.advance(GRACE_MS);
  ended(2);
  expect([1, 2, 3].filter((epoch) => keys.isReceived(sgId, epoch))).toEqual([2]);
  expect([1, 2, 3].map((epoch) => keys.sealed(sgId, epoch))).toEqual([sealed(1), sealed(2), undefined]);
});

it('an epoch that ends without grace ends that of those before it', () => {
  const { keys, ended } = rig();
  ended(1);
  ended(2, 0);
  expect([1, 2].filter((epoch) => keys.isReceived(sgId, epoch))).toEqual([]);
});
