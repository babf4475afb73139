import { entityId, isChannel, isHostPort, pnId, serverId, sgId, userId } from '@cpns/shared';
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

export const entityIdArgument = parser(entityId);
export const userIdArgument = parser(userId);
export const pnIdArgument = parser(pnId);
export const sgIdArgument = parser(sgId);
export const serverIdArgument = parser(serverId);

export function channelArgument(text: string): string {
  if (isChannel(text)) return text;
  throw new InvalidArgumentError('Use 1 to 32 characters of A-Z, a-z, 0-9, ".", "_" and "-".');
}

export function addressArgument(text: string): string {
  if (isHostPort(text)) return text;
  throw new InvalidArgumentError('Use HOST:PORT, such as cpns.example.org:8883 or [2001:db8::1]:8883.');
}

/** Collects an option that is given several times. */
export function listArgument(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), text];
}

/** A time that this computer understands, as ISO 8601. */
export function timeArgument(text: string): string {
  const ms = Date.parse(text);
  if (!Number.isNaN(ms)) return new Date(ms).toISOString();
  throw new InvalidArgumentError('Use a time such as 2026-01-31 or 2026-01-31T12:00:00Z.');
}

const UNIT_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A duration such as 90m, 12h or 30d, in milliseconds. */
export function durationArgument(text: string): number {
  const [, count = '', unit = ''] = /^([1-9]\d{0,4})([mhd])$/.exec(text) ?? [];
  const unitMs = UNIT_MS[unit];
  if (unitMs !== undefined) return Number(count) * unitMs;
  throw new InvalidArgumentError('Use a duration such as 90m, 12h or 30d.');
}

/** A whole number within bounds. */
export function numberArgument(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d{1,9}$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Use a whole number from ${min} to ${max}.`);
  };
}
