import { type Clock, type CryptoProvider, describeError, type EntityId, type Entropy, type Logger, type PnId } from '@cpns/shared';
import { bytes, entityIdField, field, fromOctets, list, struct, toOctets, uint } from '@cpns/shared/messages';
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
const marksRecord = struct({ marks: field(1, list(markRecord, 4_096)) });

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

  stop(): void {
    for (const cancel of this.#saving.values()) cancel();
    for (const messages of this.#byPn.values()) messages.erase();
    this.#byPn.clear();
  }

  #marks(pnId: PnId): MessageMark[] {
    const octets = this.#options.state.raw(`replay/${pnId}/marks`);
    if (octets === undefined) return [];
    return fromOctets(marksRecord, octets, 'marks').marks.map((mark) => ({
      epoch: BigInt(mark.epoch),
      idSender: mark.idSender,
      salt: mark.salt,
      highest: BigInt(mark.seq),
    }));
  }

  #saveSoon(pnId: PnId, messages: PnMessages): void {
    if (messages.unsaved >= SAVE_EVERY_MESSAGES) return this.#save(pnId, messages);
    if (this.#saving.has(pnId)) return;
    this.#saving.set(
      pnId,
      this.#options.clock.after(SAVE_EVERY_MS, () => this.#save(pnId, messages)),
    );
  }

  #save(pnId: PnId, messages: PnMessages): void {
    this.#saving.get(pnId)?.();
    this.#saving.delete(pnId);
    const { state, logger } = this.#options;
    if (state.pn(pnId) === undefined) return;
    const marks = messages
      .marks()
      .map(({ epoch, idSender, salt, highest }) => ({ epoch: Number(epoch), idSender, salt, seq: Number(highest) }));
    const changes: Changes = new Map([[`replay/${pnId}/marks`, toOctets(marksRecord, { marks })]]);
    state.commit(changes).catch((error) => logger.warn('the replay marks could not be stored', { pn: pnId, why: describeError(error) }));
  }
}
