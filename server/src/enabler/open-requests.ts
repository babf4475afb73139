import type { EntityId } from '@cpns/shared';
import { toHex } from '@cpns/shared/security';
import type { RequestKey } from '../inventory/inbox.js';

/** Refusals that are remembered, of all devices together. */
const KEPT_REFUSALS = 4_096;

/** What is known of a request beside the inbox. */
export type Known =
  | { readonly kind: 'new' }
  /** Being worked on: answer Pending. */
  | { readonly kind: 'open' }
  /** That transaction id stands for other octets: answer BadMessage. */
  | { readonly kind: 'altered' }
  /** Refused before; the same answer again. */
  | { readonly kind: 'refused'; readonly answer: Uint8Array };

interface Entry {
  readonly digest: Uint8Array;
  readonly answer: Uint8Array | undefined;
}

/** Requests under way, and those that were refused for good: a refusal changes nothing, so it is not worth a commit. */
export class OpenRequests {
  readonly #open = new Map<string, Entry>();
  readonly #perEntity = new Map<EntityId, number>();
  readonly #refused = new Map<string, Entry>();

  get count(): number {
    return this.#open.size;
  }

  look(key: RequestKey, digest: Uint8Array): Known {
    const name = nameOf(key);
    const entry = this.#open.get(name) ?? this.#refused.get(name);
    if (entry === undefined) return { kind: 'new' };
    if (toHex(entry.digest) !== toHex(digest)) return { kind: 'altered' };
    return entry.answer === undefined ? { kind: 'open' } : { kind: 'refused', answer: entry.answer };
  }

  of(entityId: EntityId): number {
    return this.#perEntity.get(entityId) ?? 0;
  }

  begin(key: RequestKey, digest: Uint8Array): void {
    this.#open.set(nameOf(key), { digest, answer: undefined });
    this.#perEntity.set(key.sender, this.of(key.sender) + 1);
  }

  end(key: RequestKey): void {
    if (!this.#open.delete(nameOf(key))) return;
    const left = this.of(key.sender) - 1;
    if (left > 0) this.#perEntity.set(key.sender, left);
    else this.#perEntity.delete(key.sender);
  }

  /** Remembers the refusal of a request. */
  refuse(key: RequestKey, digest: Uint8Array, answer: Uint8Array): void {
    this.#refused.set(nameOf(key), { digest, answer });
    for (const oldest of this.#refused.keys()) {
      if (this.#refused.size <= KEPT_REFUSALS) break;
      this.#refused.delete(oldest);
    }
  }
}

function nameOf({ sender, actedFor, transaction }: RequestKey): string {
  return `${sender} ${actedFor} ${toHex(transaction)}`;
}
