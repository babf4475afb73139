import type { Readable } from 'node:stream';
import { CpnsError, type EntityId, entityId, type PnId, pnId, type SgId, sgId } from '@cpns/shared';
import { InvalidArgumentError } from 'commander';

/** Makes a parser of commander from one that throws a CpnsError. */
function parser<T>(parse: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return parse(text);
    } catch (error) {
      throw new InvalidArgumentError((error as Error).message);
    }
  };
}

export const entityIdArgument: (text: string) => EntityId = parser(entityId);
export const pnIdArgument: (text: string) => PnId = parser(pnId);
export const sgIdArgument: (text: string) => SgId = parser(sgId);

/** Collects the ids of an option that takes several. */
export function entityIdsArgument(text: string, before: readonly EntityId[] | undefined): EntityId[] {
  return [...(before ?? []), entityIdArgument(text)];
}

/** Collects an option that takes several. */
export function textsArgument(text: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), text];
}

/** A time as ISO 8601, in milliseconds since 1970. */
export function timeArgument(text: string): number {
  const ms = Date.parse(text);
  if (ms >= 0) return ms;
  throw new InvalidArgumentError('Use a time such as 2026-01-31 or 2026-01-31T12:00:00Z.');
}

/** A whole number within bounds. */
export function numberArgument(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d{1,9}$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Use a whole number from ${min} to ${max}.`);
  };
}

/**
 * Everything on standard input, at most `maxOctets`.
 * @throws CpnsError Config/InputTooLong, or the reason of `signal`
 */
export async function readInput(input: Readable, maxOctets: number, signal: AbortSignal): Promise<Buffer> {
  const parts: Buffer[] = [];
  let length = 0;
  const abort = () => input.destroy(signal.reason instanceof Error ? signal.reason : undefined);
  signal.addEventListener('abort', abort, { once: true });
  try {
    for await (const chunk of input) {
      const part = Buffer.from(chunk as Uint8Array);
      length += part.length;
      if (length > maxOctets) throw new CpnsError('Config', 'InputTooLong', `The input has more than ${maxOctets} octets.`);
      parts.push(part);
    }
  } finally {
    signal.removeEventListener('abort', abort);
  }
  signal.throwIfAborted();
  return Buffer.concat(parts);
}
