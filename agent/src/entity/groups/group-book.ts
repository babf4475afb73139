import { CpnsError, type PnId, type SgId } from '@cpns/shared';
import { type Changes, DeviceState, pnIdText, sgIdText } from '../device-state.js';
import type { GroupRecord, GroupWish } from './group-record.js';

/** Groups that a device can be in (security 2.1). */
const GROUPS_MAX = 64;
/** Wishes for groups that are kept. */
const WISHES_MAX = 16;

/** The groups that this device is in, as the durable state has them. They are looked up for every message. */
export class GroupBook {
  readonly #state: DeviceState;
  readonly #records = new Map<SgId, GroupRecord>();

  constructor(state: DeviceState) {
    this.#state = state;
    for (const record of state.groups()) this.#records.set(sgIdText(record.sgId), record);
  }

  get(sgId: SgId): GroupRecord | undefined {
    return this.#records.get(sgId);
  }

  /** By name, then by SG ID. */
  all(): GroupRecord[] {
    return [...this.#records]
      .sort(([a, left], [b, right]) => (left.name === right.name ? (a < b ? -1 : 1) : left.name < right.name ? -1 : 1))
      .map(([, record]) => record);
  }

  /** Those that this device is in through that PN; undefined: through the PN GW's own session. */
  through(pnId: PnId | undefined): SgId[] {
    return [...this.#records].filter(([, record]) => throughPn(record) === pnId).map(([sgId]) => sgId);
  }

  /** Durable when the promise resolves; `fulfilled`: a wish that goes with it. @throws CpnsError State/TooManyGroups, State/DiskFull */
  async put(record: GroupRecord, fulfilled?: string): Promise<void> {
    const sgId = sgIdText(record.sgId);
    if (!this.#records.has(sgId) && this.#records.size >= GROUPS_MAX)
      throw new CpnsError('State', 'TooManyGroups', `This device is in ${GROUPS_MAX} service groups already: leave one first.`);
    const changes: Changes = new Map();
    DeviceState.setGroup(changes, record);
    if (fulfilled !== undefined) DeviceState.setGroupWish(changes, fulfilled, undefined);
    await this.#state.commit(changes);
    this.#records.set(sgId, record);
  }

  /** With its keys. @throws CpnsError State/DiskFull */
  async remove(sgId: SgId): Promise<GroupRecord | undefined> {
    const record = this.#records.get(sgId);
    const changes: Changes = new Map();
    this.#state.forgetGroup(changes, sgId);
    await this.#state.commit(changes);
    this.#records.delete(sgId);
    return record;
  }

  /** Durable before the server is asked for the group. Where many were never answered, the oldest goes. @throws CpnsError State/DiskFull */
  async wish(key: string, wish: GroupWish): Promise<void> {
    const changes: Changes = new Map();
    const open = [...this.#state.groupWishes()].sort(([, a], [, b]) => b.askedWallMs - a.askedWallMs);
    for (const [old] of open.slice(WISHES_MAX - 1)) DeviceState.setGroupWish(changes, old, undefined);
    DeviceState.setGroupWish(changes, key, wish);
    await this.#state.commit(changes);
  }

  /** The server said no. @throws CpnsError State/DiskFull */
  async dropWish(key: string): Promise<void> {
    const changes: Changes = new Map();
    DeviceState.setGroupWish(changes, key, undefined);
    await this.#state.commit(changes);
  }

  /** The wish that made a group of which the answer was lost: of that name and PN, with these objects of this device. */
  wishFor({ name, pnId }: GroupRecord, own: readonly string[]): { readonly key: string; readonly wish: GroupWish } | undefined {
    if (own.length === 0) return undefined;
    const through = pnId && pnIdText(pnId);
    for (const [key, wish] of this.#state.groupWishes()) {
      const isSame = wish.name === name && (wish.pnId && pnIdText(wish.pnId)) === through;
      if (isSame && own.every((id) => wish.shared.includes(id))) return { key, wish };
    }
    return undefined;
  }

  /** Those that went with their PN. */
  dropGone(): SgId[] {
    const kept = new Set(this.#state.groups().map((record) => sgIdText(record.sgId)));
    const gone = [...this.#records.keys()].filter((sgId) => !kept.has(sgId));
    for (const sgId of gone) this.#records.delete(sgId);
    return gone;
  }
}

/** The PN through which this device is in a group. */
export function throughPn({ pnId }: GroupRecord): PnId | undefined {
  return pnId && pnIdText(pnId);
}
