import { CpnsError } from '../errors.js';
import type { CryptoProvider } from '../ports.js';
import { concat, toHex, u32be } from '../security/bytes.js';

/** One call of `seal`. Digests only: the record holds no key and no plaintext. */
export interface SealRecord {
  /** SHA-256(key || nonce), hex. */
  readonly slot: string;
  /** SHA-256(key), hex. */
  readonly key: string;
  readonly nonce: string;
  /** SHA-256 over the lengths, associated data and plaintext, hex. */
  readonly input: string;
}

/** One call of `wrap`, as digests in hex. */
export interface WrapRecord {
  readonly kek: string;
  readonly aad: string;
  readonly plain: string;
}

/** A key and nonce that sealed more than once. */
export interface NonceReuse {
  readonly first: SealRecord;
  readonly second: SealRecord;
  /** Both times the same associated data and plaintext: nothing leaks but the repetition. Still a fault. */
  readonly sameInput: boolean;
}

/** Passes everything on to a provider and notices every pair of key and nonce that seals twice. */
export class RecordingProvider implements CryptoProvider {
  readonly name: string;
  readonly seals: SealRecord[] = [];
  readonly wraps: WrapRecord[] = [];
  readonly reuses: NonceReuse[] = [];
  readonly #inner: CryptoProvider;
  readonly #slots = new Map<string, SealRecord>();

  constructor(inner: CryptoProvider) {
    this.#inner = inner;
    this.name = `recording ${inner.name}`;
  }

  /** @throws CpnsError Internal/NonceReused when any pair of key and nonce sealed twice */
  assertNoNonceReuse(): void {
    const [reuse] = this.reuses;
    if (reuse === undefined) return;
    const what = reuse.sameInput ? 'the same octets' : 'different octets';
    throw new CpnsError(
      'Internal',
      'NonceReused',
      `Key ${reuse.first.key.slice(0, 16)} sealed ${what} twice with nonce ${reuse.first.nonce}.`,
    );
  }

  seal(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plain: Uint8Array): Uint8Array {
    const sealed = this.#inner.seal(key, nonce, aad, plain);
    const record = { slot: this.#digest(key, nonce), key: this.#digest(key), nonce: toHex(nonce), input: this.#digest(aad, plain) };
    const first = this.#slots.get(record.slot);
    if (first === undefined) this.#slots.set(record.slot, record);
    else this.reuses.push({ first, second: record, sameInput: first.input === record.input });
    this.seals.push(record);
    return sealed;
  }

  wrap(kek: Uint8Array, aad: Uint8Array, plain: Uint8Array): Uint8Array {
    this.wraps.push({ kek: this.#digest(kek), aad: this.#digest(aad), plain: this.#digest(plain) });
    return this.#inner.wrap(kek, aad, plain);
  }

  sha256(message: Uint8Array): Uint8Array {
    return this.#inner.sha256(message);
  }
  hmac(key: Uint8Array, message: Uint8Array): Uint8Array {
    return this.#inner.hmac(key, message);
  }
  open(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
    return this.#inner.open(key, nonce, aad, sealed);
  }
  unwrap(kek: Uint8Array, aad: Uint8Array, wrapped: Uint8Array): Uint8Array | undefined {
    return this.#inner.unwrap(kek, aad, wrapped);
  }
  x25519Public(privateKey: Uint8Array): Uint8Array {
    return this.#inner.x25519Public(privateKey);
  }
  x25519(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined {
    return this.#inner.x25519(privateKey, publicKey);
  }
  ed25519Public(seed: Uint8Array): Uint8Array {
    return this.#inner.ed25519Public(seed);
  }
  ed25519Sign(seed: Uint8Array, message: Uint8Array): Uint8Array {
    return this.#inner.ed25519Sign(seed, message);
  }
  ed25519Verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
    return this.#inner.ed25519Verify(publicKey, message, signature);
  }
  equal(a: Uint8Array, b: Uint8Array): boolean {
    return this.#inner.equal(a, b);
  }

  /** Digest of several strings; the lengths keep them apart. */
  #digest(...parts: readonly Uint8Array[]): string {
    const framed = parts.map((part) => concat(u32be(part.length), part));
    return toHex(this.#inner.sha256(concat(...framed)));
  }
}
