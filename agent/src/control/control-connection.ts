import type { Duplex } from 'node:stream';
import { type Clock, CpnsError, describeError, type Logger } from '@cpns/shared';
import * as v from 'valibot';
import type { AgentControl } from './agent-control.js';
import type { Progress } from './api/progress.js';
import { controlApi, isControlMethod } from './control-api.js';
import { type AgentFrame, MAX_ANSWER_OCTETS, MAX_REQUEST_OCTETS, parseClientFrame, toWireError } from './frames.js';
import { describeIssue } from './issues.js';
import { LineReader } from './line-reader.js';

/** Requests of one client that may be under way at once. */
const MAX_OPEN_REQUESTS = 16;
/** What a client that does not read may keep waiting, beside one answer. */
const MAX_UNREAD_OCTETS = MAX_ANSWER_OCTETS;
/** A client with nothing under way is sent away after this time. */
const IDLE_MS = 60_000;
/** For reading why it is sent away. */
const FAREWELL_MS = 1000;

export interface ConnectionContext {
  readonly agent: AgentControl;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** One client of the control API, on the agent's side. Parameters and results are never logged: they may hold secrets. */
export class ControlConnection {
  readonly #socket: Duplex;
  readonly #context: ConnectionContext;
  readonly #reader = new LineReader(MAX_REQUEST_OCTETS);
  readonly #open = new Map<number, AbortController>();
  #cancelIdle: () => void = () => {};

  constructor(socket: Duplex, context: ConnectionContext) {
    this.#socket = socket;
    this.#context = context;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#closed());
    this.#watchIdle();
  }

  /** Tells the client why and lets it go. */
  end(error: CpnsError): void {
    if (this.#socket.destroyed) return;
    this.#send({ id: null, error: toWireError(error) });
    this.#socket.end();
    // A client that keeps its half open would keep the connection for ever.
    this.#cancelIdle();
    this.#cancelIdle = this.#context.clock.after(FAREWELL_MS, () => this.#socket.destroy());
  }

  #receive(chunk: Buffer): void {
    if (this.#socket.writableEnded) return;
    try {
      for (const line of this.#reader.push(chunk)) {
        if (line.trim() !== '') this.#handle(line);
        if (this.#socket.writableEnded) return;
      }
    } catch (error) {
      this.#context.logger.debug('a control client was sent away', { why: describeError(error) });
      this.end(error as CpnsError);
    }
  }

  #handle(line: string): void {
    const frame = parseClientFrame(line);
    if ('cancel' in frame) {
      this.#open.get(frame.cancel)?.abort(new CpnsError('State', 'Aborted', 'It was stopped before it was done.'));
      return;
    }
    if (this.#open.has(frame.id)) throw new CpnsError('Codec', 'BadLine', 'Two requests under way have the same id.');
    if (this.#open.size >= MAX_OPEN_REQUESTS) {
      const error = new CpnsError('State', 'TooManyRequests', `More than ${MAX_OPEN_REQUESTS} requests at once; wait for an answer.`);
      this.#send({ id: frame.id, error: toWireError(error) });
      return;
    }
    const controller = new AbortController();
    this.#open.set(frame.id, controller);
    this.#cancelIdle();
    void this.#answer(frame.id, frame.method, frame.params, controller.signal);
  }

  async #answer(id: number, method: string, params: unknown, signal: AbortSignal): Promise<void> {
    let frame: AgentFrame;
    try {
      const progress: Progress<unknown> = {
        signal,
        emit: (event) => {
          if (this.#open.has(id)) this.#send({ id, event });
        },
      };
      frame = { id, result: (await this.#run(method, params, progress)) ?? {} };
    } catch (error) {
      const wire = toWireError(error);
      if (wire.family === 'Internal') this.#context.logger.error('a control request failed', { method, why: describeError(error) });
      frame = { id, error: wire };
    }
    this.#open.delete(id);
    this.#send(frame);
    if (this.#open.size === 0) this.#watchIdle();
  }

  async #run(name: string, params: unknown, progress: Progress<unknown>): Promise<unknown> {
    if (!isControlMethod(name)) {
      throw new CpnsError('Config', 'UnknownMethod', `The running agent does not know "${name}"; restart it after an update.`);
    }
    const method = controlApi[name];
    const checked = v.safeParse(method.params, params);
    if (!checked.success) throw new CpnsError('Config', 'BadParams', describeIssue(checked.issues[0]));
    // The table ties the checked type to `run`; looked up by name, the compiler sees only the union of all methods.
    const run = method.run as (agent: AgentControl, params: unknown, progress: Progress<unknown>) => Promise<unknown>;
    return run(this.#context.agent, checked.output, progress);
  }

  #send(frame: AgentFrame): void {
    if (this.#socket.writableEnded || this.#socket.destroyed) return;
    let line = `${JSON.stringify(frame)}\n`;
    if (Buffer.byteLength(line) > MAX_ANSWER_OCTETS) {
      const error = new CpnsError('Internal', 'AnswerTooLong', 'The answer is too long for the control connection.');
      line = `${JSON.stringify({ id: frame.id, error: toWireError(error) })}\n`;
    }
    this.#socket.write(line);
    if (this.#socket.writableLength > MAX_UNREAD_OCTETS + MAX_ANSWER_OCTETS) {
      this.#context.logger.warn('a control client does not read what it asked for and was cut off');
      this.#socket.destroy();
    }
  }

  #watchIdle(): void {
    this.#cancelIdle();
    this.#cancelIdle = this.#context.clock.after(IDLE_MS, () => this.#socket.destroy());
  }

  #closed(): void {
    this.#cancelIdle();
    for (const controller of this.#open.values()) {
      controller.abort(new CpnsError('State', 'ClientGone', 'The program that asked for it has ended.'));
    }
    this.#open.clear();
  }
}
