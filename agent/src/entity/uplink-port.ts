/** What the uplink reports. */
export interface UplinkEvents {
  /** Subscribed and ready to publish. */
  connected(): void;
  /** One sentence why, for `status`. Reconnecting goes on by itself. */
  disconnected(reason: string): void;
  /** One payload from this device's `down` topic. */
  message(payload: Uint8Array): void;
}

/** Result of the last try to reach the CPNS Server with the own EUKey. */
export interface Reachability {
  readonly reachable: boolean;
  /** Why not, in one sentence. */
  readonly reason?: string;
  readonly atMonotonicMs: number;
}

/** The way to the CPNS Server: MQTT over TLS-PSK, identity = entity id. */
export interface Uplink {
  /** Connects and stays connected, with back-off, until {@link Uplink.stop}. */
  start(events: UplinkEvents): void;
  /** Publishes to this device's `up` topic; resolves when the broker has acknowledged. @throws CpnsError Transport */
  publish(payload: Uint8Array): Promise<void>;
  /** Opens a TLS-PSK connection and closes it at once. Never throws. */
  probe(signal: AbortSignal): Promise<Reachability>;
  stop(): Promise<void>;
}
