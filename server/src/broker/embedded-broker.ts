import type { TLSSocket } from 'node:tls';
import {
  authorize,
  type Clock,
  CpnsError,
  describeError,
  downTopic,
  type EntityId,
  type Entropy,
  type Logger,
  TokenBucket,
  upTopic,
} from '@cpns/shared';
import { Aedes, type AuthenticateError, type Client, type PublishPacket } from 'aedes';
import type { Settings } from '../config/settings.js';
import type { Broker, BrokerAddress, BrokerHandler, BrokerStats } from './broker.js';
import { DeviceSession } from './device-session.js';
import { FrameGuard } from './frame-guard.js';
import type { PskConnection } from './psk-connection.js';
import type { PskDirectory } from './psk-directory.js';
import { PskListener } from './psk-listener.js';
import { Refusals } from './refusals.js';
import { UplinkLane } from './uplink-lane.js';

/** Birth and will are a few words. */
const MAX_STATE_OCTETS = 256;
/** Deliveries under way in the whole broker before it warns of a leak. */
const CONCURRENCY = 1000;
/** Refused connections that are logged at `info`. */
const REFUSAL_LINES = { perSecond: 1, burst: 20 };
/** MQTT 3.1.1 section 3.2.2.3. */
const CONNACK = { identifierRejected: 2, notAuthorized: 5 } as const;

export interface EmbeddedBrokerOptions {
  readonly settings: Settings['uplink'];
  readonly directory: PskDirectory;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly logger: Logger;
}

/**
 * The broker inside the server's own process: aedes behind TLS-PSK. aedes speaks MQTT and keeps retained states; who may do what is
 * {@link authorize}'s business, and messages of devices leave it in `authorizePublish`, before their PUBACK.
 */
export class EmbeddedBroker implements Broker {
  readonly #options: EmbeddedBrokerOptions;
  readonly #refusals: Refusals;
  readonly #sessions = new Map<Client, DeviceSession>();
  /** Of each device the connection that was let in last. */
  readonly #current = new Map<EntityId, DeviceSession>();
  readonly #reachable = new Map<EntityId, DeviceSession>();
  #handler: BrokerHandler | undefined;
  #aedes: Aedes | undefined;
  #listener: PskListener | undefined;
  #uplinkMessages = 0;
  #downlinkMessages = 0;
  #parsedOctets = 0;

  constructor(options: EmbeddedBrokerOptions) {
    this.#options = options;
    const lines = new TokenBucket(options.clock, REFUSAL_LINES.perSecond, REFUSAL_LINES.burst);
    this.#refusals = new Refusals(options.logger, lines);
  }

  async start(handler: BrokerHandler): Promise<BrokerAddress> {
    const { settings } = this.#options;
    this.#handler = handler;
    const aedes = await Aedes.createBroker({
      concurrency: CONCURRENCY,
      // The listener's deadline comes first: it began with the connection, and what it closes is counted.
      connectTimeout: 2 * settings.connectTimeoutMs,
      drainTimeout: settings.drainTimeoutMs,
      keepaliveLimit: settings.keepaliveLimitS,
      maxTopicLevels: 8,
      preConnect: (client, packet, done) => {
        const session = this.#sessions.get(client);
        if (session === undefined) return done(new Error('unknown connection'), false);
        // Nothing is queued for devices that are away: the outbox does that, durably and within bounds.
        packet.clean = true;
        session.will = packet.will as PublishPacket | undefined;
        session.objection = packet.clientId === session.entityId ? this.#objectionToWill(session) : 'client-id';
        done(null, true);
      },
      authenticate: (client, _username, _password, done) => {
        this.#admit(client).then(
          () => done(null, true),
          (error: AuthenticateError) => done(error, false),
        );
      },
      authorizePublish: (client, packet, done) => {
        this.#take(client, packet).then(
          () => {
            if (client !== null) this.#sessions.get(client)?.gatherWrites();
            done(null);
          },
          (error: Error) => done(error),
        );
      },
      authorizeSubscribe: (client, subscription, done) => {
        const session = this.#sessions.get(client);
        if (session !== undefined && authorize(session.principal, 'subscribe', subscription.topic)) return done(null, subscription);
        this.#countDenied(session, subscription.topic);
        done(null, null);
      },
      authorizeForward: (client, packet) => {
        const session = this.#sessions.get(client);
        return session !== undefined && authorize(session.principal, 'forward', packet.topic) ? packet : null;
      },
    });
    this.#aedes = aedes;
    aedes.on('client', (client) => this.#sessions.get(client)?.registered());
    aedes.on('clientDisconnect', (client) => this.#sessions.get(client)?.unregistered());
    aedes.on('clientReady', (client) => this.#sessions.get(client)?.connection.accept());
    aedes.on('subscribe', (subscriptions, client) => {
      const session = this.#sessions.get(client);
      // aedes writes the granted QoS into the subscription; 128 is a refusal, and QoS 1 or 0 is the only other value.
      const down = subscriptions.find(({ topic }) => topic === (session && downTopic(session.entityId)));
      if (session !== undefined && down !== undefined && down.qos <= 2) this.#setReachable(session, true);
    });
    aedes.on('unsubscribe', (topics, client) => {
      const session = this.#sessions.get(client);
      if (session !== undefined && topics.includes(downTopic(session.entityId))) this.#setReachable(session, false);
    });
    aedes.on(
      'error' as 'closed',
      ((error: Error) => this.#options.logger.error('The broker failed.', { cause: error.message })) as () => void,
    );
    this.#listener = new PskListener({
      ...this.#options,
      refusals: this.#refusals,
      secured: (connection, socket) => this.#secured(connection, socket),
    });
    try {
      return await this.#listener.listen();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  publish(to: EntityId, payload: Uint8Array): Promise<boolean> {
    const session = this.#reachable.get(to);
    if (session === undefined || session.unsentOctets > this.#options.settings.maxUnsentOctetsPerDevice) return Promise.resolve(false);
    const packet = { cmd: 'publish', topic: downTopic(to), payload: Buffer.from(payload), qos: 1, retain: false, dup: false } as const;
    session.gatherWrites();
    return new Promise((resolve) => {
      session.client.publish(packet, () => {
        const sent = session.reachable && !session.client.closed;
        if (sent) this.#downlinkMessages++;
        resolve(sent);
      });
    });
  }

  async disconnect(entityId: EntityId): Promise<void> {
    const gone: Promise<void>[] = [];
    for (const session of this.#sessions.values()) {
      if (session.entityId !== entityId) continue;
      gone.push(session.gone);
      session.close();
    }
    for (const connection of this.#listener?.connections() ?? []) {
      if (connection.identity !== entityId) continue;
      gone.push(connection.gone);
      connection.close();
    }
    await Promise.all(gone);
  }

  connected(): readonly EntityId[] {
    return [...this.#reachable.keys()];
  }

  stats(): BrokerStats {
    return {
      ...(this.#listener?.counts ?? { connections: 0, pending: 0 }),
      reachable: this.#reachable.size,
      uplinkMessages: this.#uplinkMessages,
      downlinkMessages: this.#downlinkMessages,
      parsedOctets: this.#parsedOctets,
      refused: { ...this.#refusals.counts },
    };
  }

  async stop(): Promise<void> {
    const gone = [...this.#sessions.values()].map((session) => session.gone);
    await this.#listener?.close();
    await Promise.all(gone);
    const aedes = this.#aedes;
    this.#aedes = undefined;
    this.#listener = undefined;
    if (aedes !== undefined) await new Promise<void>((resolve) => aedes.close(() => resolve()));
  }

  #secured(connection: PskConnection, socket: TLSSocket): void {
    const { settings, clock } = this.#options;
    const entityId = connection.identity;
    const aedes = this.#aedes;
    if (entityId === undefined || aedes === undefined) return connection.close();
    socket.setNoDelay(true);
    const frames = new TokenBucket(clock, settings.framesPerSecondPerDevice, settings.frameBurstPerDevice);
    connection.watch(socket, new FrameGuard(settings.maxFrameOctets, frames), (octets) => {
      this.#parsedOctets += octets;
    });
    const client = aedes.handle(socket);
    const session = new DeviceSession(entityId, connection, client, new UplinkLane(settings.uplinkConcurrencyPerDevice));
    this.#sessions.set(client, session);
    void session.gone.then(() => this.#forget(session));
  }

  #forget(session: DeviceSession): void {
    this.#setReachable(session, false);
    this.#sessions.delete(session.client);
    if (this.#current.get(session.entityId) === session) this.#current.delete(session.entityId);
  }

  /**
   * Answers CONNECT. An earlier connection of the same device is closed and gone before the new one is let in: the broker's table of
   * clients goes by id, and an old client that leaves late would take the new one's entry with it.
   */
  async #admit(client: Client): Promise<void> {
    const session = this.#sessions.get(client);
    if (session === undefined) throw refusal(CONNACK.notAuthorized);
    if (session.objection !== undefined) {
      this.#refusals.count(session.objection, { entityId: session.entityId, remote: session.connection.remote });
      throw refusal(session.objection === 'client-id' ? CONNACK.identifierRejected : CONNACK.notAuthorized);
    }
    for (let earlier = this.#current.get(session.entityId); earlier !== undefined; earlier = this.#current.get(session.entityId)) {
      earlier.close();
      await earlier.gone;
    }
    if (!session.connection.isClosed) this.#current.set(session.entityId, session);
  }

  #objectionToWill(session: DeviceSession): 'not-authorized' | undefined {
    const { will } = session;
    return will === undefined || this.#allows(session, 'will', will) ? undefined : 'not-authorized';
  }

  /** A state, or a message for the server: resolves when it may be acknowledged. */
  async #take(client: Client | null, packet: PublishPacket): Promise<void> {
    const session = client === null ? undefined : this.#sessions.get(client);
    const action = packet === session?.will ? 'will' : 'publish';
    if (session === undefined || !this.#allows(session, action, packet)) {
      this.#countDenied(session, packet.topic);
      throw new CpnsError('Auth', 'NotAuthorized', 'The device may not publish this.');
    }
    if (packet.topic !== upTopic(session.entityId)) return;
    const payload = octetsOf(packet);
    await session.lane.run(async () => {
      try {
        await this.#handler?.uplink(session.entityId, payload);
      } catch (error) {
        this.#refusals.count('handler-failed', { entityId: session.entityId, cause: describeError(error) });
        throw error;
      }
      this.#uplinkMessages++;
    });
  }

  /** The rule of access, and what belongs to each topic: messages with QoS 1 and octets in them, states that are short. */
  #allows(session: DeviceSession, action: 'publish' | 'will', packet: PublishPacket): boolean {
    if (!authorize(session.principal, action, packet.topic)) return false;
    if (packet.retain && !authorize(session.principal, 'retained', packet.topic)) return false;
    if (packet.topic === upTopic(session.entityId)) return packet.qos === 1 && packet.payload.length > 0;
    return packet.qos <= 1 && packet.payload.length <= MAX_STATE_OCTETS;
  }

  #countDenied(session: DeviceSession | undefined, topic: string): void {
    this.#refusals.count('not-authorized', { entityId: session?.entityId, topic: topic.slice(0, 128) });
  }

  #setReachable(session: DeviceSession, reachable: boolean): void {
    if (session.reachable === reachable || (reachable && session.connection.isClosed)) return;
    session.reachable = reachable;
    if (reachable) this.#reachable.set(session.entityId, session);
    else this.#reachable.delete(session.entityId);
    try {
      if (reachable) this.#handler?.deviceConnected(session.entityId);
      else this.#handler?.deviceDisconnected(session.entityId);
    } catch (error) {
      this.#options.logger.error('A change of presence could not be handled.', { entityId: session.entityId, cause: describeError(error) });
    }
  }
}

function refusal(returnCode: number): AuthenticateError {
  return Object.assign(new Error('CONNECT was refused'), { returnCode });
}

/** A plain view: `slice` of a Buffer shares memory, and the pure core counts on copies. */
function octetsOf(packet: PublishPacket): Uint8Array {
  const { payload } = packet;
  return typeof payload === 'string'
    ? new TextEncoder().encode(payload)
    : new Uint8Array(payload.buffer, payload.byteOffset, payload.length);
}
