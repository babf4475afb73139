import { type Clock, describeError, type Logger } from '@cpns/shared';
import { bytes, entityIdField, field, fromOctets, type Infer, list, struct, toOctets, uint } from '@cpns/shared/messages';
import type { MessageMark } from '@cpns/shared/security';
import type { Changes, DeviceState } from './device-state.js';

/** What was seen of senders is stored this often ... (security 1.8) */
const SAVE_EVERY_MS = 1_000;
/** ... or after so many messages. */
const SAVE_EVERY_MESSAGES = 256;

const markRecord = struct({
  epoch: field(1, uint()),
  idSender: field(2, entityIdField),
  salt: field(3, bytes(8)),
  seq: field(4, uint()),
});
/** A value of the store holds so many: a network of a thousand senders needs a few. */
const MARKS_PER_RECORD = 500;
const marksRecord = struct({ marks: field(1, list(markRecord, MARKS_PER_RECORD)) });

/** Messages under shared keys, as far as they are remembered here. */
interface Marked {
  readonly unsaved: number;
  marks(): MessageMark[];
}

export interface ReplayMarksOptions<Id extends string> {
  readonly state: DeviceState;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Where the marks of one network or group stand in the store, with a slash at the end. */
  prefix(id: Id): string;
  /** The messages of what is kept still; undefined: nothing is to be stored of it. */
  messages(id: Id): Marked | undefined;
}

/** What was seen of every sender, across restarts (security 1.8, replay): stored every second or 256 messages. */
export class ReplayMarks<Id extends string> {
  readonly #options: ReplayMarksOptions<Id>;
  readonly #saving = new Map<Id, () => void>();

  constructor(options: ReplayMarksOptions<Id>) {
    this.#options = options;
  }

  read(id: Id): MessageMark[] {
    const { state, prefix } = this.#options;
    return state.keys(prefix(id)).flatMap((key) => {
      const octets = state.raw(key);
      return octets === undefined ? [] : fromOctets(marksRecord, octets, key).marks.map(readMark);
    });
  }

  /** A message was accepted. */
  saveSoon(id: Id): void {
    if ((this.#options.messages(id)?.unsaved ?? 0) >= SAVE_EVERY_MESSAGES) return void this.#save(id);
    if (this.#saving.has(id)) return;
    this.#saving.set(
      id,
      this.#options.clock.after(SAVE_EVERY_MS, () => void this.#save(id)),
    );
  }

  /** Stores what was not yet stored. */
  async stop(): Promise<void> {
    await Promise.all([...this.#saving.keys()].map((id) => this.#save(id)));
  }

  async #save(id: Id): Promise<void> {
    this.#saving.get(id)?.();
    this.#saving.delete(id);
    const { state, logger, prefix, messages } = this.#options;
    const seen = messages(id)?.marks().map(writeMark);
    if (seen === undefined) return;
    const changes: Changes = new Map(state.keys(prefix(id)).map((key) => [key, undefined]));
    for (let at = 0; at < seen.length; at += MARKS_PER_RECORD) {
      const part = { marks: seen.slice(at, at + MARKS_PER_RECORD) };
      changes.set(`${prefix(id)}${at / MARKS_PER_RECORD}`, toOctets(marksRecord, part));
    }
    await state
      .commit(changes)
      .catch((error) => logger.warn('the replay marks could not be stored', { of: id, why: describeError(error) }));
  }
}

function readMark({ epoch, idSender, salt, seq }: Infer<typeof markRecord>): MessageMark {
  return { epoch: BigInt(epoch), idSender, salt, highest: BigInt(seq) };
}

function writeMark({ epoch, idSender, salt, highest }: MessageMark): Infer<typeof markRecord> {
  return { epoch: Number(epoch), idSender, salt, seq: Number(highest) };
}
