import { describeError, type EntityId, type SgId } from '@cpns/shared';
import { bodyOf, refusal, Status, sgOwnerTransferRequest, sgOwnerTransferResponse } from '@cpns/shared/messages';
import { fromHex } from '@cpns/shared/security';
import type { SgMemberRecord, SgRecord } from '../../inventory/groups.js';
import type { EnablerContext } from '../context.js';
import { changeOwner, removeGroup } from './change.js';
import { CONSENT_LIMIT_MS } from './consent.js';
import { sessionOfMember } from './place.js';

/** Members that are asked at most. */
const MAX_CANDIDATES = 16;
/** Candidates that are away are looked for so often, and no longer than that. */
const LOOK_AGAIN_MS = 15_000;
const LIMIT_MS = 600_000;

/** Asks a member whether it wants to own the group. Success, Rejected, Busy, Timeout or PeerUnreachable. */
export async function offerOwnership(
  context: EnablerContext,
  { sgId, name, owner, ownerUser }: SgRecord,
  candidate: SgMemberRecord,
  isWanted: () => boolean,
): Promise<Status> {
  const session = sessionOfMember(context, candidate);
  if (session === undefined) return Status.PeerUnreachable;
  if (!context.limits.groupQuestion(candidate.entityId, ownerUser)) return Status.Busy;
  const isMember = () => context.inventory.reads.groups.member(sgId, candidate.entityId) !== undefined;
  const sameUser = context.inventory.reads.devices.find(candidate.entityId)?.userId === ownerUser;
  const question = { pne: owner ?? candidate.entityId, sgId: fromHex(sgId), candidate: candidate.entityId, name, sameUser };
  const replied = await context.questions.ask(session, sgOwnerTransferRequest, question, CONSENT_LIMIT_MS, () => isMember() && isWanted());
  if (replied.kind !== 'answered') return replied.kind === 'silent' ? Status.Timeout : Status.PeerUnreachable;
  const { envelope } = replied;
  if (envelope.number === refusal.number) return bodyOf(envelope, refusal).status;
  if (envelope.number !== sgOwnerTransferResponse.number) return Status.Rejected;
  return bodyOf(envelope, sgOwnerTransferResponse).accept ? Status.Success : Status.Rejected;
}

interface Search {
  readonly untilMs: number;
  /** Who said no, or nothing. */
  readonly asked: Set<EntityId>;
  cancelTimer: () => void;
}

/**
 * Looks for new owners of groups whose owner is gone (protocol e.40): members are asked one after another, those of the last owner's user
 * first, then who is in it longest. The first yes decides; when everybody was asked in vain, or nobody came for ten minutes, the group is
 * released. That a group has no owner is durable, so the search goes on after a restart.
 */
export class Successions {
  readonly #searches = new Map<SgId, Search>();

  /** Begins to look. */
  seek(context: EnablerContext, sgId: SgId): void {
    this.forget(sgId);
    const search: Search = { untilMs: context.clock.monotonicMs() + LIMIT_MS, asked: new Set(), cancelTimer: () => {} };
    this.#searches.set(sgId, search);
    void this.#go(context, sgId, search);
  }

  forget(sgId: SgId): void {
    this.#searches.get(sgId)?.cancelTimer();
    this.#searches.delete(sgId);
  }

  stop(): void {
    for (const sgId of [...this.#searches.keys()]) this.forget(sgId);
  }

  async #go(context: EnablerContext, sgId: SgId, search: Search): Promise<void> {
    try {
      await this.#round(context, sgId, search);
    } catch (error) {
      context.logger.warn('a new owner could not be found yet', { group: sgId, why: describeError(error) });
    }
    if (this.#searches.get(sgId) !== search) return;
    search.cancelTimer = context.clock.after(LOOK_AGAIN_MS, () => void this.#go(context, sgId, search));
  }

  async #round(context: EnablerContext, sgId: SgId, search: Search): Promise<void> {
    const { inventory, clock } = context;
    for (;;) {
      const group = inventory.reads.groups.find(sgId);
      if (group === undefined || group.owner !== undefined) return this.#end(sgId, search);
      const left = candidatesOf(context, group).filter(({ entityId }) => !search.asked.has(entityId));
      const next = left.find((candidate) => sessionOfMember(context, candidate) !== undefined);
      const exhausted = left.length === 0 || search.asked.size >= MAX_CANDIDATES;
      if (exhausted || (next === undefined && clock.monotonicMs() >= search.untilMs)) {
        await inventory.transact((tx) => {
          const present = tx.groups.find(sgId);
          if (present === undefined || present.owner !== undefined) return;
          const text = `The service group "${present.name}" (${sgId}) was released, since nobody wanted to own it.`;
          removeGroup(context, tx, present, text);
        });
        return this.#end(sgId, search);
      }
      if (next === undefined) return;
      const word = await offerOwnership(context, group, next, () => this.#searches.get(sgId) === search);
      if (word === Status.PeerUnreachable) return;
      search.asked.add(next.entityId);
      if (word !== Status.Success) continue;
      await inventory.transact((tx) => {
        const present = tx.groups.find(sgId);
        if (present === undefined || present.owner !== undefined || tx.groups.member(sgId, next.entityId) === undefined) return;
        changeOwner(context, tx, present, next.entityId);
      });
    }
  }

  #end(sgId: SgId, search: Search): void {
    if (this.#searches.get(sgId) === search) this.forget(sgId);
  }
}

/** In the order in which they are asked. */
function candidatesOf({ inventory }: EnablerContext, { sgId, ownerUser }: SgRecord): readonly SgMemberRecord[] {
  const { groups, devices } = inventory.reads;
  const rank = ({ entityId }: SgMemberRecord) => (devices.find(entityId)?.userId === ownerUser ? 0 : 1);
  return [...groups.members(sgId)].sort((a, b) => rank(a) - rank(b) || a.joinedMs - b.joinedMs || a.leaf - b.leaf);
}
