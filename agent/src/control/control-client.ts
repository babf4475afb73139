import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { abortReason, type Clock, CpnsError, withDeadline } from '@cpns/shared';
import type { ControlEvent, ControlMethod, ControlParams, ControlResult } from './control-api.js';
import { fromWireError, MAX_ANSWER_OCTETS, parseAgentFrame } from './frames.js';
import { LineReader } from './line-reader.js';

const CONNECT_MS = 3000;
const CALL_MS = 30_000;

export interface RequestOptions<M extends ControlMethod> {
  readonly onEvent?: (event: ControlEvent<M>) => void;
  readonly signal?: AbortSignal;
  /** Default 30 s. `Infinity` for what ends only by its signal. */
  readonly timeoutMs?: number;
}

interface Waiting {
  event(event: unknown): void;
  result(result: unknown): void;
  failed(error: CpnsError): void;
}

function notRunning(path: string, cause: unknown): CpnsError {
  const code = (cause as NodeJS.ErrnoException).code;
  if (code === 'EACCES' || code === 'EPERM') {
    return new CpnsError('State', 'AgentNotRunning', `The agent at ${path} belongs to another user; run the command as that user.`, {
      cause,
    });
  }
  return new CpnsError('State', 'AgentNotRunning', 'The agent is not running; start it with: cpns-agent run', { cause });
}

/** A connection to the agent that runs on this machine. */
export class ControlClient {
  readonly #socket: Duplex;
  readonly #clock: Clock;
  readonly #reader = new LineReader(MAX_ANSWER_OCTETS);
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #ended: CpnsError | undefined;

  /** Takes the connection over. */
  constructor(socket: Duplex, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#fail(new CpnsError('State', 'AgentGone', 'The agent ended before it answered; its log says why.')));
  }

  /** @throws CpnsError State/AgentNotRunning */
  static connect(path: string, clock: Clock, signal?: AbortSignal): Promise<ControlClient> {
    const open = (limit: AbortSignal) =>
      new Promise<ControlClient>((resolve, reject) => {
        const socket = connect(path);
        limit.addEventListener('abort', () => socket.destroy(), { once: true });
        const failed = (cause: unknown) => reject(notRunning(path, cause));
        socket.once('error', failed);
        socket.once('connect', () => {
          socket.off('error', failed);
          resolve(new ControlClient(socket, clock));
        });
      });
    return withDeadline(clock, CONNECT_MS, signal, open, 'The agent does not answer; restart it.');
  }

  /** Asks and waits for the result. @throws CpnsError what the agent reports, State/AgentGone, Timeout, or the signal's reason */
  async request<M extends ControlMethod>(method: M, params: ControlParams<M>, options: RequestOptions<M> = {}): Promise<ControlResult<M>> {
    const { onEvent, signal, timeoutMs = CALL_MS } = options;
    const ask = (limit: AbortSignal | undefined) => this.#ask(method, params, onEvent as (event: unknown) => void, limit);
    const result =
      timeoutMs === Number.POSITIVE_INFINITY
        ? await ask(signal)
        : await withDeadline(this.#clock, timeoutMs, signal, ask, `The agent took too long to answer "${method}".`);
    return result as ControlResult<M>;
  }

  /** What is under way is given up. */
  close(): void {
    this.#socket.end(() => this.#socket.destroy());
  }

  #ask(method: string, params: unknown, onEvent: ((event: unknown) => void) | undefined, signal?: AbortSignal): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) return reject(this.#ended);
      if (signal?.aborted) return reject(abortReason(signal));
      const id = this.#nextId++;
      const cancel = () => {
        this.#waiting.delete(id);
        this.#write({ cancel: id });
        reject(abortReason(signal as AbortSignal));
      };
      const over = () => {
        this.#waiting.delete(id);
        signal?.removeEventListener('abort', cancel);
      };
      this.#waiting.set(id, {
        event: (event) => onEvent?.(event),
        result: (result) => {
          over();
          resolve(result);
        },
        failed: (error) => {
          over();
          reject(error);
        },
      });
      signal?.addEventListener('abort', cancel, { once: true });
      this.#write({ id, method, params });
    });
  }

  #write(frame: object): void {
    if (!this.#socket.destroyed) this.#socket.write(`${JSON.stringify(frame)}\n`);
  }

  #receive(chunk: Buffer): void {
    try {
      for (const line of this.#reader.push(chunk)) this.#handle(line);
    } catch (error) {
      this.#fail(error as CpnsError);
    }
  }

  #handle(line: string): void {
    const frame = parseAgentFrame(line);
    if (frame.id === null) throw fromWireError(frame.error);
    const waiting = this.#waiting.get(frame.id);
    // An answer that crossed its cancellation.
    if (waiting === undefined) return;
    if ('error' in frame) waiting.failed(fromWireError(frame.error));
    else if ('event' in frame) waiting.event(frame.event);
    else waiting.result(frame.result);
  }

  #fail(error: CpnsError): void {
    this.#ended ??= error;
    for (const waiting of [...this.#waiting.values()]) waiting.failed(this.#ended);
    this.#socket.destroy();
  }
}
