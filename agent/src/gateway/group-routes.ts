import { isSgId, type SgId } from '@cpns/shared';
import { type BodyOf, fromOctets, type LocalGroupMember, type sgInventoryNotice, toOctets } from '@cpns/shared/messages';
import { type Changes, type DeviceState, sgIdText } from '../entity/device-state.js';
import { type GroupRoutePage, groupRoutePage } from '../entity/groups/group-record.js';

const PREFIX = 'sg-route/';

/** Members of one service group behind this PN GW, as the server says. */
export interface GroupRoute {
  readonly sgId: SgId;
  /** Of the SG Inventory. */
  readonly version: number;
  readonly members: readonly LocalGroupMember[];
}

/**
 * The PN GW's copy of the SG Inventory: who behind it is in which group, and where in the key tree, so that it can relay what it cannot
 * read. It comes in pages; the copy before holds until the next one is whole.
 */
export class GroupRoutes {
  readonly #state: DeviceState;
  readonly #routes = new Map<SgId, GroupRoute>();

  constructor(state: DeviceState) {
    this.#state = state;
    for (const sgId of new Set(state.keys(PREFIX).map((key) => key.split('/')[1] ?? ''))) if (isSgId(sgId)) this.#assemble(sgId);
  }

  get(sgId: SgId): GroupRoute | undefined {
    return this.#routes.get(sgId);
  }

  all(): GroupRoute[] {
    return [...this.#routes.values()];
  }

  /** One page, durable when the promise resolves. An older copy than the one there is changes nothing. @throws CpnsError State/DiskFull */
  async take({ sgId: octets, version, released, members, i, n }: BodyOf<typeof sgInventoryNotice>): Promise<void> {
    const sgId = sgIdText(octets);
    const pages = this.#pages(sgId);
    if (pages.some(({ page }) => page.version > version)) return;
    const changes: Changes = new Map();
    const own = keyOf(sgId, version, i);
    // Pages of one version differ in their keys, so that a repeated one counts once.
    const here = new Set([own, ...pages.filter(({ page }) => page.version === version).map(({ key }) => key)]);
    if (released || here.size === n) for (const { key, page } of pages) if (released || page.version < version) changes.set(key, undefined);
    if (!released) changes.set(own, toOctets(groupRoutePage, { version, pages: n, members }));
    await this.#state.commit(changes);
    this.#assemble(sgId);
  }

  #pages(sgId: SgId): { readonly key: string; readonly page: GroupRoutePage }[] {
    return this.#state.keys(`${PREFIX}${sgId}/`).flatMap((key) => {
      const octets = this.#state.raw(key);
      return octets === undefined ? [] : [{ key, page: fromOctets(groupRoutePage, octets, key) }];
    });
  }

  /** The newest copy that is whole. */
  #assemble(sgId: SgId): void {
    const byVersion = new Map<number, GroupRoutePage[]>();
    for (const { page } of this.#pages(sgId)) byVersion.set(page.version, [...(byVersion.get(page.version) ?? []), page]);
    const whole = [...byVersion].filter(([, pages]) => pages.length === pages[0]?.pages).sort(([a], [b]) => b - a)[0];
    if (whole === undefined) this.#routes.delete(sgId);
    else this.#routes.set(sgId, { sgId, version: whole[0], members: whole[1].flatMap(({ members }) => members) });
  }
}

function keyOf(sgId: SgId, version: number, i: number): string {
  return `${PREFIX}${sgId}/${String(version).padStart(16, '0')}/${String(i).padStart(4, '0')}`;
}
