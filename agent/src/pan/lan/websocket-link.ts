import { type Clock, CpnsError, type Link, type LinkHandler } from '@cpns/shared';
import type { ClientOptions, ServerOptions, WebSocket } from 'ws';

/** Where links are opened (protocol 0.22). */
export const LINK_PATH = '/cpns/v1';
export const SUBPROTOCOL = 'cpns.v1';
/** The longest record of a PAN hop is 16,409 octets; a clear frame of the largest envelope is a little longer. */
export const MAX_FRAME_OCTETS = 16_409 + 64;

/** How both sides use the `ws` library: bounded in every direction, nothing compressed. */
export const SOCKET_OPTIONS = {
  maxPayload: MAX_FRAME_OCTETS,
  maxFragments: 64,
  maxBufferedChunks: 4_096,
  perMessageDeflate: false,
} as const satisfies ClientOptions & ServerOptions;

/** Frames kept until {@link Link.open}, as the port says. */
const KEPT_UNOPENED = 64;
/** How long a closing link may take to deliver what was sent on it. */
const CLOSE_LIMIT_MS = 2_000;

const CLOSE_NORMAL = 1000;
const CLOSE_UNSUPPORTED = 1003;

export interface WebSocketLinkOptions {
  readonly initiated: boolean;
  readonly remote: string;
  readonly clock: Clock;
  /** Octets that may wait to be sent; a peer that reads too slowly for that is left. */
  readonly maxQueuedOctets: number;
  /** The connection is gone. */
  readonly ended?: (link: WebSocketLink) => void;
}

/** A link over one open WebSocket. */
export class WebSocketLink implements Link {
  readonly technology = 'lan';
  readonly initiated: boolean;
  readonly remote: string;
  readonly #socket: WebSocket;
  readonly #options: WebSocketLinkOptions;
  readonly #kept: Uint8Array[] = [];
  #handler: LinkHandler | undefined;
  #endedBecause: string | undefined;
  #told = false;
  /** This side wants no more frames. */
  #shut = false;
  #cancelTerminate: (() => void) | undefined;

  /** `socket` is open, and nothing has been read from it yet. */
  constructor(socket: WebSocket, options: WebSocketLinkOptions) {
    this.initiated = options.initiated;
    this.remote = options.remote;
    this.#socket = socket;
    this.#options = options;
    socket.on('message', (data: Buffer, isBinary: boolean) => this.#arrive(data, isBinary));
    socket.on('error', (error) => this.#broken(error));
    socket.on('close', (code) => this.#gone(code));
  }

  open(handler: LinkHandler): void {
    this.#handler = handler;
    for (const octets of this.#kept.splice(0)) if (!this.#shut) handler.frame(octets);
    this.#tell();
  }

  send(octets: Uint8Array): void {
    if (octets.length > MAX_FRAME_OCTETS) {
      throw new CpnsError('Internal', 'FrameTooLong', `A frame of ${octets.length} octets is longer than a link carries.`);
    }
    if (this.#endedBecause !== undefined) return;
    // A copy of our own: the library writes a server's frames later and from the buffer it was given.
    this.#socket.send(Buffer.from(octets), { binary: true });
    if (this.#socket.bufferedAmount <= this.#options.maxQueuedOctets) return;
    this.#end('the other device reads too slowly');
    this.#socket.terminate();
  }

  close(reason: string): void {
    this.#shut = true;
    if (this.#endedBecause !== undefined) return;
    this.#end(reason);
    // The reason stays here: the peer, who may be anybody, learns no more than that it is over.
    this.#closeSocket(CLOSE_NORMAL);
  }

  #arrive(data: Buffer, isBinary: boolean): void {
    if (this.#endedBecause !== undefined) return;
    if (!isBinary) {
      this.#end('the other device sent text instead of octets');
      return this.#closeSocket(CLOSE_UNSUPPORTED);
    }
    // A plain array with memory of its own: a Buffer slices differently and may keep a large block alive.
    const octets = new Uint8Array(data);
    if (this.#handler !== undefined) this.#handler.frame(octets);
    else if (this.#kept.length < KEPT_UNOPENED) this.#kept.push(octets);
    else {
      this.#end('frames arrived faster than they were taken');
      this.#closeSocket(CLOSE_NORMAL);
    }
  }

  #closeSocket(code: number): void {
    this.#socket.close(code);
    this.#terminateLater();
  }

  /** A peer that does not answer the goodbye must not hold the connection. */
  #terminateLater(): void {
    this.#cancelTerminate ??= this.#options.clock.after(CLOSE_LIMIT_MS, () => this.#socket.terminate());
  }

  #broken(error: Error & { code?: string }): void {
    const tooLong = error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH';
    this.#end(tooLong ? 'the other device sent a frame that is too long' : `the connection broke (${error.code ?? error.message})`);
    this.#terminateLater();
  }

  #gone(code: number): void {
    this.#cancelTerminate?.();
    this.#end(code === 1006 ? 'the connection was lost' : 'the other device closed the connection');
    this.#options.ended?.(this);
  }

  #end(reason: string): void {
    this.#endedBecause ??= reason;
    this.#tell();
  }

  /** Later than the call that ended the link, so that nobody is told within a call of his own. */
  #tell(): void {
    const [handler, reason] = [this.#handler, this.#endedBecause];
    if (handler === undefined || reason === undefined || this.#told) return;
    this.#told = true;
    queueMicrotask(() => handler.closed(reason));
  }
}
