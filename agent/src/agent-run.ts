import { type Clock, CpnsError, describeError, type Logger, toCpnsError } from '@cpns/shared';
import type { AgentState } from './agent-state.js';
import type { ResetResult } from './control/api/lifecycle.js';
import type { DeviceRun } from './device-run.js';

export interface AgentRunOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly state: AgentState;
  /** A device on the state as it is now, not started yet. `bootCounter` is one that no earlier device of this state has used. */
  makeDevice(bootCounter: number): Promise<DeviceRun>;
}

/** An agent that runs: one device at a time, which a reset replaces. */
export class AgentRun {
  readonly #options: AgentRunOptions;
  readonly #ending = new AbortController();
  #current: DeviceRun;
  #reset: Promise<ResetResult> | undefined;
  #stopped = false;

  private constructor(options: AgentRunOptions, first: DeviceRun) {
    this.#options = options;
    this.#current = first;
  }

  /** @throws CpnsError why the device cannot start; nothing of it goes on then */
  static async start(options: AgentRunOptions): Promise<AgentRun> {
    const bootCounter = await options.state.state.nextBootCounter();
    return new AgentRun(options, await started(await options.makeDevice(bootCounter)));
  }

  get current(): DeviceRun {
    return this.#current;
  }

  /**
   * Tells the paired devices that are linked, ends the device, forgets in one commit, and begins anew with what is left. The device ends
   * before the state changes, so that nothing under way writes into what was emptied.
   * @throws CpnsError State/ResetBusy; State/DiskFull and others: then nothing was forgotten
   */
  async reset(everything: boolean): Promise<ResetResult> {
    if (this.#reset !== undefined) throw new CpnsError('State', 'ResetBusy', 'A reset is under way already; wait until it is done.');
    this.#reset = this.#forget(everything);
    try {
      return await this.#reset;
    } finally {
      this.#reset = undefined;
    }
  }

  /** Begins to end the agent, a moment later, so that whoever asked for it gets an answer. */
  end(): void {
    this.#options.clock.after(0, () => this.#ending.abort());
  }

  /** Resolves when somebody told it to end, or `signal` fires. @throws CpnsError when it cannot go on */
  ended(signal: AbortSignal): Promise<void> {
    const own = this.#ending.signal;
    const over = AbortSignal.any([signal, own]);
    return new Promise((resolve, reject) => {
      const end = () => (own.reason instanceof CpnsError ? reject(own.reason) : resolve());
      if (over.aborted) return end();
      over.addEventListener('abort', end, { once: true });
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#reset?.catch(() => {});
    await this.#current.stop();
  }

  async #forget(everything: boolean): Promise<ResetResult> {
    const { logger, state } = this.#options;
    // What is needed to begin anew is made sure of first: where nothing can be stored, the device goes on as it is.
    const bootCounter = await state.state.nextBootCounter();
    try {
      this.#current.device.tellUnpaired();
      await this.#current.stop();
      const result = await state.reset(everything);
      logger.notice('the state was reset', { ...result });
      return result;
    } finally {
      if (state.state.enrolment === undefined) this.end();
      else if (!this.#stopped) await this.#beginAnew(bootCounter);
    }
  }

  async #beginAnew(bootCounter: number): Promise<void> {
    try {
      this.#current = await started(await this.#options.makeDevice(bootCounter));
    } catch (error) {
      this.#options.logger.error('the device could not begin anew', { why: describeError(error) });
      this.#ending.abort(toCpnsError(error));
    }
  }
}

async function started(device: DeviceRun): Promise<DeviceRun> {
  try {
    await device.start();
    return device;
  } catch (error) {
    await device.stop();
    throw error;
  }
}
