import { CpnsError, type ErrorFamily } from '@cpns/shared';

/** The code under test did what it must never do. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

/** @throws Violation unless `holds` */
export function must(holds: boolean, sentence: string): asserts holds {
  if (!holds) throw new Violation(sentence);
}

/**
 * What `read` makes of an input, or undefined when it refuses it with an error of one of these families. Anything else that is thrown is
 * passed on: it is a finding.
 */
export function unlessRefused<T>(families: readonly ErrorFamily[], read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof CpnsError && families.includes(error.family)) return undefined;
    throw error;
  }
}

export function sameOctets(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && Buffer.compare(one, other) === 0;
}
