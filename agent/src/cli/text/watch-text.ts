import type { LogLine } from '../../control/api/logs.js';
import type { WatchEvent } from '../../control/api/messages.js';

/** `12:03:04` in local time. */
function clockTime(wallMs: number): string {
  return new Date(wallMs).toTimeString().slice(0, 8);
}

/** One thing that happened, on one line. */
export function watchText(event: WatchEvent): string {
  if (event.type !== 'message') return `${clockTime(event.atWallMs)}  ${event.text}`;
  const to = event.group === undefined ? '' : ` to group ${event.group.slice(0, 8)}`;
  const late = event.sentAtWallMs === undefined ? '' : `, sent ${dateTime(event.sentAtWallMs)}`;
  return `${clockTime(event.receivedAtWallMs)}  message from ${event.from}${to} on ${event.channel}${late}: ${payloadText(event.payload, event.contentType)}`;
}

/** `2026-05-01 12:03:04` in local time. */
function dateTime(wallMs: number): string {
  const date = new Date(wallMs);
  const day = [date.getFullYear(), date.getMonth() + 1, date.getDate()].map((number) => String(number).padStart(2, '0')).join('-');
  return `${day} ${clockTime(wallMs)}`;
}

function payloadText(base64: string, contentType: string): string {
  const octets = Buffer.from(base64, 'base64');
  if (/^(text\/|application\/json\b)/.test(contentType)) {
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(octets);
    } catch {
      // Not the text that it claims to be.
    }
  }
  return `${octets.length} octets of ${contentType}`;
}

export function logText(line: LogLine): string {
  const fields = Object.entries(line.fields).map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  return [clockTime(line.wallMs), line.level.padEnd(6), `${line.component}:`, line.message, ...fields].join(' ');
}
