import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, CpnsError, decodeEnrolment, type Logger } from '@cpns/shared';
import { allowsGateway } from '@cpns/shared/messages';
import { ensurePrivateDirectory, nativeProvider, ProcessLock } from '@cpns/shared/node';
import { type EuKeyRoot, euKeyPrk, rootFromPrk, Secret } from '@cpns/shared/security';
import type { EnrolmentSummary } from './cli/ports.js';
import type { ResetResult } from './control/api/lifecycle.js';
import { type Changes, DeviceState, type EnrolmentRecord } from './entity/device-state.js';
import { FileStore } from './store/file-store.js';

/** The durable state of an agent, opened and locked against a second process. */
export class AgentState {
  readonly state: DeviceState;
  readonly #store: FileStore;
  readonly #lock: ProcessLock;

  private constructor(store: FileStore, lock: ProcessLock) {
    this.#store = store;
    this.#lock = lock;
    this.state = new DeviceState(store);
  }

  /** @throws CpnsError State/AlreadyRunning, State/StoreDamaged, Config/UnsafePermissions and the other errors of lock and store */
  static async open(directory: string, clock: Clock, logger: Logger): Promise<AgentState> {
    await mkdir(directory, { recursive: true, mode: 0o700 }).catch(() => undefined);
    await ensurePrivateDirectory(directory);
    const lock = await ProcessLock.acquire(join(directory, 'lock'));
    try {
      return new AgentState(await FileStore.open({ directory, clock, logger }), lock);
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#store.close();
    await this.#lock.release();
  }

  /** Takes an enrolment code in: what is kept is the PRK, never the EUKey. @throws CpnsError Config/Enrolment..., State/AlreadyEnrolled */
  async enrol(code: string, replace: boolean): Promise<EnrolmentSummary> {
    const enrolment = decodeEnrolment(nativeProvider, code);
    try {
      const known = this.state.enrolment;
      if (known !== undefined && !replace) {
        throw new CpnsError(
          'State',
          'AlreadyEnrolled',
          `This device is enrolled already, as ${known.entityId}: say --replace to enrol it anew.`,
        );
      }
      const prk = euKeyPrk(nativeProvider, enrolment.euKey);
      const record: EnrolmentRecord = {
        entityId: enrolment.entityId,
        prk: prk.reveal().slice(),
        serverId: enrolment.serverId,
        serverAddress: enrolment.server,
        subscription: enrolment.subscription,
      };
      const changes: Changes = new Map();
      if (known !== undefined && known.entityId !== record.entityId) this.#forgetEverything(changes);
      DeviceState.setEnrolment(changes, record);
      await this.state.commit(changes);
      prk.erase();
      return summaryOf(record);
    } finally {
      enrolment.euKey.erase();
    }
  }

  /** Forgets pairings, PNs, keys and messages, and with `everything` the enrolment: one commit, so it happened or it did not. */
  async reset(everything: boolean): Promise<ResetResult> {
    const changes: Changes = new Map();
    const result = {
      pairings: this.state.pairings().size,
      pns: this.state.pns().length,
      messages: this.state.keys('outbox/').length,
      enrolment: everything && this.state.enrolment !== undefined,
    };
    this.#forgetEverything(changes);
    if (everything) changes.set('enrolment', undefined);
    await this.state.commit(changes);
    return result;
  }

  /** Everything but the enrolment and the boot counter, which must never go back. */
  #forgetEverything(changes: Changes): void {
    for (const key of this.state.keys('')) if (key !== 'enrolment' && key !== 'boot') changes.set(key, undefined);
  }
}

/** @throws CpnsError State/NotEnrolled */
export function requireEnrolment(state: DeviceState): EnrolmentRecord {
  const { enrolment } = state;
  if (enrolment !== undefined) return enrolment;
  throw new CpnsError(
    'State',
    'NotEnrolled',
    'This device is not enrolled: ask the operator for a code (cpns-server device add), then: cpns-agent enrol CODE',
  );
}

export function rootOf(enrolment: EnrolmentRecord): EuKeyRoot {
  return rootFromPrk(nativeProvider, new Secret('EUKey PRK', enrolment.prk));
}

export function summaryOf(enrolment: EnrolmentRecord): EnrolmentSummary {
  const { entityId, serverId, serverAddress, subscription } = enrolment;
  return {
    id: entityId,
    serverId,
    ...(serverAddress !== '' && { serverAddress }),
    kid: rootOf(enrolment).kid,
    userId: subscription.userId,
    mayBeGateway: allowsGateway(subscription),
  };
}
