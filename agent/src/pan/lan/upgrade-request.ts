import { type IncomingMessage, STATUS_CODES } from 'node:http';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { LINK_PATH, SUBPROTOCOL } from './websocket-link.js';

/** HTTP status with which a request to open a link is refused for its form, or undefined when it is well-formed. */
export function formFault(request: IncomingMessage): number | undefined {
  if (request.url !== LINK_PATH) return 404;
  const offered = String(request.headers['sec-websocket-protocol'] ?? '').split(',');
  if (!offered.some((protocol) => protocol.trim() === SUBPROTOCOL)) return 400;
  return isFromElsewhere(request) ? 403 : undefined;
}

/**
 * A page of some website, running in a browser within this network, may not open links: only the page that this very device has
 * served, at its address. A name that is no address and not `.local` could be made to point here by whoever owns it.
 */
function isFromElsewhere(request: IncomingMessage): boolean {
  const { origin, host } = request.headers;
  if (origin === undefined) return false;
  let url: URL;
  try {
    url = new URL(origin);
  } catch {
    return true;
  }
  const name = url.hostname.replace(/^\[|\]$/g, '');
  const isOurs = isIP(name) !== 0 || name === 'localhost' || name.endsWith('.local');
  return url.host !== host || !isOurs;
}

/** Answers a request to open a link with `status` and closes the connection. */
export function refuse(socket: Duplex, status: number): void {
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Refused'}`, 'Connection: close', 'Content-Length: 0'];
  if (status === 429 || status === 503) lines.push('Retry-After: 1');
  socket.once('finish', () => socket.destroy());
  socket.end(`${lines.join('\r\n')}\r\n\r\n`);
}
