import { CpnsError, type EntityId, type PnId } from '@cpns/shared';
import { type Inventory, type Member, member as memberSchema, octetCount } from '@cpns/shared/messages';
import { type PnRecord, PnRole, PnState, pnIdText } from './device-state.js';

/** Contents of one PN that are kept: what a record of the store has room for. */
const KEPT_CONTENTS = 100;
const KEPT_CONTENTS_OCTETS = 24_000;
/** Members with and without contents; the names of 1,000 alone may take as much. */
const MEMBERS_OCTETS = 64_000;

/** What the PN Inventory of the server that arrived means for the local one (protocol 0.16). */
export type InventoryNews =
  /** The record as it is now. */
  | { readonly kind: 'changed'; readonly record: PnRecord }
  /** Old news, or none: never back to a lower version (security T11). */
  | { readonly kind: 'known' }
  /** Further pages follow. */
  | { readonly kind: 'incomplete' }
  /** A change before this one was missed: the whole has to be asked for. */
  | { readonly kind: 'gap' };

interface Collected {
  readonly version: number;
  readonly pages: Map<number, readonly Member[]>;
}

/** Brings local PN Inventories up to date with what the server says. Pages wait in memory until all of them are there. */
export class InventoryCopies {
  readonly #self: EntityId;
  readonly #maxMembers: number;
  readonly #collected = new Map<PnId, Collected>();

  /** `maxMembers`: of one PN, its PN GW not counted. */
  constructor(self: EntityId, maxMembers: number) {
    this.#self = self;
    this.#maxMembers = maxMembers;
  }

  /** @throws CpnsError Auth/WrongGateway: the server names another PN GW than the known one; State/TooManyMembers */
  take(record: PnRecord | undefined, inventory: Inventory): InventoryNews {
    requireGateway(record, inventory);
    if (record !== undefined && inventory.version <= record.inventoryVersion) return { kind: 'known' };
    const pnId = pnIdText(inventory.pnId);
    if (inventory.since !== undefined) {
      if (record?.inventoryVersion !== inventory.since) return { kind: 'gap' };
      this.#collected.delete(pnId);
      return this.#changed(record, inventory, merge(record.members, inventory));
    }
    const members = this.#collect(pnId, inventory);
    return members === undefined ? { kind: 'incomplete' } : this.#changed(record ?? this.#blank(inventory), inventory, members);
  }

  /**
   * The record that a session begins with. A first page alone leaves version 0 behind, or the record that was there, so that the
   * acknowledgement brings the whole. @throws as {@link take}
   */
  begin(record: PnRecord | undefined, inventory: Inventory): PnRecord {
    const news = this.take(record, inventory);
    if (news.kind === 'changed') return news.record;
    return record ?? { ...this.#blank(inventory), members: withRoom(inventory.add, this.#self) };
  }

  #collect(pnId: PnId, { version, i, n, add }: Inventory): readonly Member[] | undefined {
    const before = this.#collected.get(pnId);
    if (before !== undefined && before.version > version) return undefined;
    const collected = before?.version === version ? before : { version, pages: new Map<number, readonly Member[]>() };
    this.#collected.set(pnId, collected);
    if (i < n) collected.pages.set(i, add);
    const members = [...collected.pages].sort(([a], [b]) => a - b).flatMap(([, page]) => page);
    if (members.length > this.#maxMembers + 1) {
      this.#collected.delete(pnId);
      throw new CpnsError(
        'State',
        'TooManyMembers',
        `A personal network has more than ${this.#maxMembers} members: raise limits.membersPerPn.`,
      );
    }
    if (collected.pages.size < n) return undefined;
    this.#collected.delete(pnId);
    return members;
  }

  #changed(record: PnRecord, { version }: Inventory, members: readonly Member[]): InventoryNews {
    return { kind: 'changed', record: { ...record, inventoryVersion: version, members: withRoom(members, this.#self) } };
  }

  #blank({ pnId, gateway }: Inventory): PnRecord {
    const role = gateway === this.#self ? PnRole.PnGw : PnRole.Pne;
    return { pnId, role, state: PnState.Established, gateway, inventoryVersion: 0, members: [], pnKeyEpoch: 0 };
  }
}

function requireGateway(record: PnRecord | undefined, inventory: Inventory): void {
  if (record === undefined || inventory.gateway === record.gateway) return;
  throw new CpnsError('Auth', 'WrongGateway', 'The server names another PN GW for a personal network than the one that is known here.');
}

function merge(members: readonly Member[], { add, remove }: Inventory): Member[] {
  const byId = new Map(members.map((member) => [member.entityId, member]));
  for (const member of add) byId.set(member.entityId, member);
  for (const id of remove) byId.delete(id);
  return [...byId.values()];
}

/** The members with as many of their contents as there is room for; the own ones come first. */
function withRoom(members: readonly Member[], self: EntityId): readonly Member[] {
  if (members.every(({ contents }) => contents === undefined)) return members;
  let left = KEPT_CONTENTS;
  const bare = members.reduce((octets, entry) => octets + octetCount(memberSchema, withoutContents(entry)), 0);
  let leftOctets = Math.min(KEPT_CONTENTS_OCTETS, MEMBERS_OCTETS - bare);
  const own = members.filter(({ entityId }) => entityId === self);
  const kept = new Set<Member>();
  for (const entry of [...own, ...members]) {
    if (entry.contents === undefined || kept.has(entry)) continue;
    const octets = octetCount(memberSchema, entry);
    if (entry.contents.length > left || octets > leftOctets) continue;
    left -= entry.contents.length;
    leftOctets -= octets;
    kept.add(entry);
  }
  return members.map((entry) => (entry.contents === undefined || kept.has(entry) ? entry : withoutContents(entry)));
}

function withoutContents({ contents: _, ...rest }: Member): Member {
  return rest;
}
