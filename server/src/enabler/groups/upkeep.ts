import { describeError } from '@cpns/shared';
import type { BodyOf, heartbeatAnswer } from '@cpns/shared/messages';
import type { EnablerContext } from '../context.js';
import type { Session } from '../session.js';
import { rotateGroup } from './change.js';
import { pnOf, sgIdOf } from './place.js';

const CHECK_MS = 60_000;

/** Renews Group Keys that are old (seed 000 7.y.2), and takes up at a start what was under way at the last stop. */
export class GroupUpkeep {
  readonly #context: EnablerContext;
  #cancelTimer = () => {};

  constructor(context: EnablerContext) {
    this.#context = context;
  }

  start(): void {
    const { inventory, successions } = this.#context;
    for (const { sgId } of inventory.reads.groups.ownerless()) successions.seek(this.#context, sgId);
    this.#next();
  }

  stop(): void {
    this.#cancelTimer();
  }

  #next(): void {
    this.#cancelTimer = this.#context.clock.after(CHECK_MS, () => {
      void this.#renew();
      this.#context.formerKeys.prune();
      this.#next();
    });
  }

  async #renew(): Promise<void> {
    const { inventory, clock, settings, logger } = this.#context;
    try {
      const nowMs = clock.wallMs();
      for (const { sgId, epoch } of inventory.reads.groups.keyedOutside(nowMs - settings.groups.keyLifetimeMs, nowMs)) {
        await inventory.transact((tx) => {
          const group = tx.groups.find(sgId);
          if (group?.epoch === epoch) rotateGroup(this.#context, tx, group, 'periodic');
        });
      }
    } catch (error) {
      logger.error('Group Keys could not be renewed', { why: describeError(error) });
    }
  }
}

/** A member reports how many messages it sent: a Group Key that protected too many is renewed. */
export async function renewWornKeys(
  context: EnablerContext,
  session: Session,
  counts: BodyOf<typeof heartbeatAnswer>['counts'],
): Promise<void> {
  const { inventory, groupUsage, settings } = context;
  for (const { sgId: octets, epoch, sent } of counts) {
    const sgId = sgIdOf(octets);
    const group = inventory.reads.groups.find(sgId);
    const member = inventory.reads.groups.member(sgId, session.entityId);
    if (group?.epoch !== epoch || member === undefined || member.pnId !== pnOf(session)) continue;
    if (groupUsage.report(sgId, epoch, session.entityId, sent) < settings.groups.messagesPerKey) continue;
    await inventory.transact((tx) => {
      const present = tx.groups.find(sgId);
      if (present?.epoch === epoch) rotateGroup(context, tx, present, 'periodic');
    });
  }
}
