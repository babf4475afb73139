import type { EntityId } from '@cpns/shared';

/** What the server does with what devices send. One handler per broker; given to {@link Broker.start}. */
export interface BrokerHandler {
  /**
   * One payload from the `up` topic of `from`, who is authenticated (TLS-PSK, client id). The PUBACK leaves only after the promise
   * resolved, so resolve when the effect is durable. A rejection sends no PUBACK and disconnects the device, which repeats the
   * message after it came back. Calls of one device begin in the order in which it sent; up to 16 run at once.
   */
  uplink(from: EntityId, payload: Uint8Array): Promise<void>;
  /** The device has subscribed to its `down` topic: {@link Broker.publish} reaches it from now on. */
  deviceConnected(entityId: EntityId): void;
  /** {@link Broker.publish} no longer reaches it. Follows every `deviceConnected` once, also when another connection takes over. */
  deviceDisconnected(entityId: EntityId): void;
}

/** Where devices connect. */
export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
}

/** The way to the devices: `cpns/v1/{entityId}/up`, `/down` and `/state` (protocol 0.31). */
export interface Broker {
  /** Begins to accept devices. @throws CpnsError Config/AddressInUse, Config/AddressRefused */
  start(handler: BrokerHandler): Promise<BrokerAddress>;
  /**
   * Sends one payload to the device's `down` topic. True: it was handed to the socket of a connected device. False: the device is not
   * connected, or reads too slowly. True is not delivery: only the application's answer is. Never rejects.
   */
  publish(to: EntityId, payload: Uint8Array): Promise<boolean>;
  /** Closes every connection of that device, finished handshake or not, and resolves when they are gone. Never rejects. */
  disconnect(entityId: EntityId): Promise<void>;
  /** Devices that {@link publish} reaches, in no particular order. */
  connected(): readonly EntityId[];
  stats(): BrokerStats;
  /** Closes all connections and the listener. Harmless when repeated. */
  stop(): Promise<void>;
}

/** Why the broker turned something away. Names are label values of the metric `cpns_broker_refused_total`. */
export const REFUSALS = [
  /** The address opened more TLS handshakes than the limit allows. */
  'handshake-rate',
  /** Too many connections in all, or too many that have not proven themselves. */
  'connection-cap',
  /** The TLS handshake failed: unknown identity, wrong key, no common cipher, not TLS at all. */
  'handshake-failed',
  /** No accepted CONNECT within the deadline. */
  'connect-deadline',
  /** A frame longer than allowed, or a malformed length. */
  'frame-size',
  /** The first frame was no CONNECT. */
  'no-connect',
  /** More frames than the limit allows. */
  'frame-rate',
  /** The client id is not the TLS-PSK identity. */
  'client-id',
  /** A topic, filter, will or retained message that the device has no right to. */
  'not-authorized',
  /** The handler did not take a payload. */
  'handler-failed',
] as const;
export type Refusal = (typeof REFUSALS)[number];

/** Counters since the start and the present state. */
export interface BrokerStats {
  /** Open sockets, whatever their state. */
  readonly connections: number;
  /** Of these, without an accepted CONNECT. */
  readonly pending: number;
  /** Devices that can be reached. */
  readonly reachable: number;
  readonly uplinkMessages: number;
  readonly downlinkMessages: number;
  /** Octets of MQTT that were let through to the parser. */
  readonly parsedOctets: number;
  readonly refused: Readonly<Record<Refusal, number>>;
}
