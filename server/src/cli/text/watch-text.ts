import type { WatchItem } from '../../api/admin-port.js';

/** Longest payload that is shown as text. */
const SHOWN = 200;

/** One line for a person. Control characters are the caller's business. */
export function watchText(item: WatchItem): string {
  const time = new Date(item.at).toLocaleTimeString('sv-SE');
  if (item.kind === 'event') return `${time} ${item.text}`;
  return `${time} ${item.from} to ${item.to} [${item.channel}] ${item.contentType}: ${payloadText(item.contentType, item.payload)}`;
}

function payloadText(contentType: string, base64: string): string {
  const payload = Buffer.from(base64, 'base64');
  if (!/^text\/|^application\/json\b/.test(contentType)) return `(${payload.length} octets)`;
  const text = payload.toString('utf8');
  return text.length <= SHOWN ? text : `${text.slice(0, SHOWN)}... (${payload.length} octets)`;
}
