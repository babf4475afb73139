import type { EntityId } from '@cpns/shared';

/** What makes a request the same request (protocol 0.3). */
export interface RequestKey {
  /** Authenticated sender. */
  readonly sender: EntityId;
  /** PNE that a PN GW acts for, or empty. */
  readonly actedFor: EntityId | '';
  /** 16 octets. */
  readonly transaction: Uint8Array;
}

/** An answer as it is kept: the envelope, or, when it holds key material, the envelope sealed under the master key. */
export interface StoredAnswer {
  readonly octets: Uint8Array;
  readonly sealed: boolean;
}

/** `altered`: that transaction id stands for other octets; answer BadMessage. */
export type Seen =
  | { readonly kind: 'new' }
  | { readonly kind: 'repeated'; readonly answer: StoredAnswer | undefined }
  | { readonly kind: 'altered' };

export interface NewRequest {
  readonly key: RequestKey;
  /** SHA-256 of the envelope. */
  readonly digest: Uint8Array;
  /** Undefined: the answer follows by {@link Inbox.answer}, or there is none. */
  readonly answer?: StoredAnswer | undefined;
  /** Every rand_PNE in the request; each serves one transaction only. */
  readonly randPnes?: readonly Uint8Array[];
}

export interface InboxReads {
  look(key: RequestKey, digest: Uint8Array): Seen;
  /** True: this rand_PNE came under another transaction; answer Duplicate for that PNE. */
  randSeen(randPne: Uint8Array, key: RequestKey): boolean;
}

/** Requests of the last 24 h of running time with their answers. */
export interface Inbox extends InboxReads {
  /**
   * Files a request; a rand_PNE seen under another transaction fails the whole of it.
   * @throws CpnsError State/RequestKnown when the key is there, State/RandSeen (status Duplicate)
   */
  file(request: NewRequest): void;
  /** Files the answer to a filed request. */
  answer(key: RequestKey, answer: StoredAnswer): void;
  /** Forgets a request, so that its repetition is worked on again. Its rand_PNEs stay spent. */
  forget(key: RequestKey): void;
}
