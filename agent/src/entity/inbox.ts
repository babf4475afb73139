import { type ApplicationData, applicationData, fromOctets, toOctets } from '@cpns/shared/messages';
import { toHex } from '@cpns/shared/security';
import type { Changes, DeviceState } from './device-state.js';

/** The last messages that are kept: a duplicate of one of them is known as such. */
const KEPT_MESSAGES = 1_000;
const KEPT_OCTETS = 16 * 1024 * 1024;

/** Application data that arrived: stored before it is answered, shown once however often it comes (protocol 0.23). */
export class Inbox {
  readonly #state: DeviceState;
  readonly #kept: { readonly id: string; readonly key: string; readonly octets: number }[] = [];
  readonly #ids = new Set<string>();
  #octets = 0;
  #nextKey = 0;

  constructor(state: DeviceState) {
    this.#state = state;
    for (const key of state.keys('inbox/')) {
      const octets = state.raw(key);
      if (octets === undefined) continue;
      const message = fromOctets(applicationData, octets, key);
      this.#remember(`${message.from}/${toHex(message.id)}`, key, octets.length);
      this.#nextKey = Number(key.slice('inbox/'.length)) + 1;
    }
  }

  /** Durable when the promise resolves. False: it was there already. @throws CpnsError State/DiskFull */
  async store(message: ApplicationData): Promise<boolean> {
    const id = `${message.from}/${toHex(message.id)}`;
    if (this.#ids.has(id)) return false;
    const octets = toOctets(applicationData, message);
    const key = `inbox/${String(this.#nextKey++).padStart(12, '0')}`;
    const changes: Changes = new Map([[key, octets]]);
    this.#remember(id, key, octets.length);
    while (this.#kept.length > KEPT_MESSAGES || this.#octets > KEPT_OCTETS) {
      const oldest = this.#kept.shift();
      if (oldest === undefined) break;
      this.#ids.delete(oldest.id);
      this.#octets -= oldest.octets;
      changes.set(oldest.key, undefined);
    }
    try {
      await this.#state.commit(changes);
    } catch (error) {
      this.#ids.delete(id);
      throw error;
    }
    return true;
  }

  #remember(id: string, key: string, octets: number): void {
    this.#ids.add(id);
    this.#kept.push({ id, key, octets });
    this.#octets += octets;
  }
}
