import type { EntityId, SgId } from '@cpns/shared';
import { Status } from '@cpns/shared/messages';
import type { Tx } from '../../inventory/database.js';
import type { SgRecord } from '../../inventory/groups.js';
import type { EnablerContext } from '../context.js';
import type { Answer, Incoming } from '../incoming.js';
import { refuse } from '../refusals.js';
import { changeGroup, type Entrant, GRACE_MS, type RekeyReason } from './change.js';

/** What one request wants of a group. */
export interface Wish {
  readonly add: readonly Entrant[];
  readonly remove: readonly EntityId[];
}

/** A request that changes who is in a group. */
export interface GroupRequest {
  readonly incoming: Incoming<unknown>;
  readonly reason: RekeyReason;
  /** Within the transaction of the batch, before anything is changed. @throws CpnsError what refuses the request */
  wish(tx: Tx, group: SgRecord): Wish;
  /** After the change; `group` undefined: nobody is left. */
  conclude(tx: Tx, group: SgRecord | undefined, wish: Wish): Answer;
}

interface Waiting extends GroupRequest {
  resolve(): void;
  reject(error: unknown): void;
}

interface Batch {
  readonly requests: Waiting[];
  closesAtMs: number;
  cancelTimer: () => void;
}

type Outcome = { readonly octets: Uint8Array } | { readonly error: unknown };

/**
 * Gathers requests that change a group, for a tenth of a second or, where somebody leaves, for a few, so that they make one epoch and one
 * rekey (security 1.8). Members, tree, epoch and all answers are one transaction: a crash before it has changed nothing, and the requests
 * come again.
 */
export class GroupBatches {
  readonly #batches = new Map<SgId, Batch>();

  /** The group is about to change. */
  isOpen(sgId: SgId): boolean {
    return this.#batches.has(sgId);
  }

  /** Resolves when the answer to the request has left. @throws CpnsError what refused it, RecordDropped */
  add(context: EnablerContext, sgId: SgId, request: GroupRequest): Promise<void> {
    const { clock, settings } = context;
    const { expelWindowMs, leaveWindowMs } = settings.groups;
    const closesAtMs = clock.monotonicMs() + (request.reason === 'left' ? leaveWindowMs : expelWindowMs);
    const batch = this.#batches.get(sgId) ?? { requests: [], closesAtMs: Number.POSITIVE_INFINITY, cancelTimer: () => {} };
    this.#batches.set(sgId, batch);
    const done = new Promise<void>((resolve, reject) => batch.requests.push({ ...request, resolve, reject }));
    if (closesAtMs < batch.closesAtMs) {
      batch.cancelTimer();
      batch.closesAtMs = closesAtMs;
      batch.cancelTimer = clock.after(closesAtMs - clock.monotonicMs(), () => void this.#close(context, sgId));
    }
    return request.incoming.pendingWhile(done);
  }

  stop(): void {
    for (const { requests, cancelTimer } of this.#batches.values()) {
      cancelTimer();
      const gone = refuse(Status.Busy, 'Stopping', 'The server is stopping: ask again when it is back.');
      for (const { reject } of requests) reject(gone);
    }
    this.#batches.clear();
  }

  async #close(context: EnablerContext, sgId: SgId): Promise<void> {
    const requests = this.#batches.get(sgId)?.requests ?? [];
    this.#batches.delete(sgId);
    try {
      const outcomes = await context.inventory.transact((tx) => serve(context, tx, sgId, requests));
      for (const [i, { incoming, resolve, reject }] of requests.entries()) {
        const outcome = outcomes[i] as Outcome;
        if ('error' in outcome) reject(outcome.error);
        else {
          incoming.send(outcome.octets);
          resolve();
        }
      }
    } catch (error) {
      for (const { reject } of requests) reject(error);
    }
  }
}

function serve(context: EnablerContext, tx: Tx, sgId: SgId, requests: readonly GroupRequest[]): readonly Outcome[] {
  const before = tx.groups.find(sgId);
  const removed = new Set<EntityId>();
  const added = new Map<EntityId, Entrant>();
  const reasons = new Set<RekeyReason>();
  const wishes = requests.map(({ incoming, wish, reason }): Wish | { readonly error: unknown } => {
    try {
      incoming.admit(tx);
      if (before === undefined) throw refuse(Status.UnknownSg, 'UnknownSg', `There is no service group ${sgId}.`);
      const wanted = wish(tx, before);
      requireRoom(context, tx, before, wanted.add, added.size - removed.size);
      for (const entityId of wanted.remove) removed.add(entityId);
      for (const entrant of wanted.add) added.set(entrant.entityId, entrant);
      if (wanted.remove.length > 0) reasons.add(reason);
      return wanted;
    } catch (error) {
      return { error };
    }
  });
  const after = before && changeGroup(context, tx, before, { add: [...added.values()], remove: [...removed], reason: strictest(reasons) });
  return requests.map(({ incoming, conclude }, i): Outcome => {
    const wish = wishes[i] as Wish | { readonly error: unknown };
    return 'error' in wish ? wish : { octets: incoming.file(tx, conclude(tx, after, wish)) };
  });
}

/** Of those for which somebody goes, the one that leaves the key before the least time. */
function strictest(reasons: ReadonlySet<RekeyReason>): RekeyReason {
  return [...reasons].sort((a, b) => GRACE_MS[a] - GRACE_MS[b])[0] ?? 'joined';
}

/** One request too many must not take the others of its batch with it. */
function requireRoom({ settings }: EnablerContext, tx: Tx, group: SgRecord, add: readonly Entrant[], others: number): void {
  const { groupsPerDevice, membersPerGroup } = settings.limits;
  if (group.memberCount + others + add.length > membersPerGroup) {
    throw refuse(Status.Busy, 'TooManySgMembers', `The service group ${group.sgId} has no room left (limits.membersPerGroup).`, RETRY_MS);
  }
  for (const { entityId } of add) {
    if (tx.groups.ofMember(entityId).length < groupsPerDevice) continue;
    throw refuse(Status.Busy, 'TooManySgs', `${entityId} is in as many service groups as it may be (limits.groupsPerDevice).`, RETRY_MS);
  }
}

const RETRY_MS = 600_000;
