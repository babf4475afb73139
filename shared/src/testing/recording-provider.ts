import { CpnsError } from '../errors.js';
import type { CryptoProvider } from '../ports.js';
import { toHex, writeU32be } from '../security/bytes.js';

const LENGTH_OCTETS = 4;

/** One call of `seal`. Digests only: the record holds no key and no plaintext. */
export interface SealRecord {
  /** SHA-256 over the length and the key, hex. */
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
  /** By key and nonce. */
  readonly #slots = new Map<string, SealRecord>();
  #scratch = new Uint8Array(1_024);

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
    const record = { key: this.#digest(key), nonce: toHex(nonce), input: this.#digest(aad, plain) };
    const slot = `${record.key} ${record.nonce}`;
    const first = this.#slots.get(slot);
    if (first === undefined) this.#slots.set(slot, record);
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
  ed25519Signer(seed: Uint8Array): (message: Uint8Array) => Uint8Array {
    return this.#inner.ed25519Signer(seed);
  }
  ed25519Verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
    return this.#inner.ed25519Verify(publicKey, message, signature);
  }
  equal(a: Uint8Array, b: Uint8Array): boolean {
    return this.#inner.equal(a, b);
  }

  /** Digest of one or two strings; the lengths keep them apart. */
  #digest(one: Uint8Array, other?: Uint8Array): string {
    const length = LENGTH_OCTETS + one.length + (other === undefined ? 0 : LENGTH_OCTETS + other.length);
    if (length > this.#scratch.length) this.#scratch = new Uint8Array(2 * length);
    this.#frame(0, one);
    if (other !== undefined) this.#frame(LENGTH_OCTETS + one.length, other);
    const framed = this.#scratch.subarray(0, length);
    const digest = toHex(this.#inner.sha256(framed));
    framed.fill(0);
    return digest;
  }

  #frame(at: number, part: Uint8Array): void {
    writeU32be(this.#scratch, at, part.length);
    this.#scratch.set(part, at + LENGTH_OCTETS);
  }
}
