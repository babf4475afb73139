import type { LogLine } from '@cpns/shared/testing';

/** One message that a party took, as its log says. */
export interface Received {
  /** By the clock of the rig; of processes, milliseconds since midnight. */
  readonly atMs: number;
  /** Entity id, or `server`. */
  readonly from: string;
  /** Name of the message in the catalogue. */
  readonly message: string;
}

/** What a log in memory says was received. */
export function receivedIn(lines: readonly LogLine[]): Received[] {
  return lines.flatMap(({ message, fields, atMs = 0 }) =>
    message === 'received' && typeof fields.from === 'string' ? [{ atMs, from: fields.from, message: String(fields.name) }] : [],
  );
}

const LINE = /^(\d\d):(\d\d):(\d\d)\.(\d{3}) debug +\S+ received {2}from=(\S+) name=("[^"]*"|\S+)/;

/** What one line of the log of a process says was received. */
export function receivedLine(line: string): Received | undefined {
  const [, hours, minutes, seconds, ms, from, message] = LINE.exec(line) ?? [];
  if (from === undefined || message === undefined) return undefined;
  const atMs = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1_000 + Number(ms);
  return { atMs, from, message: message.replace(/^"|"$/g, '') };
}
