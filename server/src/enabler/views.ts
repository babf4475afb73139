import type { CpnsId, EntityId } from '@cpns/shared';
import { contents, fromOctets, type Inventory, type Member, member, octetCount } from '@cpns/shared/messages';
import { fromHex } from '@cpns/shared/security';
import type { Reads } from '../inventory/database.js';
import type { MemberRecord, PnRecord } from '../inventory/pn-inventory.js';

/** Octets of members in one page (protocol 0.16), so that page and envelope stay within one padded record. */
export const PAGE_OCTETS = 7_900;
/** The same for the first records of a request about many PNEs, which all travel in one answer. */
export const FIRST_PAGE_OCTETS = 700;
const MEMBERS_PER_PAGE = 512;

/** A member of a PN; each has a CPNS ID. */
export type NamedMember = Member & Pick<MemberRecord, 'cpnsId'>;

/** A PN with its members as messages tell of them, read once for all views of it. */
export interface WholePn {
  readonly pn: PnRecord;
  readonly members: readonly NamedMember[];
  readonly gatewayCpnsId: CpnsId | undefined;
}

export function readWhole(reads: Pick<Reads, 'pns' | 'devices'>, pn: PnRecord): WholePn {
  return { pn, members: reads.pns.members(pn.pnId).map(memberOf), gatewayCpnsId: reads.devices.find(pn.gateway)?.cpnsId };
}

/**
 * Who `viewer` sees: the PN GW everybody; a PNE everybody if members are shared, else itself and the PN GW. The PN GW and the viewer
 * come first, so that the first page has what the viewer needs.
 */
export function viewOf({ pn, members, gatewayCpnsId }: WholePn, viewer: EntityId): readonly Member[] {
  const self = members.find(({ entityId }) => entityId === viewer);
  const others = pn.shareMembers || viewer === pn.gateway ? members.filter((entry) => entry !== self) : [];
  const gateway = { entityId: pn.gateway, ...(gatewayCpnsId !== undefined && { cpnsId: gatewayCpnsId }), gateway: true };
  return [gateway, ...(self === undefined ? [] : [self]), ...others];
}

export function memberOf({ entityId, cpnsId, contents: octets }: MemberRecord): NamedMember {
  return {
    entityId,
    cpnsId,
    gateway: false,
    ...(octets !== undefined && { contents: fromOctets(contents, octets, 'contents') }),
  };
}

/** The view in pages, the first one of at most `firstOctets` of members. */
export function pagesOf(pn: PnRecord, view: readonly Member[], firstOctets: number = PAGE_OCTETS): readonly Inventory[] {
  const pages: Member[][] = [[]];
  let left = firstOctets;
  for (const entry of view) {
    const octets = octetCount(member, entry);
    let page = pages.at(-1) as Member[];
    if (octets > left || page.length === MEMBERS_PER_PAGE) {
      page = [];
      pages.push(page);
      left = PAGE_OCTETS;
    }
    page.push(entry);
    left -= octets;
  }
  return pages.map((add, i) => ({ ...headOf(pn), i, n: pages.length, add, remove: [] }));
}

/** What changed in the version before this one. */
export function deltaOf(pn: PnRecord, since: number, add: readonly Member[], remove: readonly EntityId[]): Inventory {
  return { ...headOf(pn), since, i: 0, n: 1, add, remove };
}

function headOf(pn: PnRecord): Pick<Inventory, 'pnId' | 'version' | 'gateway'> {
  return { pnId: fromHex(pn.pnId), version: pn.version, gateway: pn.gateway };
}
