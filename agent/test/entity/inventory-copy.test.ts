import { entityId, type PnId } from '@cpns/shared';
import type { Inventory, Member } from '@cpns/shared/messages';
import { describe, expect, it } from 'vitest';
import { defaultSettings } from '../../src/config/settings.js';
import { type PnRecord, PnRole, PnState, pnIdOctets } from '../../src/entity/device-state.js';
import { InventoryCopies } from '../../src/entity/inventory-copy.js';

const SELF = entityId('phone');
const GATEWAY = entityId('laptop');
const pnId = pnIdOctets('ab'.repeat(16) as PnId);
const member = (name: string): Member => ({ entityId: entityId(name), gateway: name === 'laptop' });
const page = (version: number, i: number, n: number, ...names: string[]): Inventory => ({
  pnId,
  version,
  gateway: GATEWAY,
  i,
  n,
  add: names.map(member),
  remove: [],
});
const delta = (since: number, version: number, add: string[], remove: string[]): Inventory => ({
  ...page(version, 0, 1, ...add),
  since,
  remove: remove.map(entityId),
});
const record = (version: number, ...names: string[]): PnRecord => ({
  pnId,
  role: PnRole.Pne,
  state: PnState.Established,
  gateway: GATEWAY,
  inventoryVersion: version,
  members: names.map(member),
  pnKeyEpoch: 1,
});
const copies = (maxMembers = 1_000) => new InventoryCopies(SELF, maxMembers);
const names = (members: readonly Member[]) => members.map((entry) => entry.entityId as string);

/** The outcome in short: version and members, or the kind of news. */
function told(news: ReturnType<InventoryCopies['take']>): string {
  return news.kind === 'changed' ? `${news.record.inventoryVersion}: ${names(news.record.members).join(' ')}` : news.kind;
}

describe('a local PN Inventory', () => {
  it('becomes what the server says of a newer version', () => {
    expect(told(copies().take(record(1, 'laptop', 'phone'), page(2, 0, 1, 'laptop', 'board')))).toBe('2: laptop board');
  });

  it('never goes back to a lower version, nor changes at the same one', () => {
    for (const version of [1, 3, 4]) expect(told(copies().take(record(4, 'laptop'), page(version, 0, 1, 'x-y-z')))).toBe('known');
    for (const [since, version] of [
      [1, 2],
      [3, 4],
    ] as const)
      expect(told(copies().take(record(4, 'laptop'), delta(since, version, ['x-y-z'], [])))).toBe('known');
  });

  it('follows a change of its own version', () => {
    const before = record(4, 'laptop', 'phone', 'board');
    expect(told(copies().take(before, delta(4, 5, ['watch'], ['board'])))).toBe('5: laptop phone watch');
  });

  it('has a gap when a change before was missed', () => {
    expect(told(copies().take(record(4, 'laptop'), delta(5, 6, ['watch'], [])))).toBe('gap');
    expect(told(copies().take(undefined, delta(5, 6, ['watch'], [])))).toBe('gap');
  });

  it('changes with the last of its pages only, in whatever order they come', () => {
    const all = copies();
    const before = record(4, 'laptop');
    expect(told(all.take(before, page(5, 2, 3, 'watch')))).toBe('incomplete');
    expect(told(all.take(before, page(5, 0, 3, 'laptop')))).toBe('incomplete');
    expect(told(all.take(before, page(5, 0, 3, 'laptop')))).toBe('incomplete');
    expect(told(all.take(before, page(5, 1, 3, 'phone')))).toBe('5: laptop phone watch');
  });

  it('forgets the pages of a version when a newer one begins', () => {
    const all = copies();
    const before = record(4, 'laptop');
    all.take(before, page(5, 0, 2, 'laptop', 'board'));
    expect(told(all.take(before, page(6, 1, 2, 'phone')))).toBe('incomplete');
    expect(told(all.take(before, page(5, 1, 2, 'phone')))).toBe('incomplete');
    expect(told(all.take(before, page(6, 0, 2, 'laptop')))).toBe('6: laptop phone');
  });

  it('is that of the PN GW that is known', () => {
    expect(() => copies().take(record(4, 'laptop'), { ...page(5, 0, 1), gateway: entityId('mallory') })).toThrow('another PN GW');
  });

  it('holds a limited number of members', () => {
    const all = copies(2);
    expect(told(all.take(undefined, page(1, 0, 2, 'laptop', 'phone')))).toBe('incomplete');
    expect(() => all.take(undefined, page(1, 1, 2, 'board', 'watch'))).toThrow('limits.membersPerPn');
    expect(told(all.take(undefined, page(1, 0, 1, 'laptop', 'phone', 'board')))).toBe('1: laptop phone board');
  });

  it('holds 1,000 members by default, another PN as many again (limits.membersPerPn)', () => {
    const all = copies(defaultSettings().limits.membersPerPn);
    const ids = Array.from({ length: 50 }, (_, i) => `member-${i}`);
    const pageOf = (i: number, n: number) => page(1, i, n, ...ids.map((id) => `${id}-${i}`));
    for (let i = 0; i < 20; i++) expect(told(all.take(undefined, pageOf(i, 21)))).toBe('incomplete');
    expect(() => all.take(undefined, pageOf(20, 21))).toThrow('limits.membersPerPn');
    for (let i = 0; i < 19; i++) expect(told(all.take(undefined, pageOf(i, 20)))).toBe('incomplete');
    expect(told(all.take(undefined, pageOf(19, 20))).split(' ')).toHaveLength(1 + 1_000);
  });

  it('begins with a first page, as version 0, so that the acknowledgement brings the whole', () => {
    const begun = copies().begin(undefined, page(7, 0, 3, 'laptop', 'phone'));
    expect([begun.inventoryVersion, begun.role, names(begun.members)]).toEqual([0, PnRole.Pne, ['laptop', 'phone']]);
    expect(copies().begin(undefined, page(7, 0, 1, 'laptop', 'phone')).inventoryVersion).toBe(7);
    const known = record(6, 'laptop');
    expect(copies().begin(known, page(7, 0, 3, 'laptop', 'phone'))).toBe(known);
  });

  it('is that of a PN GW where the server names this device', () => {
    expect(copies().begin(undefined, { ...page(1, 0, 1, 'phone'), gateway: SELF }).role).toBe(PnRole.PnGw);
  });
});

describe('contents in a local PN Inventory', () => {
  const offer = (i: number) => ({
    contentId: i.toString(16).padStart(64, '0'),
    name: `song ${i}`,
    type: 'audio/mpeg',
    size: i,
    chargeable: false,
  });
  const offering = (name: string, count: number): Member => ({
    ...member(name),
    contents: Array.from({ length: count }, (_, i) => offer(i)),
  });
  const kept = (...members: Member[]) => {
    const news = copies().take(record(1), { ...page(2, 0, 1), add: members });
    if (news.kind !== 'changed') throw new Error(news.kind);
    return news.record.members.map(({ entityId: id, contents }) => [id, contents?.length]);
  };

  it('are those of the members', () => {
    expect(kept(member('laptop'), offering('board', 2), offering('phone', 0))).toEqual([
      ['laptop', undefined],
      ['board', 2],
      ['phone', 0],
    ]);
  });

  it('are kept as far as there is room, the own ones first', () => {
    const others = Array.from({ length: 10 }, (_, i) => offering(`board-${i}`, 16));
    const all = kept(...others, offering('phone', 16));
    expect(all).toHaveLength(11);
    expect(all.filter(([, count]) => count === 16).map(([id]) => id)).toEqual([
      ...others.slice(0, 5).map(({ entityId: id }) => id),
      'phone',
    ]);
    expect(all.filter(([, count]) => count === undefined)).toHaveLength(5);
  });
});
