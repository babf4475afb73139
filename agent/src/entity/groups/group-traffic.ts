import { CpnsError, type EntityId, type SgId } from '@cpns/shared';
import { type GroupKey, GroupMessages, type OpenedMessage } from '@cpns/shared/security';
import { sgIdOctets } from '../device-state.js';
import type { TrafficOptions } from '../pn-traffic.js';
import { ReplayMarks } from '../replay-marks.js';

/** Messages under the Group Keys of this device: seals, opens, and remembers across restarts what was seen. */
export class GroupTraffic {
  readonly #options: TrafficOptions;
  readonly #byGroup = new Map<SgId, GroupMessages>();
  readonly #marks: ReplayMarks<SgId>;

  constructor(options: TrafficOptions) {
    this.#options = options;
    this.#marks = new ReplayMarks({
      ...options,
      prefix: (sgId) => `sg-replay/${sgId}/`,
      messages: (sgId) => this.#byGroup.get(sgId),
    });
  }

  /** A Group Key that is durable: from the store, or a newer one than before. It is taken over. */
  install(sgId: SgId, epoch: bigint, key: GroupKey, graceMs: number, switchAfterMs: number): void {
    const { clock, provider, entropy, self, bootCounter } = this.#options;
    const known = this.#byGroup.get(sgId);
    if (known === undefined) {
      const current = { epoch, key };
      const marks = this.#marks.read(sgId);
      this.#byGroup.set(sgId, new GroupMessages(sgIdOctets(sgId), { provider, entropy, self, bootCounter, current, marks }));
    } else {
      known.install({ epoch, key, graceMs, switchAfterMs }, clock.monotonicMs());
    }
  }

  forget(sgId: SgId): void {
    this.#byGroup.get(sgId)?.erase();
    this.#byGroup.delete(sgId);
  }

  has(sgId: SgId): boolean {
    return this.#byGroup.has(sgId);
  }

  /** Messages sealed under the newest key of each group, for the server's limit. */
  sent(sgId: SgId): { readonly epoch: bigint; readonly sent: bigint } | undefined {
    const messages = this.#byGroup.get(sgId);
    return messages?.epoch === undefined ? undefined : { epoch: messages.epoch, sent: messages.sent };
  }

  /** Undefined: there is no Group Key yet. */
  seal(sgId: SgId, content: Uint8Array): Uint8Array | undefined {
    return this.#byGroup.get(sgId)?.seal(content, this.#options.clock.monotonicMs());
  }

  /** `from`: whose message it is said to be. @throws CpnsError Auth, State/NewerEpoch, State/NoKey, Codec */
  open(sgId: SgId, message: Uint8Array, from: EntityId): OpenedMessage {
    const messages = this.#byGroup.get(sgId);
    if (messages === undefined) throw new CpnsError('State', 'NoKey', 'There is no Group Key here yet.');
    const opened = messages.open(message, this.#options.clock.monotonicMs(), from);
    this.#marks.saveSoon(sgId);
    return opened;
  }

  /** Stores what was seen of senders and was not yet stored, and erases all keys. */
  async stop(): Promise<void> {
    await this.#marks.stop();
    for (const messages of this.#byGroup.values()) messages.erase();
    this.#byGroup.clear();
  }
}
