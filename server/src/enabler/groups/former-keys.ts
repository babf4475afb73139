import type { Clock, SgId } from '@cpns/shared';
import { enc, fromHex, GROUP_KEY_NODE } from '@cpns/shared/security';
import type { Tx } from '../../inventory/database.js';
import type { SgRecord } from '../../inventory/groups.js';
import type { EnablerContext } from '../context.js';
import { nodeName } from './tree.js';

/** A key is at hand for so long beyond its grace: who has not got what came within it may turn out only then. */
const AT_HAND_MS = 30_000;

interface FormerKey {
  readonly epoch: number;
  readonly sealed: Uint8Array;
  /** Messages of its epoch are received until then (monotonic). */
  untilMs: number;
}

/** Group Keys whose epoch has just ended: a message under one of them may still come, and be kept. Lives in memory, sealed. */
export class FormerKeys {
  readonly #clock: Clock;
  readonly #byGroup = new Map<SgId, FormerKey[]>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Its epoch is over; those before it are received no longer than it (security 1.8). */
  ended(sgId: SgId, epoch: number, sealed: Uint8Array, graceMs: number): void {
    const untilMs = this.#clock.monotonicMs() + graceMs;
    const before = this.#atHand(sgId);
    for (const key of before) key.untilMs = Math.min(key.untilMs, untilMs);
    this.#byGroup.set(sgId, [...before, { epoch, sealed, untilMs }]);
  }

  /** Messages of that epoch are still received. */
  isReceived(sgId: SgId, epoch: number): boolean {
    const nowMs = this.#clock.monotonicMs();
    return this.#atHand(sgId).some((key) => key.epoch === epoch && nowMs < key.untilMs);
  }

  sealed(sgId: SgId, epoch: number): Uint8Array | undefined {
    return this.#atHand(sgId).find((key) => key.epoch === epoch)?.sealed;
  }

  forget(sgId: SgId): void {
    this.#byGroup.delete(sgId);
  }

  /** Forgets those that are not at hand any more. */
  prune(): void {
    for (const sgId of [...this.#byGroup.keys()]) if (this.#atHand(sgId).length === 0) this.forget(sgId);
  }

  #atHand(sgId: SgId): FormerKey[] {
    const nowMs = this.#clock.monotonicMs();
    const keys = (this.#byGroup.get(sgId) ?? []).filter(({ untilMs }) => nowMs < untilMs + AT_HAND_MS);
    if (this.#byGroup.has(sgId)) this.#byGroup.set(sgId, keys);
    return keys;
  }
}

/**
 * Before a rekey, in its transaction: the Group Key that ends is put aside where messages under it are kept. Returns it as it is stored,
 * sealed; undefined: there is none yet.
 */
export function putKeyAside({ groupKeys }: Pick<EnablerContext, 'groupKeys'>, tx: Tx, { sgId, epoch }: SgRecord): Uint8Array | undefined {
  const present = tx.groups.nodes(sgId).get(GROUP_KEY_NODE)?.sealed;
  if (present === undefined) return undefined;
  const key = groupKeys.unseal(nodeName(sgId, GROUP_KEY_NODE), present);
  const sealed = groupKeys.seal(formerName(sgId, epoch), key);
  key.fill(0);
  tx.kept.putKeyAside(sgId, epoch, sealed);
  return sealed;
}

/** The Group Key of an epoch that is over, while messages of it are kept; the caller erases it. */
export function formerKey(
  { inventory, groupKeys }: Pick<EnablerContext, 'inventory' | 'groupKeys'>,
  sgId: SgId,
  epoch: number,
): Uint8Array | undefined {
  const sealed = inventory.reads.kept.formerKey(sgId, epoch);
  return sealed && groupKeys.unseal(formerName(sgId, epoch), sealed);
}

/** Associated data: a key of one epoch does not open as that of another. */
function formerName(sgId: SgId, epoch: number): Uint8Array {
  return enc(fromHex(sgId), GROUP_KEY_NODE, BigInt(epoch));
}
