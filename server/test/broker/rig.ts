import { type EventEmitter, once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { type EntityId, type Entropy, entityId } from '@cpns/shared';
import { SystemClock } from '@cpns/shared/node';
import { InsecureSeededEntropy, MemoryLogger } from '@cpns/shared/testing';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { onTestFinished } from 'vitest';
import type { BrokerAddress, BrokerHandler } from '../../src/broker/broker.js';
import { EmbeddedBroker } from '../../src/broker/embedded-broker.js';
import { defaultSettings, type Settings } from '../../src/config/settings.js';

export const CIPHERS = 'ECDHE-PSK-CHACHA20-POLY1305';
export const phone = entityId('phone-1');
export const laptop = entityId('laptop-2');

const entropy: Entropy = new InsecureSeededEntropy('broker');
/** What the devices of every test hold. */
export const keys = new Map<EntityId, Uint8Array>([
  [phone, entropy.bytes(32)],
  [laptop, entropy.bytes(32)],
]);

/** Records what the broker reports and lets tests wait for it. */
export class RecordingHandler implements BrokerHandler {
  readonly log: string[] = [];
  readonly payloads: { readonly from: EntityId; readonly payload: Uint8Array }[] = [];
  /** What an uplink does; by default it is taken at once. */
  take: (from: EntityId, payload: Uint8Array) => Promise<void> = async () => {};
  #listeners: (() => void)[] = [];

  async uplink(from: EntityId, payload: Uint8Array): Promise<void> {
    this.payloads.push({ from, payload });
    this.#tell();
    await this.take(from, payload);
  }
  deviceConnected(id: EntityId): void {
    this.log.push(`+${id}`);
    this.#tell();
  }
  deviceDisconnected(id: EntityId): void {
    this.log.push(`-${id}`);
    this.#tell();
  }

  /** Resolves when `ready` is true, looked at whenever something was reported. */
  async until(ready: () => boolean): Promise<void> {
    while (!ready()) await new Promise<void>((resolve) => this.#listeners.push(resolve));
  }

  #tell(): void {
    for (const listener of this.#listeners.splice(0)) listener();
  }
}

export interface BrokerRig {
  readonly broker: EmbeddedBroker;
  readonly handler: RecordingHandler;
  readonly logger: MemoryLogger;
  readonly address: BrokerAddress;
  readonly known: Map<EntityId, Uint8Array>;
}

/** A broker on a free port of loopback, without the limit of handshakes per address unless asked for. */
export async function startBroker(changes: Partial<Settings['uplink']> = {}): Promise<BrokerRig> {
  const settings = {
    ...defaultSettings().uplink,
    host: '127.0.0.1',
    port: 0,
    handshakesPerSecondPerAddress: 100_000,
    handshakeBurstPerAddress: 100_000,
    ...changes,
  };
  const known = new Map(keys);
  const logger = new MemoryLogger();
  const broker = new EmbeddedBroker({
    settings,
    directory: { tlsKey: (id) => known.get(id) },
    clock: new SystemClock(),
    entropy,
    logger,
  });
  const handler = new RecordingHandler();
  const address = await broker.start(handler);
  onTestFinished(() => broker.stop());
  return { broker, handler, logger, address, known };
}

/** MQTT.js as a device would use it. Not yet connected. */
export function device(rig: BrokerRig, id: EntityId, options: IClientOptions & { identity?: string; psk?: Uint8Array } = {}): MqttClient {
  const { identity = id, psk = keys.get(id) ?? new Uint8Array(32), ...rest } = options;
  const client = mqtt.connect({
    protocol: 'mqtts',
    host: rig.address.host,
    port: rig.address.port,
    protocolVersion: 4,
    clientId: id,
    clean: true,
    keepalive: 30,
    reconnectPeriod: 0,
    ciphers: CIPHERS,
    maxVersion: 'TLSv1.2',
    pskCallback: () => ({ psk: Buffer.from(psk), identity }),
    checkServerIdentity: () => undefined,
    ...rest,
  } as IClientOptions);
  onTestFinished(() => void client.end(true));
  return client;
}

/** The arguments of the next `event`; rejects on an error before it. */
export function next(client: MqttClient, event: string): Promise<unknown[]> {
  return once(client as unknown as EventEmitter, event);
}

/** Connected and subscribed: the broker reaches it. */
export async function reachableDevice(rig: BrokerRig, id: EntityId, options: Parameters<typeof device>[2] = {}): Promise<MqttClient> {
  const client = device(rig, id, options);
  await next(client, 'connect');
  await client.subscribeAsync(`cpns/v1/${id}/down`, { qos: 1 });
  await rig.handler.until(() => rig.broker.connected().includes(id));
  return client;
}

/** How a client that is turned away learns of it. */
export function failure(client: MqttClient): Promise<Error & { code?: number | string }> {
  return new Promise((resolve) => {
    client.once('error', resolve);
    client.once('close', () => resolve(new Error('closed')));
  });
}

/** RFC 5246 section 7.2. */
export const BAD_RECORD_MAC = 20;

/** The number of the TLS alert with which the server ended the handshake. */
export function tlsAlert(error: Error): number | undefined {
  const number = /SSL alert number (\d+)/.exec(error.message)?.[1];
  return number === undefined ? undefined : Number(number);
}

/** A TCP connection that speaks no TLS. */
export async function rawSocket(rig: BrokerRig): Promise<Socket> {
  const socket = createConnection(rig.address.port, rig.address.host);
  socket.on('error', () => {});
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** A TLS-PSK connection of a device that then says whatever the test writes. */
export async function tlsSocket(rig: BrokerRig, id: EntityId = phone, key: Uint8Array | undefined = keys.get(id)): Promise<TLSSocket> {
  const socket = connectTls({
    host: rig.address.host,
    port: rig.address.port,
    ciphers: CIPHERS,
    maxVersion: 'TLSv1.2',
    pskCallback: () => ({ psk: Buffer.from(key ?? []), identity: id }),
    checkServerIdentity: () => undefined,
  });
  onTestFinished(() => void socket.destroy());
  await once(socket, 'secureConnect');
  socket.on('error', () => {});
  socket.resume();
  return socket;
}

/** Resolves when the socket is closed, in whatever way. */
export function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) resolve();
    else socket.once('close', () => resolve());
  });
}

/** Everything the socket receives until it ends. */
export async function received(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await closed(socket);
  return Buffer.concat(chunks);
}
