import type { Duplex } from 'node:stream';
import type { EntityId, Principal } from '@cpns/shared';
import type { Client, PublishPacket } from 'aedes';
import type { PskConnection } from './psk-connection.js';
import type { UplinkLane } from './uplink-lane.js';

/** One MQTT connection of one device, from the end of its TLS handshake. */
export class DeviceSession {
  readonly entityId: EntityId;
  readonly principal: Principal;
  readonly connection: PskConnection;
  readonly client: Client;
  readonly lane: UplinkLane;
  /** Resolves when neither the socket nor the broker's record of the client is left. */
  readonly gone: Promise<void>;
  /** The will of the CONNECT. The broker hands the same object in when it is to be sent. */
  will: PublishPacket | undefined;
  /** Why CONNECT is to be answered with a refusal. */
  objection: 'client-id' | 'not-authorized' | undefined;
  /** Has the `down` topic subscribed. */
  reachable = false;
  #registered = false;
  #gathers = false;
  #resolveGone: () => void = () => {};

  constructor(entityId: EntityId, connection: PskConnection, client: Client, lane: UplinkLane) {
    this.entityId = entityId;
    this.principal = { kind: 'device', entityId };
    this.connection = connection;
    this.client = client;
    this.lane = lane;
    this.gone = new Promise((resolve) => {
      this.#resolveGone = resolve;
    });
    void connection.gone.then(() => {
      this.lane.close();
      // A registered client is gone only when the broker says so, which comes some turns of the event loop later.
      if (!this.#registered) this.#resolveGone();
    });
  }

  /** The broker has the client in its table. A client that closed before that never leaves the table by an event. */
  registered(): void {
    this.#registered = !this.client.closed;
  }

  unregistered(): void {
    this.#registered = false;
    this.#resolveGone();
  }

  /** What waits because the device reads slowly. */
  get unsentOctets(): number {
    return (this.client.conn as Duplex).writableLength;
  }

  /**
   * What is written to the device until the event loop has turned leaves together, in one TLS record and one system call: an answer and
   * the acknowledgement of what it answers.
   */
  gatherWrites(): void {
    if (this.#gathers) return;
    this.#gathers = true;
    const conn = this.client.conn as Duplex;
    conn.cork();
    setImmediate(() => {
      this.#gathers = false;
      conn.uncork();
    });
  }

  /** Closes the socket and lets the broker send the will, if there is one. */
  close(): void {
    this.client.close();
  }
}
