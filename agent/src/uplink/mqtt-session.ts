import { setMaxListeners } from 'node:events';
import type { TLSSocket } from 'node:tls';
import { abortable, type Clock, CpnsError, downTopic, type EntityId, stateTopic, upTopic, withDeadline } from '@cpns/shared';
import { type IClientOptions, MqttClient } from 'mqtt';
import { DownlinkGuard } from './downlink-guard.js';

/** What stands, retained, on the `state` topic. A hint for the server, never a proof. */
const BIRTH = 'online';
const WILL = 'offline';

/** A silent broker is noticed after one and a half times this. */
const KEEPALIVE_S = 10;
/** From CONNECT to the acknowledged birth. */
const OPEN_MS = 10_000;
/** From PUBLISH to PUBACK (protocol 0.3: 10 s on the uplink). */
const ACKNOWLEDGE_MS = 10_000;
const FAREWELL_MS = 1000;
/** MQTT 3.1.1 section 3.2.2.3. */
const CONNACK_SERVER_UNAVAILABLE = 3;

export interface MqttSessionOptions {
  readonly entityId: EntityId;
  readonly clock: Clock;
  /** One payload from the `down` topic. */
  readonly message: (payload: Uint8Array) => void;
}

/**
 * MQTT 3.1.1 over one connection, from its CONNECT to its end; a new connection gets a new session. So nothing is queued, sent again
 * or subscribed again behind our back: the durable outbox above does all that.
 */
export class MqttSession {
  readonly #client: MqttClient;
  readonly #options: MqttSessionOptions;
  readonly #ended = new AbortController();
  readonly #socket: TLSSocket;
  /** Resolves with the reason when the session is over. */
  readonly ended: Promise<CpnsError>;

  private constructor(socket: TLSSocket, options: MqttSessionOptions) {
    this.#socket = socket;
    this.#options = options;
    // Every message that waits for its PUBACK listens.
    setMaxListeners(0, this.#ended.signal);
    const guard = new DownlinkGuard();
    socket.on('data', (chunk: Buffer) => {
      if (!guard.accepts(chunk)) this.#end(new CpnsError('Codec', 'BadFrame', 'The broker sent a frame that no CPNS Server sends.'));
    });
    this.#client = new MqttClient(() => socket, this.#mqttOptions());
    this.ended = new Promise((resolve) => {
      const signal = this.#ended.signal;
      signal.addEventListener('abort', () => resolve(signal.reason as CpnsError));
    });
    this.#client.on('error', (error) => this.#end(connectionLost(error)));
    this.#client.on('close', () => this.#end(connectionLost()));
    this.#client.on('message', (topic, payload) => {
      // A copy: what MQTT.js hands out is part of a pooled buffer.
      if (topic === downTopic(options.entityId)) options.message(new Uint8Array(payload));
    });
  }

  /**
   * Connects, subscribes to `down`, and says hello on `state`. Takes the socket over: it is closed when this fails.
   * @throws CpnsError Transport, Auth/NotAuthorized, Timeout, or the reason of `signal`
   */
  static async open(socket: TLSSocket, options: MqttSessionOptions, signal: AbortSignal): Promise<MqttSession> {
    const session = new MqttSession(socket, options);
    const sentence = 'The server took the connection but does not answer; look at its log.';
    try {
      await withDeadline(options.clock, OPEN_MS, signal, (limit) => session.#begin(limit), sentence);
      return session;
    } catch (error) {
      session.#end(error as CpnsError);
      throw error;
    }
  }

  /** Publishes to `up`; resolves with the PUBACK. @throws CpnsError Transport/UplinkLost, Timeout/DeadlinePassed */
  async publish(payload: Uint8Array): Promise<void> {
    try {
      await this.#publish(upTopic(this.#options.entityId), Buffer.from(payload), false, ACKNOWLEDGE_MS);
    } catch (error) {
      // A broker that does not acknowledge is of no use; a new connection also gives its message id back.
      this.#end(error as CpnsError);
      throw error;
    }
  }

  /** Says goodbye and disconnects. */
  async close(): Promise<void> {
    const { clock, entityId } = this.#options;
    await this.#publish(stateTopic(entityId), Buffer.from(WILL), true, FAREWELL_MS).catch(() => {});
    const gone = new Promise<void>((resolve) => void this.#client.end(false, () => resolve()));
    await withDeadline(clock, FAREWELL_MS, undefined, () => gone, 'The server did not say goodbye.').catch(() => {});
    this.#end(new CpnsError('State', 'Aborted', 'The connection to the server was closed.'));
  }

  async #begin(signal: AbortSignal): Promise<void> {
    const { entityId } = this.#options;
    const connected = new Promise<void>((resolve) => void this.#client.once('connect', () => resolve()));
    await this.#untilEnd(connected, signal);
    const subscribed = this.#client.subscribeAsync(downTopic(entityId), { qos: 1 }).catch((error: unknown) => {
      if (error instanceof CpnsError) throw error;
      throw new CpnsError('Auth', 'NotAuthorized', 'The server does not let this device hear its own messages; look at its log.', {
        cause: error,
      });
    });
    // Sent together, and taken in this order: one round trip less.
    const born = this.#publish(stateTopic(entityId), Buffer.from(BIRTH), true, OPEN_MS);
    await this.#untilEnd(Promise.all([subscribed, born]), signal);
  }

  #publish(topic: string, payload: Buffer, retain: boolean, limitMs: number): Promise<void> {
    const send = async () => {
      await this.#client.publishAsync(topic, payload, { qos: 1, retain }).catch((error: Error) => {
        throw connectionLost(error);
      });
    };
    return withDeadline(this.#options.clock, limitMs, this.#ended.signal, send, 'The server did not acknowledge a message in time.');
  }

  /** The outcome of `wait`, unless the session or its opener ends first. */
  #untilEnd<T>(wait: Promise<T>, signal: AbortSignal): Promise<T> {
    return abortable(abortable(wait, this.#ended.signal), signal);
  }

  #end(reason: CpnsError): void {
    if (this.#ended.signal.aborted) return;
    this.#ended.abort(reason);
    this.#client.end(true);
    this.#socket.destroy();
  }

  #mqttOptions(): IClientOptions {
    const { entityId } = this.#options;
    return {
      protocolVersion: 4,
      clientId: entityId,
      clean: true,
      keepalive: KEEPALIVE_S,
      reconnectPeriod: 0,
      resubscribe: false,
      queueQoSZero: false,
      // It would fill a table of 65,536 buffers at the first packet: tens of milliseconds and megabytes for a handful of packets a minute.
      writeCache: false,
      connectTimeout: OPEN_MS,
      will: { topic: stateTopic(entityId), payload: Buffer.from(WILL), qos: 1, retain: true },
    };
  }
}

function connectionLost(cause?: Error): CpnsError {
  const code = (cause as { code?: unknown } | undefined)?.code;
  // Numbers are MQTT return codes, words are errors of the socket.
  if (typeof code === 'number' && code !== CONNACK_SERVER_UNAVAILABLE) {
    const sentence = 'The server refused this device: it is unknown or revoked there, or runs twice; look at its log.';
    return new CpnsError('Auth', 'NotAuthorized', sentence, { cause });
  }
  return new CpnsError('Transport', 'UplinkLost', 'The connection to the server broke.', { cause });
}
