import { connect } from 'node:net';
import { abortReason, type Clock, CpnsError, formatHostPort, type HostPort } from '@cpns/shared';
import { WebSocket } from 'ws';
import { readablePeerAddresses } from './peer-address.js';
import { LINK_PATH, SOCKET_OPTIONS, SUBPROTOCOL, WebSocketLink } from './websocket-link.js';

export interface DialOptions {
  readonly clock: Clock;
  readonly maxQueuedOctets: number;
  /** One address may take so long. Default: 5,000 ms. */
  readonly attemptMs?: number;
  /** The next address is tried so long after the one before, or at once when that one failed. Default: 150 ms. */
  readonly staggerMs?: number;
  readonly ended?: (link: WebSocketLink) => void;
}

/** More are not tried: they come from announcements that anybody can make. */
const MOST_ADDRESSES = 12;

/**
 * Opens a link to the first of `addresses` that answers as a CPNS device; all others are given up. The order is that of preference:
 * an address gets a small head start over the next (RFC 8305).
 * @throws CpnsError Transport, Timeout/NoAnswer, Config/BadAddress, or the abort reason of `signal`
 */
export function dial(addresses: readonly string[], signal: AbortSignal, options: DialOptions): Promise<WebSocketLink> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(abortReason(signal));
    const queue = readablePeerAddresses(addresses).slice(0, MOST_ADDRESSES);
    const attempts = new Set<Attempt>();
    const failures: CpnsError[] = [];
    let cancelNext = () => {};

    const finish = () => {
      cancelNext();
      signal.removeEventListener('abort', abort);
      for (const attempt of attempts) attempt.giveUp();
      attempts.clear();
    };
    const abort = () => {
      finish();
      reject(abortReason(signal));
    };
    const next = () => {
      cancelNext();
      const address = queue.shift();
      if (address === undefined) return;
      const attempt = new Attempt(address, options, {
        opened: (link) => {
          attempts.delete(attempt);
          finish();
          resolve(link);
        },
        failed: (error) => {
          attempts.delete(attempt);
          failures.push(error);
          if (queue.length > 0) return next();
          if (attempts.size > 0) return;
          finish();
          reject(summary(failures));
        },
      });
      attempts.add(attempt);
      cancelNext = options.clock.after(options.staggerMs ?? 150, next);
    };
    signal.addEventListener('abort', abort, { once: true });
    next();
  });
}

interface AttemptHandler {
  opened(link: WebSocketLink): void;
  failed(error: CpnsError): void;
}

/** One try at one address. Its handler is told once, unless it is given up first. */
class Attempt {
  readonly #socket: WebSocket;
  readonly #cancelDeadline: () => void;
  #over = false;

  constructor(address: HostPort, options: DialOptions, handler: AttemptHandler) {
    const text = formatHostPort(address.host, address.port);
    // The zone of a link-local address belongs into the call of the system and not into a URL.
    const authority = formatHostPort(address.host.replace(/%.*$/, ''), address.port);
    const socket = new WebSocket(`ws://${authority}${LINK_PATH}`, SUBPROTOCOL, {
      ...SOCKET_OPTIONS,
      createConnection: () => connect({ host: address.host, port: address.port, noDelay: true }),
    });
    const fail = (error: CpnsError) => {
      if (this.#over) return;
      this.giveUp();
      handler.failed(error);
    };
    this.#socket = socket;
    this.#cancelDeadline = options.clock.after(options.attemptMs ?? 5_000, () =>
      fail(new CpnsError('Timeout', 'NoAnswer', `${text} did not answer.`)),
    );
    socket.on('unexpected-response', (_request, response) => {
      response.resume();
      fail(refusedWith(response.statusCode ?? 0, text));
    });
    socket.on('error', (error) => fail(failedWith(error, text)));
    socket.on('open', () => {
      if (this.#over) return socket.terminate();
      this.#over = true;
      this.#cancelDeadline();
      const { clock, maxQueuedOctets, ended } = options;
      handler.opened(new WebSocketLink(socket, { initiated: true, remote: text, clock, maxQueuedOctets, ...(ended && { ended }) }));
    });
  }

  giveUp(): void {
    this.#over = true;
    this.#cancelDeadline();
    this.#socket.terminate();
  }
}

function refusedWith(status: number, address: string): CpnsError {
  if (status === 429 || status === 503) {
    return new CpnsError('Transport', 'PeerBusy', `${address} has no room for another link now; try again in a moment.`, {
      retryAfterMs: 1_000,
    });
  }
  return new CpnsError('Transport', 'NotCpns', `What answers at ${address} is no CPNS agent (HTTP ${status}): check address and port.`);
}

function failedWith(error: Error & { code?: string }, address: string): CpnsError {
  const causes: Readonly<Record<string, string>> = {
    ECONNREFUSED: 'nothing listens there',
    EHOSTUNREACH: 'there is no way to it',
    ENETUNREACH: 'there is no way to its network',
    ETIMEDOUT: 'it did not answer',
    ENOTFOUND: 'its name is unknown',
    ECONNRESET: 'it broke the connection',
  };
  const why = causes[error.code ?? ''] ?? error.code ?? 'it is no CPNS agent';
  return new CpnsError('Transport', 'Unreachable', `${address} cannot be reached: ${why}.`, { cause: error });
}

/** One error about all addresses: busy before unreachable, a timeout only when all were silent. */
function summary(failures: readonly CpnsError[]): CpnsError {
  const [first] = failures;
  if (first !== undefined && failures.length === 1) return first;
  const busy = failures.find((f) => f.code === 'PeerBusy');
  if (busy !== undefined) return busy;
  const silent = failures.every((f) => f.family === 'Timeout');
  const sentences = failures.map((f) => f.message).join(' ');
  return new CpnsError(silent ? 'Timeout' : 'Transport', silent ? 'NoAnswer' : 'Unreachable', `The device cannot be reached. ${sentences}`);
}
