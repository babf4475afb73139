import { CpnsError } from '../errors.js';

/**
 * Octets that must not be seen: a key, a token. The value lives in an allocation of its own and shows as `[secret LABEL]` wherever
 * it is printed or serialised. {@link erase} overwrites it; copies that a runtime made while computing are out of reach.
 */
export class Secret {
  readonly #octets: Uint8Array;
  #erased = false;

  /** Copies `octets`; the caller keeps, and should erase, its own. `label` says in logs what it is, e.g. a kid; it is no secret. */
  constructor(
    readonly label: string,
    octets: Uint8Array,
  ) {
    this.#octets = new Uint8Array(octets.length);
    this.#octets.set(octets);
  }

  /** A secret of freshly computed octets, which are overwritten in the source. */
  static take<T extends Secret>(this: new (label: string, octets: Uint8Array) => T, label: string, octets: Uint8Array): T {
    const secret = new this(label, octets);
    octets.fill(0);
    return secret;
  }

  get length(): number {
    return this.#octets.length;
  }

  get erased(): boolean {
    return this.#erased;
  }

  /**
   * The octets themselves, not a copy: do not keep, change or print them. For the security code and for stores of keys only.
   * @throws CpnsError Internal/SecretErased, so that a key of zeros is never used by mistake
   */
  reveal(): Uint8Array {
    if (this.#erased) throw new CpnsError('Internal', 'SecretErased', `The secret "${this.label}" was used after it had been erased.`);
    return this.#octets;
  }

  /** Overwrites the octets with zeros. May be called again. */
  erase(): void {
    this.#octets.fill(0);
    this.#erased = true;
  }

  toString(): string {
    return `[secret ${this.label}]`;
  }

  toJSON(): string {
    return this.toString();
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }
}
