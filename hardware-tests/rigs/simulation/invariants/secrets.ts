import { toHex } from '@cpns/shared/security';
import { type Carried, everybody, type Invariant, type World } from './world.js';

/** So many octets of a key in a row are a finding: more than chance, and less than the whole of it. */
const TELLTALE_OCTETS = 16;
const HEX_RUN = /[0-9a-f]{32,}/gi;
/** Base64 of a finding, with what of it may hang over at both ends; hex is longer. */
const SHORTEST_RUN = 22;
/** Octets that are digits of hex or base64. */
const IS_ENCODED = Uint8Array.from({ length: 256 }, (_, octet) => (/[A-Za-z0-9+/_-]/.test(String.fromCharCode(octet)) ? 1 : 0));
/** What a device's store holds in state keys; all else there is not for keys. */
const STATE_KEYS = ['enrolment', 'pairing/', 'pairing-new/', 'unpaired/', 'pn/', 'lk/', 'adv-key', 'sg-keys/'];

/**
 * No key is anywhere but in `Secret` objects, in the state keys of a store and sealed. Searched are, for every key that a provider was
 * given, its first 16 octets, raw and in hex and base64: in logs, in what is shown to people, in what went over links and uplinks, in the rest
 * of the stores and in the database file. The heap is not searched.
 */
export const secrets: Invariant = {
  name: 'no key is anywhere but where keys belong',
  violations(world) {
    if (world.witness === undefined) return [];
    const search = new SecretSearch(world.witness.secrets);
    return [...new Set(places(world).flatMap((place) => search.in(place)))];
  },
};

function places(world: World): Carried[] {
  const { server, carried = [] } = world;
  const found: Carried[] = [...carried];
  for (const { id, logger, store, happenings } of everybody(world)) {
    for (const line of logger.lines) found.push({ where: `the log of ${id}`, octets: `${line.message} ${textOf(line.fields)}` });
    for (const what of happenings) found.push({ where: `what ${id} shows`, octets: textOf(what) });
    for (const key of store.keys('')) {
      const octets = store.get(key);
      if (octets === undefined || STATE_KEYS.some((prefix) => key.startsWith(prefix))) continue;
      found.push({ where: `${key} in the store of ${id}`, octets });
    }
  }
  for (const line of server.logger.lines) found.push({ where: 'the log of the server', octets: `${line.message} ${textOf(line.fields)}` });
  for (const octets of server.databaseFiles()) found.push({ where: 'the database', octets });
  return found;
}

/** JSON, with octets in hex and without the inside of what prints itself. */
function textOf(fields: unknown): string {
  return JSON.stringify(fields, (_key, value: unknown) => {
    if (value instanceof Uint8Array) return toHex(value);
    return typeof value === 'bigint' ? String(value) : value;
  });
}

/** Many keys, to be found in many places at once. */
export class SecretSearch {
  /** By their first four octets. */
  readonly #byStart = new Map<number, { readonly octets: Uint8Array; readonly what: string }[]>();
  /** Which pairs of octets begin a key: most places are passed over with one look. */
  readonly #pairs = new Uint8Array(0x1_0000);
  /** What was found in texts that could be hex or base64. */
  readonly #runs = new Map<string, ReadonlySet<string>>();

  /** @param keys in hex, each with its name */
  constructor(keys: ReadonlyMap<string, string>) {
    for (const [hex, what] of keys) {
      const octets = Uint8Array.from(Buffer.from(hex, 'hex')).subarray(0, TELLTALE_OCTETS);
      const start = startOf(octets, 0);
      this.#byStart.set(start, [...(this.#byStart.get(start) ?? []), { octets, what }]);
      this.#pairs[start >>> 16] = 1;
    }
  }

  /** What is found there, in sentences. */
  in({ where, octets }: Carried): string[] {
    const found = new Set<string>();
    const plain = typeof octets === 'string' ? Buffer.from(octets, 'latin1') : octets;
    this.#look(plain, found);
    for (const run of encodedRuns(plain)) {
      // Names and numbers of PNs and devices are in most lines of a log.
      const text = Buffer.from(run).toString('latin1');
      const known = this.#runs.get(text) ?? this.#lookInside(text);
      this.#runs.set(text, known);
      for (const what of known) found.add(what);
    }
    return [...found].map((what) => `${what} is in ${where}`);
  }

  #lookInside(text: string): ReadonlySet<string> {
    const found = new Set<string>();
    for (const octets of decodings(text)) this.#look(octets, found);
    return found;
  }

  #look(octets: Uint8Array, found: Set<string>): void {
    for (let at = 0; at + TELLTALE_OCTETS <= octets.length; at++) {
      if (this.#pairs[((octets[at] as number) << 8) | (octets[at + 1] as number)] === 0) continue;
      for (const secret of this.#byStart.get(startOf(octets, at)) ?? []) {
        if (secret.octets.every((octet, i) => octets[at + i] === octet)) found.add(secret.what);
      }
    }
  }
}

/** Four octets as a signed number: one that V8 need not allocate. */
export function startOf(octets: Uint8Array, at: number): number {
  const upper = ((octets[at] as number) << 8) | (octets[at + 1] as number);
  return (upper << 16) | ((octets[at + 2] as number) << 8) | (octets[at + 3] as number);
}

/** Everything in it that is long enough to be hex or base64 of a key. */
function* encodedRuns(octets: Uint8Array): Generator<Uint8Array> {
  let start = 0;
  for (let at = 0; at <= octets.length; at++) {
    if (at < octets.length && IS_ENCODED[octets[at] as number] === 1) continue;
    if (at - start >= SHORTEST_RUN) yield octets.subarray(start, at);
    start = at + 1;
  }
}

/** All that a run could be hex or base64 of, wherever in it that begins. */
function decodings(text: string): Uint8Array[] {
  const hex = [...text.matchAll(HEX_RUN)].flatMap(([run]) => [0, 1].map((skip) => Buffer.from(run.slice(skip), 'hex')));
  return [...hex, ...[0, 1, 2, 3].map((skip) => Buffer.from(text.slice(skip), 'base64'))];
}
