import { REPLAY_WINDOW } from '@cpns/shared/security';
import type { InventoryContext } from './context.js';

/** Sending processes of one session that are told apart; a device that restarts more often makes a new session. */
const MAX_INSTANCES = 16;

/** Place of one SK record; `sid` and `inst` have 8 octets (security 1.6b). */
export interface RecordPlace {
  readonly sid: Uint8Array;
  readonly inst: Uint8Array;
  readonly seq: bigint;
}

/**
 * Which SK records took effect, in the transaction of the effect: per (sid, inst) the highest number and a window below it. Session keys
 * are process memory, and so is this.
 */
export interface Records {
  /** False: that record was here before, is older than the window, or the session has had too many instances. Drop it silently. */
  admit(place: RecordPlace): boolean;
  /** The session is gone: forget its records. */
  forget(sid: Uint8Array): void;
}

/** Windows in a temporary table: they roll back with their transaction and never reach the disk. */
export class SqliteRecords implements Records {
  readonly #context: InventoryContext;

  constructor(context: InventoryContext) {
    this.#context = context;
    context.sqlite.script(
      `CREATE TEMP TABLE record_windows (sid BLOB, inst BLOB, highest INTEGER, seen BLOB, PRIMARY KEY (sid, inst)) STRICT, WITHOUT ROWID`,
    );
  }

  admit({ sid, inst, seq }: RecordPlace): boolean {
    const { sqlite } = this.#context;
    const number = Number(seq);
    if (!Number.isSafeInteger(number) || number < 0) return false;
    const row = sqlite.get<{ highest: number; seen: Uint8Array }>(
      'SELECT highest, seen FROM record_windows WHERE sid = ? AND inst = ?',
      sid,
      inst,
    );
    if (row === undefined) {
      const { count } = sqlite.get<{ count: number }>('SELECT count(*) AS count FROM record_windows WHERE sid = ?', sid) ?? { count: 0 };
      if (count >= MAX_INSTANCES) return false;
    }
    const highest = row?.highest ?? -1;
    const seen = row?.seen ?? new Uint8Array(REPLAY_WINDOW / 8);
    if (number <= highest && (number <= highest - REPLAY_WINDOW || isMarked(seen, number))) return false;
    if (number - highest >= REPLAY_WINDOW) seen.fill(0);
    else for (let passed = highest + 1; passed < number; passed++) unmark(seen, passed);
    mark(seen, number);
    sqlite.run(
      'INSERT INTO record_windows VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET highest = excluded.highest, seen = excluded.seen',
      sid,
      inst,
      Math.max(highest, number),
      seen,
    );
    return true;
  }

  forget(sid: Uint8Array): void {
    this.#context.sqlite.run('DELETE FROM record_windows WHERE sid = ?', sid);
  }
}

function slot(number: number): { readonly octet: number; readonly bit: number } {
  const at = number % REPLAY_WINDOW;
  return { octet: at >> 3, bit: 1 << (at & 7) };
}

function isMarked(seen: Uint8Array, number: number): boolean {
  const { octet, bit } = slot(number);
  return ((seen[octet] as number) & bit) !== 0;
}

function mark(seen: Uint8Array, number: number): void {
  const { octet, bit } = slot(number);
  seen[octet] = (seen[octet] as number) | bit;
}

function unmark(seen: Uint8Array, number: number): void {
  const { octet, bit } = slot(number);
  seen[octet] = (seen[octet] as number) & ~bit;
}
