import { type EntityId, entityId, type SgId } from '@cpns/shared';
import { groupInfo, octetCount, type SharedObject } from '@cpns/shared/messages';
import { fromHex } from '@cpns/shared/security';
import { expect, it } from 'vitest';
import { requireRoomForObjects } from '../../src/enabler/groups/object-changes.js';
import type { Reads } from '../../src/inventory/database.js';

const sgId = 'a'.repeat(32) as SgId;
const ITEMS_OF_ONE = 24;

/** So many objects, of enough holders. */
const objects = (count: number, more: (i: number) => Partial<SharedObject> = () => ({})): SharedObject[] =>
  Array.from({ length: count }, (_, i) => ({ id: `${i}`, name: '', type: '', holder: entityId(`holder-${i % 5}`), ...more(i) }));

/** Whether a group with these objects has room for the last one. */
function fits(all: readonly SharedObject[]): boolean {
  const reads = { groups: { objects: () => all } } as unknown as Pick<Reads, 'groups'>;
  try {
    requireRoomForObjects(reads, sgId, (all.at(-1) as SharedObject).holder);
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: 'TooManyObjects' });
    return false;
  }
}

it('a group has room for 64 objects', () => {
  expect([fits(objects(64)), fits(objects(65))]).toEqual([true, false]);
});

it('a group has room for objects of 2,500 items, the members for whom they are among them', () => {
  const named = (names: number): EntityId[] => new Array(names).fill(entityId('member'));
  const room = 2_500 - 11 * ITEMS_OF_ONE;
  const shared = (last: number) => objects(10, (i) => ({ members: named(i < 9 ? 220 : last) }));
  expect([fits(shared(room - 9 * 220)), fits(shared(room - 9 * 220 + 1))]).toEqual([true, false]);
});

it('a group has room for objects of 40,000 octets', () => {
  const shared = (last: string) =>
    objects(61, (i) => ({ id: `${i}`.padStart(64, '0'), name: i < 60 ? '€'.repeat(128) : last, type: '€'.repeat(64) }));
  const octets = (all: SharedObject[]) => octetCount(groupInfo, { sgId: fromHex(sgId), name: '', epoch: 0, objects: all });
  const name = 'x'.repeat(30);
  const longest = name.padEnd(name.length + 40_000 - octets(shared(name)), 'x');
  expect(octets(shared(longest))).toBe(40_000);
  expect([fits(shared(longest)), fits(shared(`${longest}x`))]).toEqual([true, false]);
});
