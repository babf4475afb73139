import type { Uplink, UplinkEvents } from '@cpns/agent';
import type { Clock, EntityId } from '@cpns/shared';
import { FAIR_WEATHER, type SeededChoices, type Weather } from '@cpns/shared/testing';

/** A device that hears nothing from the broker for so long takes the connection for lost. */
const SILENCE_NOTICED_MS = 10_000;

/** What becomes of a payload on its way: nothing special, or in words. */
export type Fate = 'lost' | 'twice' | 'late';

/** Told of each payload: its way, and what becomes of it. */
export type Carrying = (from: string, to: string, octets: Uint8Array, fates: readonly Fate[]) => void;

/** An uplink on which payloads are lost, come twice, late and out of order, and which can fall silent. */
export class WeatheredUplink implements Uplink {
  weather: Weather = FAIR_WEATHER;
  readonly #inner: Uplink;
  readonly #id: EntityId;
  readonly #clock: Clock;
  readonly #choices: SeededChoices;
  readonly #carrying: Carrying;
  #events: UplinkEvents | undefined;
  #silent = false;
  #connection = 0;
  #gaveUp = false;
  #cancelNotice = () => {};
  #lastDueMs = { up: 0, down: 0 };

  constructor(inner: Uplink, id: EntityId, clock: Clock, choices: SeededChoices, carrying: Carrying) {
    this.#inner = inner;
    this.#id = id;
    this.#clock = clock;
    this.#choices = choices;
    this.#carrying = carrying;
  }

  start(events: UplinkEvents): void {
    this.#events = events;
    this.#gaveUp = this.#silent;
    if (!this.#silent) this.#connect(events);
  }

  #connect(events: UplinkEvents): void {
    const connection = ++this.#connection;
    const isCurrent = () => connection === this.#connection && this.#events === events;
    this.#inner.start({
      connected: () => isCurrent() && events.connected(),
      disconnected: (reason) => isCurrent() && events.disconnected(reason),
      message: (payload) => this.#carry('down', payload, () => isCurrent() && events.message(payload)),
    });
  }

  async publish(payload: Uint8Array): Promise<void> {
    const connection = this.#connection;
    const copy = payload.slice();
    this.#carry('up', copy, () => connection === this.#connection && void this.#inner.publish(copy));
  }

  probe(signal: AbortSignal): ReturnType<Uplink['probe']> {
    if (!this.#silent) return this.#inner.probe(signal);
    return Promise.resolve({ reachable: false, atMonotonicMs: this.#clock.monotonicMs() });
  }

  async stop(): Promise<void> {
    this.#events = undefined;
    this.#cancelNotice();
    await this.#inner.stop();
  }

  /** The cable is out: neither side hears the other or is told. */
  silence(): void {
    if (this.#silent) return;
    this.#silent = true;
    this.#cancelNotice = this.#clock.after(SILENCE_NOTICED_MS, () => {
      // A device that has ended notices nothing; the connection is that of its next run.
      if (this.#events === undefined) return;
      this.#connection++;
      this.#gaveUp = true;
      void this.#inner.stop();
      this.#events.disconnected('the server does not answer');
    });
  }

  mend(): void {
    if (!this.#silent) return;
    this.#silent = false;
    this.#cancelNotice();
    if (this.#gaveUp && this.#events !== undefined) this.#connect(this.#events);
    this.#gaveUp = false;
  }

  /** The connection breaks; both sides notice, and the device connects again. */
  sever(): void {
    const events = this.#events;
    if (events === undefined || this.#silent) return;
    this.#connection++;
    void this.#inner.stop();
    events.disconnected('the connection broke');
    this.#clock.after(1_000, () => {
      if (this.#events === events && !this.#silent) this.#connect(events);
      else if (this.#events === events) this.#gaveUp = true;
    });
  }

  #carry(direction: 'up' | 'down', octets: Uint8Array, arrive: () => void): void {
    const { loss, duplication, reordering, reorderMs, delayMs, jitterMs } = this.weather;
    const fates: Fate[] = [];
    const lost = this.#silent || this.#choices.chance(loss);
    if (lost) fates.push('lost');
    const copies = lost ? 0 : this.#choices.chance(duplication) ? 2 : 1;
    if (copies === 2) fates.push('twice');
    for (let copy = 0; copy < copies; copy++) {
      const nowMs = this.#clock.monotonicMs();
      let dueMs = nowMs + delayMs + (jitterMs > 0 ? this.#choices.fraction() * jitterMs : 0);
      if (this.#choices.chance(reordering)) {
        dueMs += reorderMs;
        fates.push('late');
      } else this.#lastDueMs[direction] = dueMs = Math.max(dueMs, this.#lastDueMs[direction]);
      this.#clock.after(dueMs - nowMs, () => this.#silent || arrive());
    }
    const [from, to] = direction === 'up' ? [this.#id, 'server'] : ['server', this.#id];
    this.#carrying(from as string, to as string, octets, fates);
  }
}
