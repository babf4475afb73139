import type { CryptoProvider } from '@cpns/shared';
import { toHex } from '@cpns/shared/security';
import { RecordingProvider } from '@cpns/shared/testing';

/** Keys have at least so many octets; what is shorter may be equal by chance or public. */
const KEY_OCTETS = 32;
const EMPTY = new Uint8Array(0);

/** Looks over the shoulder of everybody's crypto provider, to find out what nobody who has only one device could see. */
export class Witness {
  /** Every use of a key to seal, by anybody: two parties that share a key must not use the same nonce either. */
  readonly recorder: RecordingProvider;
  /** Every key that was used, wrapped or unwrapped, as it was made, in hex; and what it was used for. */
  readonly secrets = new Map<string, string>();
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
  provider(party: string, inner: CryptoProvider = this.#inner): CryptoProvider {
    const { recorder, secrets } = this;
    const macs = this.#serverMacs;
    const onSealed = this.#sealed;
    const verified = this.#verified.get(party) ?? new Set<string>();
    this.#verified.set(party, verified);
    const name = party === '' ? 'the server' : party;
    const keep = (octets: Uint8Array, what: string) => {
      if (octets.length < KEY_OCTETS) return;
      const key = toHex(octets.subarray(0, KEY_OCTETS));
      if (!secrets.has(key)) secrets.set(key, `${what} of ${name}`);
    };
    const overridden: Pick<CryptoProvider, 'hmac' | 'seal' | 'open' | 'wrap' | 'unwrap' | 'equal'> = {
      hmac(key, message) {
        // Longer ones are nonces used as a salt.
        if (key.length === KEY_OCTETS) keep(key, 'a derived key');
        const mac = inner.hmac(key, message);
        if (party === '') macs.add(toHex(mac));
        return mac;
      },
      seal(key, nonce, aad, plain) {
        keep(key, 'a traffic key');
        recorder.seal(key, nonce, aad, plain);
        const record = inner.seal(key, nonce, aad, plain);
        onSealed(plain, record);
        return record;
      },
      open(key, nonce, aad, sealed) {
        keep(key, 'a traffic key');
        return inner.open(key, nonce, aad, sealed);
      },
      wrap(kek, aad, plain) {
        keep(kek, 'a key to wrap with');
        keep(plain, 'a wrapped key');
        return inner.wrap(kek, aad, plain);
      },
      unwrap(kek, aad, wrapped) {
        keep(kek, 'a key to wrap with');
        const plain = inner.unwrap(kek, aad, wrapped);
        if (plain !== undefined) keep(plain, 'a wrapped key');
        return plain;
      },
      equal(a, b) {
        const same = inner.equal(a, b);
        if (same && party !== '' && a.length === KEY_OCTETS && macs.has(toHex(a))) verified.add(toHex(a));
        return same;
      },
    };
    return new Proxy(inner, {
      get(target, property) {
        const own = Reflect.get(overridden, property);
        if (own !== undefined) return own;
        const member = Reflect.get(target, property);
        return typeof member === 'function' ? member.bind(target) : member;
      },
    });
  }
}
