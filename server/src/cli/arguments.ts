import { entityId, isChannel, isHostPort, pnId, serverId, userId } from '@cpns/shared';
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

/** A whole number within bounds. */
export function numberArgument(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d{1,9}$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Use a whole number from ${min} to ${max}.`);
  };
}
