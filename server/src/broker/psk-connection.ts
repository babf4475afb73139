import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { EntityId } from '@cpns/shared';
import type { Refusal } from './broker.js';
import type { FrameGuard } from './frame-guard.js';
import type { Refusals } from './refusals.js';

interface Observer {
  /** Once: it was accepted, or closed before. */
  settled(): void;
  /** Once, when the socket is gone. */
  closed(): void;
}

/** One connection from TCP accept to the end of its socket. */
export class PskConnection {
  /** The TLS-PSK identity as claimed; proven once the handshake has succeeded. */
  identity: EntityId | undefined;
  readonly remote: string;
  /** Resolves when the socket is gone. */
  readonly gone: Promise<void>;
  readonly #raw: Socket;
  readonly #refusals: Refusals;
  readonly #observer: Observer;
  #cancelDeadline: (() => void) | undefined;
  #settled = false;
  #closing = false;

  constructor(raw: Socket, refusals: Refusals, observer: Observer) {
    this.#raw = raw;
    this.#refusals = refusals;
    this.#observer = observer;
    this.remote = raw.remoteAddress ?? '';
    this.gone = new Promise((resolve) => {
      raw.once('close', () => {
        this.#closing = true;
        this.#settle();
        observer.closed();
        resolve();
      });
    });
  }

  get isClosed(): boolean {
    return this.#closing;
  }

  /** `cancel` is called when the connection was accepted in time or is gone. */
  deadline(cancel: () => void): void {
    if (this.#settled) cancel();
    else this.#cancelDeadline = cancel;
  }

  /** MQTT CONNECT was accepted: the connection may stay. */
  accept(): void {
    this.#settle();
  }

  /** Counts the reason, unless it is closing already, and closes. */
  refuse(refusal: Refusal): void {
    if (this.#closing) return;
    this.#refusals.count(refusal, { remote: this.remote, ...(this.identity === undefined ? {} : { entityId: this.identity }) });
    this.close();
  }

  close(): void {
    this.#closing = true;
    this.#raw.destroy();
  }

  /**
   * Lets what arrives on `socket` through `guard` before any reader sees it. It stands in the way of `push`, through which a Readable
   * takes in data, because a stream between socket and reader would cost every idle connection some kilobytes.
   */
  watch(socket: TLSSocket, guard: FrameGuard, parsed: (octets: number) => void): void {
    const push = socket.push;
    socket.push = (chunk: Uint8Array | null, encoding?: BufferEncoding): boolean => {
      if (this.#closing) return false;
      if (chunk !== null) {
        const refusal = guard.accept(chunk);
        if (refusal !== undefined) {
          this.refuse(refusal);
          return false;
        }
        parsed(chunk.length);
      }
      return push.call(socket, chunk, encoding);
    };
  }

  #settle(): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#cancelDeadline?.();
    this.#cancelDeadline = undefined;
    this.#observer.settled();
  }
}
