import { describeError } from '@cpns/shared';
import { RemoveReason } from '@cpns/shared/messages';
import type { EnablerContext } from './context.js';
import { removeMembers } from './membership.js';

/** It is looked for them so often, or twelve times within the time they have. */
const CHECK_MS = 10_000;

/** Removes PNEs that never acknowledged their session (protocol 0.13), and those who were added and never registered (e.14). */
export class UnconfirmedRemoval {
  readonly #context: EnablerContext;
  #cancelTimer = () => {};

  constructor(context: EnablerContext) {
    this.#context = context;
  }

  start(): void {
    const { clock, settings } = this.#context;
    this.#cancelTimer = clock.after(Math.min(settings.sessions.acknowledgeTimeoutMs / 12, CHECK_MS), () => {
      void this.#remove();
      this.start();
    });
  }

  stop(): void {
    this.#cancelTimer();
  }

  async #remove(): Promise<void> {
    const { inventory, settings, logger } = this.#context;
    const timeoutMs = settings.sessions.acknowledgeTimeoutMs;
    try {
      await inventory.transact((tx) => tx.pns.dropPending(timeoutMs));
      const pnIds = new Set(inventory.reads.pns.unconfirmedLongerThan(timeoutMs).map(({ pnId }) => pnId));
      for (const pnId of pnIds) {
        await inventory.transact((tx) => {
          const pn = tx.pns.find(pnId);
          const late = tx.pns.unconfirmedLongerThan(timeoutMs).filter((member) => member.pnId === pnId);
          const pnes = late.map(({ entityId }) => entityId);
          if (pn !== undefined)
            removeMembers(this.#context, tx, pn, pnes, { reason: RemoveReason.Unconfirmed, tellGateway: true, tellRemoved: true });
        });
      }
    } catch (error) {
      logger.error('unconfirmed members could not be removed', { why: describeError(error) });
    }
  }
}
