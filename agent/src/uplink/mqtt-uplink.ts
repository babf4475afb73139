import {
  type Clock,
  CpnsError,
  describeError,
  type Entropy,
  formatHostPort,
  type HostPort,
  type Logger,
  retrySchedule,
  sleep,
  toCpnsError,
} from '@cpns/shared';
import type { Reachability, Uplink, UplinkEvents } from '../entity/uplink-port.js';
import { MqttSession } from './mqtt-session.js';
import { connectTlsPsk, type PskIdentity } from './tls-psk.js';

/** Longest payload in either direction: fits a broker that takes frames of 65,536 octets, whatever the topic. */
export const MAX_UPLINK_PAYLOAD_OCTETS = 65_280;
/** Publishes that wait for their PUBACK. */
const MAX_UNACKNOWLEDGED = 256;
/** Messages that may arrive before the hello is acknowledged. */
const MAX_EARLY_MESSAGES = 64;
/** Before each new try: this, and a random time on top that doubles up to the second. */
const RETRY_PAUSE_MS = 1000;
const RETRY = { firstMs: 1000, maxMs: 29_000 };
/** A connection that lasted so long was a good one: the next try begins with short pauses. */
const STABLE_MS = 30_000;

/** Where the CPNS Server may be, best first. Called before each try. @throws CpnsError when there is no address */
export type ServerResolver = (signal: AbortSignal) => Promise<readonly HostPort[]>;

export interface MqttUplinkOptions {
  readonly identity: PskIdentity;
  readonly resolve: ServerResolver;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly logger: Logger;
}

/** The {@link Uplink} over MQTT 3.1.1 and TLS-PSK. */
export class MqttUplink implements Uplink {
  readonly #options: MqttUplinkOptions;
  readonly #logger: Logger;
  #stop = new AbortController();
  #running: Promise<void> | undefined;
  #session: MqttSession | undefined;
  #unacknowledged = 0;
  #address: string | undefined;

  constructor(options: MqttUplinkOptions) {
    this.#options = options;
    this.#logger = options.logger.child('uplink');
  }

  /** `host:port` in use or tried last. */
  get address(): string | undefined {
    return this.#address;
  }
  get isConnected(): boolean {
    return this.#session !== undefined;
  }

  start(events: UplinkEvents): void {
    if (this.#running !== undefined) throw new CpnsError('Internal', 'StartedTwice', 'The uplink runs already.');
    this.#stop = new AbortController();
    this.#running = this.#run(events, this.#stop.signal);
  }

  /** @throws CpnsError Transport/UplinkDown, Transport/UplinkLost, Timeout/DeadlinePassed, State/UplinkBusy, Codec/TooLong */
  async publish(payload: Uint8Array): Promise<void> {
    if (payload.length > MAX_UPLINK_PAYLOAD_OCTETS) {
      throw new CpnsError('Codec', 'TooLong', `A message to the server has more than ${MAX_UPLINK_PAYLOAD_OCTETS} octets.`);
    }
    if (this.#session === undefined) throw new CpnsError('Transport', 'UplinkDown', 'There is no connection to the server now.');
    if (this.#unacknowledged >= MAX_UNACKNOWLEDGED) {
      throw new CpnsError('State', 'UplinkBusy', 'Too many messages to the server wait to be acknowledged.', { retryable: true });
    }
    this.#unacknowledged++;
    try {
      await this.#session.publish(payload);
    } finally {
      this.#unacknowledged--;
    }
  }

  async probe(signal: AbortSignal): Promise<Reachability> {
    try {
      const socket = await this.#dial(signal);
      socket.destroy();
      return { reachable: true, atMonotonicMs: this.#options.clock.monotonicMs() };
    } catch (error) {
      return { reachable: false, reason: toCpnsError(error).message, atMonotonicMs: this.#options.clock.monotonicMs() };
    }
  }

  async stop(): Promise<void> {
    this.#stop.abort(new CpnsError('State', 'Aborted', 'The uplink was stopped.'));
    const session = this.#session;
    this.#session = undefined;
    await session?.close();
    await this.#running;
    this.#running = undefined;
  }

  async #run(events: UplinkEvents, signal: AbortSignal): Promise<void> {
    const { clock, entropy } = this.#options;
    let pauses = retrySchedule(entropy, RETRY);
    while (!signal.aborted) {
      const sinceMs = clock.monotonicMs();
      const reason = await this.#serve(events, signal);
      if (signal.aborted) return;
      this.#logger.info('the uplink is down', { why: describeError(reason) });
      this.#tell(() => events.disconnected(reason.message));
      if (clock.monotonicMs() - sinceMs >= STABLE_MS) pauses = retrySchedule(entropy, RETRY);
      await sleep(clock, RETRY_PAUSE_MS + pauses.next().value, signal).catch(() => {});
    }
  }

  /** One connection from dialling to its end. Returns why it ended. */
  async #serve(events: UplinkEvents, signal: AbortSignal): Promise<CpnsError> {
    const { identity, clock } = this.#options;
    let early: Uint8Array[] | undefined = [];
    const deliver = (payload: Uint8Array) => this.#tell(() => events.message(payload));
    const message = (payload: Uint8Array) => {
      if (payload.length > MAX_UPLINK_PAYLOAD_OCTETS) this.#logger.warn('a message of the server is too long', { octets: payload.length });
      else if (early === undefined) deliver(payload);
      else if (early.length < MAX_EARLY_MESSAGES) early.push(payload);
    };
    try {
      const socket = await this.#dial(signal);
      const session = await MqttSession.open(socket, { entityId: identity.entityId, clock, message }, signal);
      if (signal.aborted) {
        await session.close();
        return await session.ended;
      }
      this.#session = session;
      this.#logger.info('the uplink is up');
      this.#tell(() => events.connected());
      for (const payload of early) deliver(payload);
      early = undefined;
      const reason = await session.ended;
      this.#session = undefined;
      return reason;
    } catch (error) {
      return toCpnsError(error);
    }
  }

  /** A secured connection to the first address that takes one. @throws CpnsError that of the first address, which is the best one */
  async #dial(signal: AbortSignal) {
    const { resolve, identity, clock } = this.#options;
    let first: unknown;
    for (const address of await resolve(signal)) {
      this.#address = formatHostPort(address.host, address.port);
      try {
        return await connectTlsPsk(address, identity, clock, signal);
      } catch (error) {
        if (signal.aborted) throw error;
        first ??= error;
      }
    }
    throw first ?? new CpnsError('Config', 'NoServer', 'No CPNS Server is known: set server.address in the configuration.');
  }

  /** A listener that throws must not take the connection down. */
  #tell(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#logger.error('a listener of the uplink failed', { why: describeError(error) });
    }
  }
}
