import { CpnsError } from '@cpns/shared';
import { fromHex, readU64be, Secret } from '@cpns/shared/security';

const U32_MAX = 0xffff_ffff;

/** Reads the inputs of one case by name, and says in one sentence what is wrong with which. */
export class Inputs {
  readonly #where: string;
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(where: string, values: Readonly<Record<string, unknown>>) {
    this.#where = where;
    this.#values = values;
  }

  text(name: string): string {
    return this.#typed(name, 'string', 'text') as string;
  }

  /** Octets in hex; of one of `lengths`, when any are given. */
  octets(name: string, ...lengths: readonly number[]): Uint8Array {
    const text = this.#typed(name, 'string', 'lower-case hex') as string;
    if (!/^(?:[0-9a-f]{2})*$/.test(text)) throw this.#bad(name, 'lower-case hex of octets');
    const octets = fromHex(text);
    if (lengths.length > 0 && !lengths.includes(octets.length)) throw this.#bad(name, `${lengths.join(' or ')} octets in hex`);
    return octets;
  }

  /** A key, in hex. */
  secret(name: string, ...lengths: readonly number[]): Secret {
    return Secret.take(name, this.octets(name, ...lengths));
  }

  u64(name: string): bigint {
    const text = this.#typed(name, 'string', '16 lower-case hex digits') as string;
    if (!/^[0-9a-f]{16}$/.test(text)) throw this.#bad(name, '16 lower-case hex digits');
    return readU64be(fromHex(text));
  }

  u32(name: string): number {
    return this.whole(name, 0, U32_MAX);
  }

  whole(name: string, least: number, most: number): number {
    const value = this.#typed(name, 'number', `a whole number from ${least} to ${most}`) as number;
    if (!Number.isInteger(value) || value < least || value > most) throw this.#bad(name, `a whole number from ${least} to ${most}`);
    return value;
  }

  oneOf<T extends string>(name: string, allowed: readonly T[]): T {
    const text = this.text(name);
    const found = allowed.find((candidate) => candidate === text);
    if (found === undefined) throw this.#bad(name, `one of ${allowed.join(', ')}`);
    return found;
  }

  #typed(name: string, type: 'string' | 'number', form: string): unknown {
    const value = Object.hasOwn(this.#values, name) ? this.#values[name] : undefined;
    if (value === undefined) throw new CpnsError('Config', 'BadInput', `${this.#where}: the input "${name}" is missing; give ${form}.`);
    if (typeof value !== type) throw this.#bad(name, form);
    return value;
  }

  #bad(name: string, form: string): CpnsError {
    return new CpnsError('Config', 'BadInput', `${this.#where}: the input "${name}" must be ${form}.`);
  }
}
