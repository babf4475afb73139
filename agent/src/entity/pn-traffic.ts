import type { Clock, CryptoProvider, EntityId, Entropy, Logger, PnId } from '@cpns/shared';
import { type OpenedMessage, PnKey, PnMessages } from '@cpns/shared/security';
import { type DeviceState, pnIdText } from './device-state.js';
import { ReplayMarks } from './replay-marks.js';

/** What messages under shared keys are sealed and opened with. */
export interface TrafficOptions {
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
  readonly #options: TrafficOptions;
  readonly #byPn = new Map<PnId, PnMessages>();
  readonly #marks: ReplayMarks<PnId>;

  constructor(options: TrafficOptions) {
    const { state } = options;
    this.#options = options;
    this.#marks = new ReplayMarks({
      ...options,
      prefix: (pnId) => `replay/${pnId}/`,
      messages: (pnId) => (state.pn(pnId) === undefined ? undefined : this.#byPn.get(pnId)),
    });
    for (const record of state.pns()) this.keyChanged(pnIdText(record.pnId), 0);
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
      const marks = this.#marks.read(pnId);
      this.#byPn.set(pnId, new PnMessages(record.pnId, { provider, entropy, self, bootCounter, current, marks }));
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

  /** `from`: whose message it is said to be. @throws CpnsError Auth, State/NewerEpoch, Codec */
  open(pnId: PnId, message: Uint8Array, from: EntityId): OpenedMessage | undefined {
    const opened = this.#byPn.get(pnId)?.open(message, this.#options.clock.monotonicMs(), from);
    if (opened !== undefined) this.#marks.saveSoon(pnId);
    return opened;
  }

  /** Stores what was seen of senders and was not yet stored, and erases all keys. */
  async stop(): Promise<void> {
    await this.#marks.stop();
    for (const messages of this.#byPn.values()) messages.erase();
    this.#byPn.clear();
  }
}
