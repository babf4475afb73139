import { CpnsError, type EntityId } from '@cpns/shared';
import { Status } from '@cpns/shared/messages';
import type { InventoryContext } from './context.js';
import { isDuplicate } from './sqlite-errors.js';
import type { InboxRow } from './tables.js';

/** What makes a request the same request (protocol 0.3). */
export interface RequestKey {
  /** Authenticated sender. */
  readonly sender: EntityId;
  /** PNE that a PN GW acts for, or empty. */
  readonly actedFor: EntityId | '';
  /** 16 octets. */
  readonly transaction: Uint8Array;
}

/** `altered`: that transaction id stands for other octets; answer BadMessage. */
export type Seen = { readonly kind: 'new' } | { readonly kind: 'repeated'; readonly answer: Uint8Array } | { readonly kind: 'altered' };

export interface NewRequest {
  readonly key: RequestKey;
  /** SHA-256 of the envelope. */
  readonly digest: Uint8Array;
  /** The envelope of the answer. No answer that is kept holds a key: what is secret in it is sealed for its receiver. */
  readonly answer: Uint8Array;
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
}

/** Rows that one call of {@link SqliteInbox.dropExpired} looks at. */
const EXPIRE_AT_ONCE = 2_000;

/** Inbox in SQLite. Row ids rise with time, so that ageing needs no index. */
export class SqliteInbox implements Inbox {
  readonly #context: InventoryContext;

  constructor(context: InventoryContext) {
    this.#context = context;
  }

  look(key: RequestKey, digest: Uint8Array): Seen {
    const row = this.#context.sqlite.get<Pick<InboxRow, 'digest' | 'answer'>>(
      'SELECT digest, answer FROM inbox WHERE sender = ? AND acted_for = ? AND txn = ?',
      key.sender,
      key.actedFor,
      key.transaction,
    );
    if (row === undefined) return { kind: 'new' };
    if (!sameOctets(row.digest, digest)) return { kind: 'altered' };
    return { kind: 'repeated', answer: row.answer };
  }

  randSeen(randPne: Uint8Array, key: RequestKey): boolean {
    const row = this.#context.sqlite.get<Pick<InboxRow, 'sender' | 'acted_for' | 'txn'>>(
      'SELECT sender, acted_for, txn FROM inbox_rands WHERE rand_pne = ?',
      randPne,
    );
    if (row === undefined) return false;
    return row.sender !== key.sender || row.acted_for !== key.actedFor || !sameOctets(row.txn, key.transaction);
  }

  file({ key, digest, answer, randPnes = [] }: NewRequest): void {
    const { sqlite, running } = this.#context;
    const filed = running.nowMs();
    try {
      sqlite.run(
        'INSERT INTO inbox (sender, acted_for, txn, digest, answer, filed_running) VALUES (?, ?, ?, ?, ?, ?)',
        key.sender,
        key.actedFor,
        key.transaction,
        digest,
        answer,
        filed,
      );
    } catch (error) {
      if (!isDuplicate(error)) throw error;
      throw new CpnsError('State', 'RequestKnown', 'That request is known already.', { status: Status.Duplicate, cause: error });
    }
    for (const randPne of randPnes) {
      const { changes } = sqlite.run(
        'INSERT INTO inbox_rands (rand_pne, sender, acted_for, txn, filed_running) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
        randPne,
        key.sender,
        key.actedFor,
        key.transaction,
        filed,
      );
      if (changes === 0 && this.randSeen(randPne, key)) {
        throw new CpnsError('State', 'RandSeen', 'That rand_PNE was used before in another request.', { status: Status.Duplicate });
      }
    }
  }

  /** Drops what is older than answersKeptMs, some rows at a time. True: there may be more. */
  dropExpired(): boolean {
    const { sqlite, running, limits } = this.#context;
    const before = running.nowMs() - limits.answersKeptMs;
    let more = false;
    for (const table of ['inbox', 'inbox_rands']) {
      const oldest = `SELECT id, filed_running FROM ${table} ORDER BY id LIMIT ${EXPIRE_AT_ONCE}`;
      const { changes } = sqlite.run(`DELETE FROM ${table} WHERE id IN (SELECT id FROM (${oldest}) WHERE filed_running <= ?)`, before);
      more ||= changes === EXPIRE_AT_ONCE;
    }
    return more;
  }
}

function sameOctets(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((octet, i) => octet === b[i]);
}
