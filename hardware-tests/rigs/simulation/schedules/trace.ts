import type { Clock } from '@cpns/shared';
import { type CborMap, CLEAR_FRAME, catalogue, decodeCbor, relay } from '@cpns/shared/messages';
import { INNER_TYPE, RECORD_TYPE, toHex } from '@cpns/shared/security';

/** Key of the message number and the body in an envelope. */
const KEY = { message: 2, body: 5 } as const;
/** Key of the record in the body of a relay. */
const RELAYED_RECORD = 3;
const TAG_OCTETS = 16;

/** One message on its way, or something that happened. */
export type TraceEvent =
  | { readonly kind: 'message'; readonly atMs: number; readonly from: string; readonly to: string; readonly text: string; fates: string[] }
  | { readonly kind: 'note'; readonly atMs: number; readonly text: string }
  | { readonly kind: 'action'; readonly atMs: number; readonly text: string };

/** Counts of one end of a link. */
interface Counts {
  readonly lost: number;
  readonly doubled: number;
  readonly late: number;
}

/** Writes down which messages went between the parties, although most of them are sealed: it is told what is sealed. */
export class Trace {
  parties: readonly string[] = [];
  readonly events: TraceEvent[] = [];
  #clock: Clock | undefined;
  #startMs = 0;
  /** Names of sealed messages, by the tag of their record. Undefined: not worth a line. */
  readonly #names = new Map<string, string | undefined>();
  #unsettled: { readonly event: { fates: string[] }; readonly count: Counts; readonly before: Counts } | undefined;

  begin(clock: Clock, parties: readonly string[]): void {
    this.#clock = clock;
    this.#startMs = clock.monotonicMs();
    this.parties = parties;
  }

  /** A party has sealed something. */
  sealed(plain: Uint8Array, record: Uint8Array): void {
    let end = plain.length - 1;
    while (end > 0 && plain[end] === 0) end--;
    const content = plain.slice(0, end);
    const name = plain[end] === INNER_TYPE.envelope ? this.#nameOf(content) : plain[end] === INNER_TYPE.part ? 'a part' : undefined;
    this.#names.set(tagOf(record), name);
  }

  /** A frame is about to leave; `count` is what its end of the link counts. */
  frame(from: string, to: string, octets: Uint8Array, count: Counts): void {
    this.#settle();
    const text = this.#textOf(octets);
    if (text === undefined) return;
    const event: TraceEvent = { kind: 'message', atMs: this.#nowMs(), from, to, text, fates: [] };
    this.events.push(event);
    this.#unsettled = { event, count, before: { ...count } };
    void Promise.resolve().then(() => this.#settle());
  }

  payload(from: string, to: string, octets: Uint8Array, fates: readonly string[]): void {
    const text = this.#textOf(octets);
    if (text !== undefined) this.events.push({ kind: 'message', atMs: this.#nowMs(), from, to, text, fates: [...fates] });
  }

  note(text: string): void {
    this.events.push({ kind: 'note', atMs: this.#nowMs(), text });
  }

  action(text: string): void {
    this.events.push({ kind: 'action', atMs: this.#nowMs(), text });
  }

  #nowMs(): number {
    return (this.#clock?.monotonicMs() ?? 0) - this.#startMs;
  }

  /** What became of the last frame shows in the counts of its link. */
  #settle(): void {
    if (this.#unsettled === undefined) return;
    const { event, count, before } = this.#unsettled;
    this.#unsettled = undefined;
    if (count.lost > before.lost) event.fates.push('lost');
    if (count.doubled > before.doubled) event.fates.push('twice');
    if (count.late > before.late) event.fates.push('late');
  }

  #textOf(octets: Uint8Array): string | undefined {
    if (octets[0] === CLEAR_FRAME) return `${this.#nameOf(octets.slice(1))}, in clear`;
    const known = this.#names.has(tagOf(octets));
    if (!known) return 'a record that nobody here sealed';
    const name = this.#names.get(tagOf(octets));
    return name && `${name}${octets[0] === RECORD_TYPE.pan ? ', PAN' : ''}`;
  }

  #nameOf(envelope: Uint8Array): string {
    const map = decodeCbor(envelope) as CborMap;
    const number = map.get(KEY.message) as number;
    const type = catalogue.get(number);
    if (type === undefined) return `message ${number}`;
    if (number === relay.number) {
      const record = (map.get(KEY.body) as CborMap).get(RELAYED_RECORD);
      const inner = record instanceof Uint8Array ? this.#names.get(tagOf(record)) : undefined;
      return `relayed: ${inner ?? 'a record'}`;
    }
    const step = /(?:seed (\d+)[^;]*?)?\bsteps? ([\d, ]+\d|\d+)/.exec(type.source);
    return step === null ? type.name : `${type.name} (${Number(step[1])}: ${step[2]})`;
  }
}

function tagOf(record: Uint8Array): string {
  return toHex(record.subarray(-TAG_OCTETS));
}
