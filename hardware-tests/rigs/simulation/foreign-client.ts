import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import { describeError, type HostPort } from '@cpns/shared';
import { MqttClient } from 'mqtt';
import type { MqttAttempt } from '../rig.js';
import type { HeldTime } from './held-time.js';

const CONNECT_MS = 10_000;
const KEEPALIVE_S = 60;

const firstLine = (error: unknown) => describeError(error).split('\n', 1).join();

/** MQTT.js as a client of somebody else's making, one connection for each attempt, over TLS on the loopback interface. */
export class ForeignClient {
  readonly lines: string[] = [];
  readonly #broker: () => Promise<HostPort>;
  readonly #time: HeldTime;

  constructor(broker: () => Promise<HostPort>, time: HeldTime) {
    this.#broker = broker;
    this.#time = time;
  }

  async publish(attempt: MqttAttempt, payload: string): Promise<{ accepted: boolean; says: string }> {
    const says = await this.#attempt('publish', attempt, async (client) => {
      await client.publishAsync(attempt.topic, payload, { qos: 1 });
    });
    return { accepted: says === undefined, says: says ?? 'acknowledged' };
  }

  async subscribe(attempt: MqttAttempt): Promise<{ granted: boolean; says: string }> {
    const says = await this.#attempt('subscribe', attempt, async (client) => {
      const [granted] = await client.subscribeAsync(attempt.topic, { qos: 1 });
      if (granted === undefined || granted.qos > 2) throw new Error('the subscription was denied');
    });
    return { granted: says === undefined, says: says ?? 'granted' };
  }

  /** Undefined: it worked; else why not. */
  async #attempt(what: string, attempt: MqttAttempt, action: (client: MqttClient) => Promise<void>): Promise<string | undefined> {
    const says = await this.#time.during(() => this.#converse(attempt, action).then(() => undefined, firstLine));
    this.lines.push(`${what} as ${attempt.identity}/${attempt.clientId} on ${attempt.topic}: ${says ?? 'yes'}`);
    return says;
  }

  async #converse(attempt: MqttAttempt, action: (client: MqttClient) => Promise<void>): Promise<void> {
    const socket = await this.#secured(attempt);
    const client = new MqttClient(() => socket, {
      protocolVersion: 4,
      clientId: attempt.clientId,
      clean: true,
      keepalive: KEEPALIVE_S,
      reconnectPeriod: 0,
      connectTimeout: CONNECT_MS,
      writeCache: false,
    });
    try {
      const over = new Promise<never>((_resolve, reject) => {
        client.on('error', reject);
        client.on('close', () => reject(new Error('the broker closed the connection')));
      });
      const whole = async () => {
        await new Promise<void>((resolve) => void client.once('connect', () => resolve()));
        await action(client);
      };
      await Promise.race([whole(), over]);
    } finally {
      client.end(true);
      socket.destroy();
    }
  }

  async #secured({ identity, psk }: MqttAttempt): Promise<TLSSocket> {
    const { host, port } = await this.#broker();
    const socket = connect({
      host,
      port,
      ciphers: 'ECDHE-PSK-CHACHA20-POLY1305',
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.2',
      pskCallback: () => ({ identity, psk: Buffer.from(psk, 'hex') }),
      checkServerIdentity: () => undefined,
    });
    await once(socket, 'secureConnect');
    // Its end is heard of by the client.
    socket.on('error', () => {});
    return socket;
  }
}
