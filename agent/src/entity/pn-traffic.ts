import { type Clock, type CryptoProvider, describeError, type EntityId, type Entropy, type Logger, type PnId } from '@cpns/shared';
import { bytes, entityIdField, field, fromOctets, type Infer, list, struct, toOctets, uint } from '@cpns/shared/messages';
import { type MessageMark, type OpenedMessage, PnKey, PnMessages } from '@cpns/shared/security';
import { type Changes, type DeviceState, pnIdText } from './device-state.js';

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
/** A value of the store holds so many: a PN of a thousand senders needs a few. */
const MARKS_PER_RECORD = 500;
const marksRecord = struct({ marks: field(1, list(markRecord, MARKS_PER_RECORD)) });

export interface PnTrafficOptions {
  readonly self: EntityId;
  readonly state: DeviceState;
  readonly provider: CryptoProvider;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly logger: Logger;
  /** From {@link DeviceState.nextBootCounter}, drawn at this start. */
  readonly bootCounter: number;
}

/** Messages under the PN keys of this device: seals, opens, and remembers across restarts what was seen. */
export class PnTraffic {
  readonly #options: PnTrafficOptions;
  readonly #byPn = new Map<PnId, PnMessages>();
  readonly #saving = new Map<PnId, () => void>();

  constructor(options: PnTrafficOptions) {
    this.#options = options;
    for (const record of options.state.pns()) this.keyChanged(pnIdText(record.pnId), 0);
  }

  /**
   * The PN key in the durable state is another one now (or the first, or gone). The one before is received for `graceMs` more, and
   * sent with until {@link switchNow}, for `switchAfterMs` at most.
   */
  keyChanged(pnId: PnId, graceMs: number, switchAfterMs = 0): void {
    const { state, clock, provider, entropy, self, bootCounter } = this.#options;
    const record = state.pn(pnId);
    const known = this.#byPn.get(pnId);
    if (record?.pnKey === undefined) {
      known?.erase();
      this.#byPn.delete(pnId);
      return;
    }
    const epoch = BigInt(record.pnKeyEpoch);
    if (known === undefined) {
      const current = { epoch, key: new PnKey(`PN key ${pnId}`, record.pnKey) };
      this.#byPn.set(pnId, new PnMessages(record.pnId, { provider, entropy, self, bootCounter, current, marks: this.#marks(pnId) }));
    } else if (known.epoch === undefined || known.epoch < epoch) {
      known.install({ epoch, key: new PnKey(`PN key ${pnId}`, record.pnKey), graceMs, switchAfterMs }, clock.monotonicMs());
    }
  }

  /** Everybody has the key: it is sent with from now on. */
  switchNow(pnId: PnId): void {
    this.#byPn.get(pnId)?.switchNow();
  }

  /** Undefined: there is no PN key yet. */
  seal(pnId: PnId, content: Uint8Array): Uint8Array | undefined {
    return this.#byPn.get(pnId)?.seal(content, this.#options.clock.monotonicMs());
  }

  /** @throws CpnsError Auth, State/NewerEpoch, Codec */
  open(pnId: PnId, message: Uint8Array): OpenedMessage | undefined {
    const messages = this.#byPn.get(pnId);
    const opened = messages?.open(message, this.#options.clock.monotonicMs());
    if (messages !== undefined && opened !== undefined) this.#saveSoon(pnId, messages);
    return opened;
  }

  /** Stores what was seen of senders and was not yet stored, and erases all keys. */
  async stop(): Promise<void> {
    await Promise.all([...this.#saving.keys()].map((pnId) => this.#save(pnId)));
    for (const messages of this.#byPn.values()) messages.erase();
    this.#byPn.clear();
  }

  #marks(pnId: PnId): MessageMark[] {
    const { state } = this.#options;
    return state.keys(`replay/${pnId}/`).flatMap((key) => {
      const octets = state.raw(key);
      return octets === undefined ? [] : fromOctets(marksRecord, octets, key).marks.map(readMark);
    });
  }

  #saveSoon(pnId: PnId, messages: PnMessages): void {
    if (messages.unsaved >= SAVE_EVERY_MESSAGES) return void this.#save(pnId);
    if (this.#saving.has(pnId)) return;
    this.#saving.set(
      pnId,
      this.#options.clock.after(SAVE_EVERY_MS, () => void this.#save(pnId)),
    );
  }

  async #save(pnId: PnId): Promise<void> {
    this.#saving.get(pnId)?.();
    this.#saving.delete(pnId);
    const { state, logger } = this.#options;
    const messages = this.#byPn.get(pnId);
    if (messages === undefined || state.pn(pnId) === undefined) return;
    const marks = messages.marks().map(writeMark);
    const changes: Changes = new Map(state.keys(`replay/${pnId}/`).map((key) => [key, undefined]));
    for (let at = 0; at < marks.length; at += MARKS_PER_RECORD) {
      const part = { marks: marks.slice(at, at + MARKS_PER_RECORD) };
      changes.set(`replay/${pnId}/${at / MARKS_PER_RECORD}`, toOctets(marksRecord, part));
    }
    await state
      .commit(changes)
      .catch((error) => logger.warn('the replay marks could not be stored', { pn: pnId, why: describeError(error) }));
  }
}

function readMark({ epoch, idSender, salt, seq }: Infer<typeof markRecord>): MessageMark {
  return { epoch: BigInt(epoch), idSender, salt, highest: BigInt(seq) };
}

function writeMark({ epoch, idSender, salt, highest }: MessageMark): Infer<typeof markRecord> {
  return { epoch: Number(epoch), idSender, salt, seq: Number(highest) };
}
