import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, CpnsError, type Enrolment, type Logger, type Store } from '@cpns/shared';
import { ensurePrivateDirectory, nativeProvider, ProcessLock, systemCode } from '@cpns/shared/node';
import { euKeyPrk } from '@cpns/shared/security';
import type { ResetResult } from './control/api/lifecycle.js';
import { type Changes, DeviceState, type EnrolmentRecord } from './entity/device-state.js';
import { FileStore } from './store/file-store.js';

/** What a reset leaves: the enrolment, unless it is to go too, and the boot counter, which must never go back. */
const ENROLMENT = 'enrolment';
const BOOT = 'boot';

/** The durable state of an agent. */
export class AgentState {
  readonly state: DeviceState;
  /** Gives the state back. */
  readonly close: () => Promise<void>;

  constructor(store: Store, close: () => Promise<void> = async () => {}) {
    this.state = new DeviceState(store);
    this.close = close;
  }

  /**
   * Opens the state in `directory`, or begins one, locked against a second process.
   * @throws CpnsError State/AlreadyRunning, State/StoreDamaged, Config/UnsafePermissions and the other errors of lock and store
   */
  static async open(directory: string, clock: Clock, logger: Logger): Promise<AgentState> {
    await ensurePrivateDirectory(directory);
    const lock = await ProcessLock.acquire(join(directory, 'lock'));
    try {
      const store = await FileStore.open({ directory, clock, logger: logger.child('store') });
      return new AgentState(store, () => store.close().finally(() => lock.release()));
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  /** Opens the state in `directory`; undefined, and nothing is made, when there is none. @throws CpnsError as {@link open} */
  static async openExisting(directory: string, clock: Clock, logger: Logger): Promise<AgentState | undefined> {
    const isThere = await stat(directory).then(
      () => true,
      (error: unknown) => systemCode(error) !== 'ENOENT',
    );
    return isThere ? await AgentState.open(directory, clock, logger) : undefined;
  }

  /**
   * Takes an enrolment in: what is kept is the PRK, never the EUKey. A new key for the same device of the same server leaves its
   * pairings and PNs; as another device it begins with nothing.
   * @throws CpnsError State/AlreadyEnrolled unless `replace`, State/DiskFull
   */
  async enrol({ euKey, entityId, serverId, server, subscription }: Enrolment, replace: boolean): Promise<EnrolmentRecord> {
    const prk = euKeyPrk(nativeProvider, euKey);
    try {
      const known = this.state.enrolment;
      if (known !== undefined && !replace) {
        const sentence = `This device is enrolled as ${known.entityId} already; add --replace to give that up.`;
        throw new CpnsError('State', 'AlreadyEnrolled', sentence);
      }
      const record: EnrolmentRecord = { entityId, prk: prk.reveal().slice(), serverId, serverAddress: server, subscription };
      const changes: Changes = known?.entityId === entityId && known.serverId === serverId ? new Map() : this.#forgotten([BOOT]);
      DeviceState.setEnrolment(changes, record);
      await this.state.commit(changes);
      return record;
    } finally {
      prk.erase();
    }
  }

  /** Forgets pairings, PNs, keys and messages, and with `everything` the enrolment: one commit, so it happened or it did not. */
  async reset(everything: boolean): Promise<ResetResult> {
    const result = {
      pairings: this.state.keys('pairing/').length,
      pns: this.state.keys('pn/').length,
      messages: this.state.keys('outbox/').length,
      enrolment: everything && this.state.keys(ENROLMENT).length > 0,
    };
    await this.state.commit(this.#forgotten(everything ? [BOOT] : [BOOT, ENROLMENT]));
    return result;
  }

  #forgotten(kept: readonly string[]): Changes {
    return new Map(this.state.keys('').flatMap((key) => (kept.includes(key) ? [] : [[key, undefined] as const])));
  }
}
