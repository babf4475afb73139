import { abortable, type Clock, CpnsError, every, type Link, type LinkHandler, sleep } from '@cpns/shared';
import type { Radio, RadioDesire, RadioEvents } from '../../../src/pan/ble/radio-port.js';

const FRAME_MS = 20;
const CONNECT_MS = 50;
const ADVERTISE_EVERY_MS = 1_000;
const KEPT_UNOPENED = 64;

/** Radios that hear each other: like noble and bleno, each serves one central, and does not advertise while it does. */
export class FakeAir {
  readonly radios = new Map<string, FakeRadio>();
  readonly clock: Clock;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  radio(address: string): FakeRadio {
    const radio = new FakeRadio(this, address);
    this.radios.set(address, radio);
    return radio;
  }
}

export class FakeRadio implements Radio {
  readonly address: string;
  /** Everything that was wanted, the latest last. */
  readonly desires: RadioDesire[] = [];
  /** Links that were reported as proven. */
  readonly trusted: Link[] = [];
  /** Connections that somebody made to this radio to read or to stay. */
  readonly calls = { connect: 0, read: 0 };
  /** Out of range: hears and is heard by nobody. */
  away = false;
  rssi = -50;
  events: RadioEvents | undefined;
  serving: FakeLink | undefined;
  readonly #air: FakeAir;
  readonly #links = new Set<FakeLink>();
  #stopAdvertising = () => {};

  constructor(air: FakeAir, address: string) {
    this.#air = air;
    this.address = address;
  }

  get desire(): RadioDesire | undefined {
    return this.desires.at(-1);
  }

  start(events: RadioEvents): void {
    this.events = events;
    this.#stopAdvertising = every(this.#air.clock, ADVERTISE_EVERY_MS, () => this.#advertise());
  }

  want(desire: RadioDesire): void {
    this.desires.push(desire);
    this.#air.clock.after(0, () => this.#advertise());
  }

  async connect(address: string, signal: AbortSignal): Promise<Link> {
    const there = await this.#reach(address, signal);
    there.calls.connect++;
    const mine = new FakeLink(this.#air.clock, true, address, (link) => this.#over(link));
    const theirs = new FakeLink(this.#air.clock, false, this.address, (link) => there.#over(link));
    FakeLink.join(mine, theirs);
    this.#links.add(mine);
    there.#links.add(theirs);
    there.serving = theirs;
    this.#air.clock.after(FRAME_MS, () => there.events?.accepted(theirs));
    return mine;
  }

  async readEntityId(address: string, signal: AbortSignal): Promise<string> {
    const there = await this.#reach(address, signal);
    there.calls.read++;
    return there.desire?.readableId ?? '';
  }

  proven(link: Link): void {
    this.trusted.push(link);
  }

  async stop(): Promise<void> {
    this.#stopAdvertising();
    for (const link of [...this.#links]) link.close('the radio stops');
    this.events = undefined;
  }

  /** Every link breaks. */
  sever(reason: string): void {
    for (const link of [...this.#links]) link.break(reason);
  }

  async #reach(address: string, signal: AbortSignal): Promise<FakeRadio> {
    await abortable(sleep(this.#air.clock, CONNECT_MS, signal), signal);
    const there = this.#air.radios.get(address);
    if (this.away || !there?.isConnectable) throw new CpnsError('Transport', 'PeerUnreachable', `Nobody answers at ${address}.`);
    return there;
  }

  get isConnectable(): boolean {
    return this.events !== undefined && !this.away && this.desire?.advertisement !== undefined && this.serving === undefined;
  }

  #over(link: FakeLink): void {
    this.#links.delete(link);
    if (this.serving === link) this.serving = undefined;
    this.events?.ended(link);
  }

  #advertise(): void {
    const advertisement = this.desire?.advertisement;
    if (advertisement === undefined || !this.isConnectable) return;
    for (const other of this.#air.radios.values()) {
      if (other === this || other.away || other.desire?.scan !== true) continue;
      other.events?.advertised({ address: this.address, advertisement, rssi: this.rssi });
    }
  }
}

class FakeLink implements Link {
  readonly technology = 'ble';
  readonly initiated: boolean;
  readonly remote: string;
  readonly #clock: Clock;
  readonly #ended: (link: FakeLink) => void;
  readonly #kept: Uint8Array[] = [];
  #peer: FakeLink | undefined;
  #handler: LinkHandler | undefined;
  #over: string | undefined;

  constructor(clock: Clock, initiated: boolean, remote: string, ended: (link: FakeLink) => void) {
    this.#clock = clock;
    this.initiated = initiated;
    this.remote = remote;
    this.#ended = ended;
  }

  static join(one: FakeLink, other: FakeLink): void {
    one.#peer = other;
    other.#peer = one;
  }

  open(handler: LinkHandler): void {
    this.#handler = handler;
    for (const octets of this.#kept.splice(0)) handler.frame(octets);
    if (this.#over !== undefined) handler.closed(this.#over);
  }

  send(octets: Uint8Array): void {
    const peer = this.#peer;
    const copy = octets.slice();
    if (this.#over === undefined && peer !== undefined) this.#clock.after(FRAME_MS, () => peer.#arrive(copy));
  }

  close(reason: string): void {
    if (this.#over !== undefined) return;
    const peer = this.#peer;
    this.#clock.after(FRAME_MS, () => peer?.break('the other side closed the connection'));
    this.break(reason);
  }

  break(reason: string): void {
    if (this.#over !== undefined) return;
    this.#over = reason;
    this.#ended(this);
    this.#handler?.closed(reason);
  }

  #arrive(octets: Uint8Array): void {
    if (this.#over !== undefined) return;
    if (this.#handler !== undefined) this.#handler.frame(octets);
    else if (this.#kept.length < KEPT_UNOPENED) this.#kept.push(octets);
  }
}
