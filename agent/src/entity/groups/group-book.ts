import { CpnsError, type PnId, type SgId } from '@cpns/shared';
import { type Changes, DeviceState, pnIdText, sgIdText } from '../device-state.js';
import type { GroupRecord } from './group-record.js';

/** Groups that a device can be in (security 2.1). */
const GROUPS_MAX = 64;

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

  /** Durable when the promise resolves. @throws CpnsError State/TooManyGroups, State/DiskFull */
  async put(record: GroupRecord): Promise<void> {
    const sgId = sgIdText(record.sgId);
    if (!this.#records.has(sgId) && this.#records.size >= GROUPS_MAX)
      throw new CpnsError('State', 'TooManyGroups', `This device is in ${GROUPS_MAX} service groups already: leave one first.`);
    const changes: Changes = new Map();
    DeviceState.setGroup(changes, record);
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
