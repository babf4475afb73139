import type { CryptoProvider } from '@cpns/shared';
import { toHex } from '@cpns/shared/security';
import { RecordingProvider } from '@cpns/shared/testing';
import { watchKeys } from '../../../processes/watched-keys.js';
import { startOf } from './secrets.js';

/** Keys have at least so many octets; what is shorter may be equal by chance or public. */
const KEY_OCTETS = 32;
const EMPTY = new Uint8Array(0);

/** Looks over the shoulder of everybody's crypto provider, to find out what nobody who has only one device could see. */
export class Witness {
  /** Every use of a key to seal, by anybody: two parties that share a key must not use the same nonce either. */
  readonly recorder: RecordingProvider;
  /** Every key that was used, wrapped or unwrapped, as it was made, in hex; and what it was used for. */
  readonly secrets = new Map<string, string>();
  /** The same keys, by their first four octets: a key is used far more often than it is made. */
  readonly #known = new Map<number, Uint8Array[]>();
  readonly #inner: CryptoProvider;
  readonly #sealed: (plain: Uint8Array, record: Uint8Array) => void;
  /** MACs that the server computed, in hex. */
  readonly #serverMacs = new Set<string>();
  /** MACs of the server that a device compared successfully, in hex. */
  readonly #verified = new Map<string, Set<string>>();

  /** @param sealed is told what was sealed, and what came of it */
  constructor(inner: CryptoProvider, sealed: (plain: Uint8Array, record: Uint8Array) => void = () => {}) {
    this.#inner = inner;
    this.#sealed = sealed;
    // What it seals itself is not looked at: the party's own provider does that.
    this.recorder = new RecordingProvider({ ...inner, seal: () => EMPTY });
  }

  /** How often a device has found a hash_server to be right. */
  verifications(device: string): number {
    return this.#verified.get(device)?.size ?? 0;
  }

  /** A provider for one party; the server's name is empty. */
  provider(party: string, given: CryptoProvider = this.#inner): CryptoProvider {
    const { recorder, secrets } = this;
    const macs = this.#serverMacs;
    const onSealed = this.#sealed;
    const verified = this.#verified.get(party) ?? new Set<string>();
    this.#verified.set(party, verified);
    const name = party === '' ? 'the server' : party;
    const keep = (octets: Uint8Array, what: string) => {
      if (octets.length < KEY_OCTETS || this.#isKnown(octets)) return;
      const key = toHex(octets.subarray(0, KEY_OCTETS));
      if (!secrets.has(key)) secrets.set(key, `${what} of ${name}`);
    };
    const inner = watchKeys(given, keep);
    return {
      ...inner,
      hmac(key, message) {
        const mac = inner.hmac(key, message);
        if (party === '') macs.add(toHex(mac));
        return mac;
      },
      seal(key, nonce, aad, plain) {
        recorder.seal(key, nonce, aad, plain);
        const record = inner.seal(key, nonce, aad, plain);
        onSealed(plain, record);
        return record;
      },
      equal(a, b) {
        const same = inner.equal(a, b);
        if (same && party !== '' && a.length === KEY_OCTETS && macs.has(toHex(a))) verified.add(toHex(a));
        return same;
      },
    };
  }

  /** Was this key seen before? From now on it was. */
  #isKnown(octets: Uint8Array): boolean {
    const start = startOf(octets, 0);
    const alike = this.#known.get(start);
    if (alike?.some((key) => key.every((octet, i) => octet === octets[i]))) return true;
    const key = octets.slice(0, KEY_OCTETS);
    if (alike === undefined) this.#known.set(start, [key]);
    else alike.push(key);
    return false;
  }
}
