import { abortReason, CpnsError, deadline, describeError, every, retrySchedule, sleep } from '@cpns/shared';
import { type BodyOf, bodyOf, CLEAR_FRAME, type Envelope, Status, type sessionConfirm, sessionUnknown } from '@cpns/shared/messages';
import { RECORD_TYPE, toHex } from '@cpns/shared/security';
import type { DeviceContext } from '../entity/device-context.js';
import { ServerChannel } from '../entity/server-channel.js';
import type { Uplink } from '../entity/uplink-port.js';
import { ClearUplink, setUpConnection } from './connect.js';
import type { Comparison } from './reconcile.js';

/** Connection setup and introduction together. */
const CONNECT_LIMIT_MS = 30_000;
/** A server that refuses a PN GW for good is asked again after so long: a subscription can change. */
const REFUSED_PAUSE_MS = 300_000;
/** A hint that the session is unknown is followed at most this often. */
const HINT_EVERY_MS = 5_000;
/** Three heartbeats of the server (security 1.8). */
const SILENT_AFTER_MS = 180_000;
/** A replaced session is still received for so long (security 1.6b). */
const OLD_SESSION_MS = 60_000;
const RENEWAL_CHECK_MS = 60_000;

export interface ServerLinkHandler {
  /** What a PN GW says in a new session. */
  introduce(channel: ServerChannel, signal: AbortSignal): Promise<Comparison>;
  /** Authenticated and introduced, with what the server says of each PN. */
  ready(confirm: BodyOf<typeof sessionConfirm>, comparison: Comparison): void;
  /** The server does not let this device be PN GW. It is asked again after a while, unless the link is stopped. */
  refused(error: CpnsError): void;
  disconnected(reason: string): void;
  message(channel: ServerChannel, envelope: Envelope): void;
}

/** The PN GW's connection to the CPNS Server: kept up, authenticated anew whenever it comes back (seed 002 figure 2). */
export class ServerLink {
  readonly #context: DeviceContext;
  readonly #uplink: Uplink;
  readonly #handler: ServerLinkHandler;
  #clear: ClearUplink | undefined;
  #current: ServerChannel | undefined;
  #previous: ServerChannel | undefined;
  #attempt: AbortController | undefined;
  #ready = false;
  #running = false;
  #stopped: Promise<void> = Promise.resolve();
  #hintedAtMs: number | undefined;
  #why = 'It was not tried yet.';
  #cancelRenewal = () => {};

  constructor(context: DeviceContext, uplink: Uplink, handler: ServerLinkHandler) {
    this.#context = context;
    this.#uplink = uplink;
    this.#handler = handler;
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#cancelRenewal = every(this.#context.clock, RENEWAL_CHECK_MS, () => this.#renewWhenDue());
    // Whoever stopped it a moment ago has to have it stopped before it starts again.
    void this.#stopped.then(() => {
      if (!this.#running) return;
      this.#uplink.start({
        connected: () => this.#connect(),
        disconnected: (reason) => this.#disconnected(reason),
        message: (payload) => this.#receive(payload),
      });
    });
  }

  /** Resolves when the uplink is stopped. May be called again. */
  stop(): Promise<void> {
    if (!this.#running) return this.#stopped;
    this.#running = false;
    this.#cancelRenewal();
    this.#disconnected('This device is no longer PN GW.');
    this.#clear?.close(new CpnsError('State', 'Stopping', 'This device is no longer PN GW.'));
    this.#current?.close();
    this.#previous?.close();
    this.#current = this.#previous = undefined;
    this.#stopped = this.#stopped.then(() => this.#uplink.stop());
    return this.#stopped;
  }

  get isReady(): boolean {
    return this.#ready;
  }
  /** Why not ready, in one sentence. */
  get reason(): string {
    return this.#why;
  }

  /** @throws CpnsError Transport/ServerUnreachable */
  channel(): ServerChannel {
    if (this.#current !== undefined && this.#ready) return this.#current;
    throw new CpnsError('Transport', 'ServerUnreachable', `The CPNS Server cannot be reached. ${this.#why}`, {
      status: Status.PeerUnreachable,
    });
  }

  /** Authenticates anew; the session before serves until the new one stands. */
  #connect(): void {
    if (!this.#running) return;
    this.#attempt?.abort(new CpnsError('State', 'Replaced', 'The connection was set up anew.'));
    const attempt = new AbortController();
    this.#attempt = attempt;
    void this.#tryUntilReady(attempt.signal);
  }

  async #tryUntilReady(signal: AbortSignal): Promise<void> {
    const { clock, entropy, logger } = this.#context;
    for (const delayMs of retrySchedule(entropy, { firstMs: 1_000, maxMs: 30_000 })) {
      const limit = deadline(clock, CONNECT_LIMIT_MS, signal);
      let refused = false;
      try {
        return await this.#setUp(limit.signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#why = error instanceof CpnsError ? error.message : describeError(error);
        logger.warn('connection setup with the server failed', { why: describeError(error) });
        refused = error instanceof CpnsError && error.status === Status.NotAuthorized;
        if (refused) this.#handler.refused(error as CpnsError);
      } finally {
        limit.done();
      }
      await sleep(clock, refused ? REFUSED_PAUSE_MS : delayMs, signal).catch(() => undefined);
      if (signal.aborted) return;
    }
  }

  async #setUp(signal: AbortSignal): Promise<void> {
    const context = this.#context;
    this.#clear?.close(new CpnsError('State', 'Replaced', 'The connection was set up anew.'));
    this.#clear = new ClearUplink(context, (payload) => this.#publish(payload));
    const { channel, confirm } = await setUpConnection(context, this.#clear, signal);
    if (signal.aborted) {
      channel.erase();
      throw abortReason(signal);
    }
    const fresh = new ServerChannel({
      channel,
      self: context.identity.id,
      clock: context.clock,
      entropy: context.entropy,
      logger: context.logger,
      carry: (record) => this.#publish(record),
      message: (from, envelope) => this.#handler.message(from, envelope),
    });
    this.#retire(this.#current);
    this.#current = fresh;
    const comparison = await this.#handler.introduce(fresh, signal);
    this.#ready = true;
    this.#handler.ready(confirm, comparison);
  }

  #retire(channel: ServerChannel | undefined): void {
    if (channel === undefined) return;
    this.#previous?.close();
    this.#previous = channel;
    this.#context.clock.after(OLD_SESSION_MS, () => channel.close());
  }

  #publish(payload: Uint8Array): void {
    this.#uplink
      .publish(payload)
      .catch((error) => this.#context.logger.debug('the uplink did not take a message', { why: describeError(error) }));
  }

  #disconnected(reason: string): void {
    this.#attempt?.abort(new CpnsError('Transport', 'ServerUnreachable', reason));
    this.#why = reason;
    if (!this.#ready) return;
    this.#ready = false;
    this.#handler.disconnected(reason);
  }

  #receive(payload: Uint8Array): void {
    if (payload[0] === RECORD_TYPE.sk) {
      this.#current?.receive(payload);
      this.#previous?.receive(payload);
      return;
    }
    if (payload[0] !== CLEAR_FRAME) return;
    try {
      const envelope = this.#clear?.receive(payload.subarray(1));
      // A hint that anybody could forge on the way; it costs one handshake at most.
      if (envelope?.number === sessionUnknown.number && this.#ready) this.#hinted(bodyOf(envelope, sessionUnknown).sid);
    } catch (error) {
      this.#context.logger.info('a frame from the server could not be read', { why: describeError(error) });
    }
  }

  /** The server was restarted, or somebody says so. */
  #hinted(sid: Uint8Array): void {
    const nowMs = this.#context.clock.monotonicMs();
    if (this.#current === undefined || toHex(this.#current.sid) !== toHex(sid)) return;
    if (this.#hintedAtMs !== undefined && nowMs - this.#hintedAtMs < HINT_EVERY_MS) return;
    this.#hintedAtMs = nowMs;
    this.#connect();
  }

  /** The session is old, or the server, though connected, has lost it. */
  #renewWhenDue(): void {
    const session = this.#current;
    if (this.#ready && session !== undefined && (session.mustRehandshake || session.silentForMs >= SILENT_AFTER_MS)) this.#connect();
  }
}
