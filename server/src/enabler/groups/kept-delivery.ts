import { describeError, type SgId } from '@cpns/shared';
import { ack, bodyOf, KEPT_AT_ONCE, KEPT_OCTETS_AT_ONCE, Status, sgKeptMessages } from '@cpns/shared/messages';
import { fromHex } from '@cpns/shared/security';
import type { KeptBatch } from '../../inventory/kept-messages.js';
import type { EnablerContext } from '../context.js';
import type { Session } from '../session.js';
import { formerKey } from './former-keys.js';
import { pnOf } from './place.js';

/** A member has so long to store what it is given; else it is tried again at its next sign of life. */
const ANSWER_LIMIT_MS = 15_000;

/**
 * Gives members what was kept for them, in their own sessions, as soon as they show that they are there. Nothing is deleted before a
 * member has said that it stored it, so that a crash makes it come again and never takes it away.
 */
export class KeptDelivery {
  readonly #underWay = new Set<string>();

  /** The device of that session is there. Returns at once. */
  begin(context: EnablerContext, session: Session): void {
    const { groups } = context.inventory.reads;
    for (const { sgId } of groups.ofMember(session.entityId)) {
      const key = `${sgId} ${session.entityId}`;
      if (session.leaving || this.#underWay.has(key)) continue;
      this.#underWay.add(key);
      void deliver(context, session, sgId)
        .catch((error) => context.logger.warn('kept messages could not be delivered', { group: sgId, why: describeError(error) }))
        .finally(() => this.#underWay.delete(key));
    }
  }
}

/** One batch after the other, until the member has everything, or does not take it now. */
async function deliver(context: EnablerContext, session: Session, sgId: SgId): Promise<void> {
  const { inventory, questions } = context;
  const { entityId } = session;
  for (;;) {
    const group = inventory.reads.groups.find(sgId);
    const member = inventory.reads.groups.member(sgId, entityId);
    const batch = inventory.reads.kept.next(sgId, entityId, KEPT_AT_ONCE, KEPT_OCTETS_AT_ONCE);
    if (batch === undefined || group === undefined || member === undefined || member.pnId !== pnOf(session)) return;
    const { epoch = group.epoch, messages, lost } = batch;
    const key = epoch === group.epoch ? undefined : formerKey(context, sgId, epoch);
    const body = { sgId: fromHex(sgId), epoch, ...(key && { groupKey: key }), messages: sent(messages), lost };
    const asking = questions.ask(session, sgKeptMessages, body, ANSWER_LIMIT_MS);
    key?.fill(0);
    const replied = await asking;
    if (replied.kind !== 'answered' || replied.envelope.number !== ack.number) return;
    if (bodyOf(replied.envelope, ack).status !== Status.Success) return;
    const ids = messages.map(({ id }) => id);
    await inventory.transact((tx) => tx.kept.delivered(sgId, entityId, ids, lost));
  }
}

function sent(messages: KeptBatch['messages']): { receivedMs: number; message: Uint8Array }[] {
  return messages.map(({ receivedMs, message }) => ({ receivedMs, message }));
}
