import { Serial } from '@cpns/shared';
import { type ApplicationData, applicationData, fromOctets, toOctets } from '@cpns/shared/messages';
import { toHex } from '@cpns/shared/security';
import type { Changes, DeviceState } from './device-state.js';

/** The last messages that are kept: a duplicate of one of them is known as such. */
const KEPT_MESSAGES = 1_000;
const KEPT_OCTETS = 16 * 1024 * 1024;

interface Kept {
  readonly id: string;
  readonly key: string;
  readonly octets: number;
}

/** Application data that arrived: stored before it is answered, shown once however often it comes (protocol 0.23). */
export class Inbox {
  readonly #state: DeviceState;
  readonly #turns = new Serial<'inbox'>();
  /** Oldest first. */
  #kept: Kept[] = [];
  readonly #ids = new Set<string>();
  #octets = 0;
  #nextKey = 0;

  constructor(state: DeviceState) {
    this.#state = state;
    for (const key of state.keys('inbox/')) {
      const octets = state.raw(key);
      if (octets === undefined) continue;
      this.#remember({ id: idOf(fromOctets(applicationData, octets, key)), key, octets: octets.length });
      this.#nextKey = Number(key.slice('inbox/'.length)) + 1;
    }
  }

  /** Durable when the promise resolves. False: it was there already. @throws CpnsError State/DiskFull: nothing of it was kept */
  store(message: ApplicationData): Promise<boolean> {
    // One after the other: a duplicate must not be answered while the first one is still on its way to the disk.
    return this.#turns.run('inbox', async () => {
      const id = idOf(message);
      if (this.#ids.has(id)) return false;
      const octets = toOctets(applicationData, message);
      const fresh: Kept = { id, key: `inbox/${String(this.#nextKey++).padStart(12, '0')}`, octets: octets.length };
      const gone = this.#outlived(fresh);
      const changes: Changes = new Map([[fresh.key, octets]]);
      for (const { key } of gone) changes.set(key, undefined);
      await this.#state.commit(changes);
      for (const old of gone) this.#forget(old);
      this.#kept = this.#kept.slice(gone.length);
      this.#remember(fresh);
      return true;
    });
  }

  /** The oldest ones that have to make room for `fresh`. */
  #outlived(fresh: Kept): Kept[] {
    let messages = this.#kept.length + 1;
    let octets = this.#octets + fresh.octets;
    const gone: Kept[] = [];
    for (const old of this.#kept) {
      if (messages <= KEPT_MESSAGES && octets <= KEPT_OCTETS) break;
      gone.push(old);
      messages--;
      octets -= old.octets;
    }
    return gone;
  }

  #remember(entry: Kept): void {
    this.#ids.add(entry.id);
    this.#kept.push(entry);
    this.#octets += entry.octets;
  }

  #forget(entry: Kept): void {
    this.#ids.delete(entry.id);
    this.#octets -= entry.octets;
  }
}

/** Ids are chosen by their senders. */
function idOf({ from, id }: ApplicationData): string {
  return `${from}/${toHex(id)}`;
}
