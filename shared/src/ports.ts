/**
 * What the pure core asks of the world. Adapters stand at the edges (`agent/src/pan`, `shared/src/node`, ...), fakes in
 * `shared/src/testing`; both pass the same compliance suite.
 */

/** Time. Durations run on the monotonic clock only; the wall clock is for display, LocalEUKey age and periodic rotation. */
export interface Clock {
  /** Milliseconds since an arbitrary start; never goes back. */
  monotonicMs(): number;
  /** Milliseconds since 1970-01-01 UTC. May be wrong by years. */
  wallMs(): number;
  /** Runs `action` once, `delayMs` from now. The returned function cancels it. */
  after(delayMs: number, action: () => void): () => void;
}

/** Random octets, fit for keys. */
export interface Entropy {
  bytes(length: number): Uint8Array;
}

/**
 * Durable state: keys (1 to 512 visible ASCII characters) to octets (at most 64 KiB). A commit is atomic and durable when its promise
 * resolves: after a crash either all of it is there or none of it. Commits take effect in the order of the calls. `get` and `keys` show
 * what is durable, never what is under way; values are copies.
 */
export interface Store {
  get(key: string): Uint8Array | undefined;
  /** Keys that start with `prefix`, sorted. */
  keys(prefix: string): string[];
  /** `undefined` deletes. @throws CpnsError State/DiskFull, State/StoreFull, State/StoreFailed: then nothing of it was kept. */
  commit(changes: ReadonlyMap<string, Uint8Array | undefined>): Promise<void>;
}

/** What a PAN technology is called in transcripts (security: PAN handshake). */
export type LinkType = 'ble' | 'lan' | 'sim';

/** What arrives on a {@link Link}. */
export interface LinkHandler {
  frame(octets: Uint8Array): void;
  /** A part of a frame has arrived: of a slow link a sign of life. Links that carry whole frames need not say so. */
  heard?(): void;
  /** Once, when nothing more will arrive. `reason` is for the log. */
  closed(reason: string): void;
}

/**
 * An ordered, message-framed connection to one nearby device. It is not trusted: whoever is at the other end proves itself above.
 * Frames that arrive before {@link Link.open} are kept (at most 64) and delivered then.
 */
export interface Link {
  readonly technology: LinkType;
  /** True: this side opened it. */
  readonly initiated: boolean;
  /** Where the peer is, for limits and logs; never an identity. */
  readonly remote: string;
  /** Begins delivery. Called once. */
  open(handler: LinkHandler): void;
  /** Queues one frame. Sending on a closed link is ignored; the handler has been told. */
  send(octets: Uint8Array): void;
  close(reason: string): void;
}

/** Severity by audience: error and warn ask a person to act, notice tells the operator, info and debug are for finding causes. */
export interface Logger {
  debug(message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  notice(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** A logger of one component. */
  child(component: string): Logger;
}

/**
 * The primitives of suite 1. Synchronous; takes no randomness of its own. Length errors are CpnsError Internal/BadLength; `open`,
 * `unwrap`, `verify` and `x25519` report any failure in the one way their type says.
 */
export interface CryptoProvider {
  readonly name: string;
  sha256(message: Uint8Array): Uint8Array;
  /** HMAC-SHA-256. */
  hmac(key: Uint8Array, message: Uint8Array): Uint8Array;
  /** ChaCha20-Poly1305: ciphertext and 16-octet tag. `key` 32, `nonce` 12 octets. */
  seal(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plain: Uint8Array): Uint8Array;
  /** The plain octets, or undefined when the tag is wrong; nothing unverified ever leaves. */
  open(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Uint8Array | undefined;
  /** AES-256-SIV with one associated-data string: V (16) and ciphertext. `kek` 64 octets. */
  wrap(kek: Uint8Array, aad: Uint8Array, plain: Uint8Array): Uint8Array;
  unwrap(kek: Uint8Array, aad: Uint8Array, wrapped: Uint8Array): Uint8Array | undefined;
  /** Public value of a 32-octet private key. */
  x25519Public(privateKey: Uint8Array): Uint8Array;
  /** Shared secret, or undefined when it is all zero. */
  x25519(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined;
  ed25519Public(seed: Uint8Array): Uint8Array;
  /** Signs with this seed, of which it keeps a copy: to take the key in costs more than a signature. */
  ed25519Signer(seed: Uint8Array): (message: Uint8Array) => Uint8Array;
  /** Strict verification (RFC 8032, not ZIP-215). */
  ed25519Verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
  /** Constant time over equal lengths; false for unequal ones. */
  equal(a: Uint8Array, b: Uint8Array): boolean;
}
