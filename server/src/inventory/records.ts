import { ReplayWindow, toHex } from '@cpns/shared/security';
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

/** Windows in the memory of one process, which roll back with their transaction. */
export class RamRecords implements Records {
  readonly #context: Pick<InventoryContext, 'onRollback'>;
  /** By sid, then by inst. A window in here is replaced, never changed, so that the one before can be put back. */
  readonly #sessions = new Map<string, Map<string, ReplayWindow>>();

  constructor(context: Pick<InventoryContext, 'onRollback'>) {
    this.#context = context;
  }

  admit({ sid, inst, seq }: RecordPlace): boolean {
    if (seq < 0n || seq > BigInt(Number.MAX_SAFE_INTEGER)) return false;
    const [session, instance] = [toHex(sid), toHex(inst)];
    const windows = this.#sessions.get(session) ?? new Map<string, ReplayWindow>();
    const before = windows.get(instance);
    if (before === undefined && windows.size >= MAX_INSTANCES) return false;
    const window = before?.copy() ?? new ReplayWindow();
    if (!window.accept(seq)) return false;
    this.#context.onRollback(() => {
      if (before !== undefined) windows.set(instance, before);
      else windows.delete(instance);
      if (windows.size === 0) this.#sessions.delete(session);
    });
    this.#sessions.set(session, windows.set(instance, window));
    return true;
  }

  forget(sid: Uint8Array): void {
    const session = toHex(sid);
    const windows = this.#sessions.get(session);
    if (windows === undefined) return;
    this.#context.onRollback(() => void this.#sessions.set(session, windows));
    this.#sessions.delete(session);
  }
}
