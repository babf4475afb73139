import type { TLSSocket } from 'node:tls';
import { abortReason, CpnsError, downTopic, type EntityId, upTopic } from '@cpns/shared';
import { generate, type Packet, parser } from 'mqtt-packet';

const KEEPALIVE_S = 60;
const PING_MS = 30_000;
const MAX_MESSAGE_ID = 65_535;
const PING = generate({ cmd: 'pingreq' });
const DISCONNECT = generate({ cmd: 'disconnect' });

export interface LeanMqttOptions {
  readonly entityId: EntityId;
  /** One payload from the `down` topic. */
  message(payload: Uint8Array): void;
  /** Once, when the connection is over and nobody here ended it. */
  closed(reason: CpnsError): void;
}

/**
 * As little MQTT 3.1.1 as a device needs: CONNECT, SUBSCRIBE `down`, PUBLISH `up` with QoS 1, acknowledgements and pings. It keeps no
 * copies and repeats nothing; whoever needs an answer asks again.
 */
export class LeanMqtt {
  readonly #socket: TLSSocket;
  readonly #options: LeanMqttOptions;
  readonly #parser = parser();
  readonly #upTopic: string;
  readonly #pings: NodeJS.Timeout;
  #messageId = 0;
  #over = false;
  #ready: { readonly resolve: () => void; readonly reject: (error: CpnsError) => void } | undefined;

  private constructor(socket: TLSSocket, options: LeanMqttOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#upTopic = upTopic(options.entityId);
    this.#parser.on('packet', (packet) => this.#take(packet));
    this.#parser.on('error', () => this.#end('The server sent something that is no MQTT.'));
    socket.on('data', (octets) => this.#parser.parse(octets));
    socket.on('close', () => this.#end('The connection to the server broke.'));
    this.#pings = setInterval(() => socket.write(PING), PING_MS);
  }

  /** Connects and subscribes. Takes the socket over: it is closed when this fails. @throws CpnsError Transport, Auth, or the reason of `signal` */
  static async open(socket: TLSSocket, options: LeanMqttOptions, signal: AbortSignal): Promise<LeanMqtt> {
    const connection = new LeanMqtt(socket, options);
    const abort = () => connection.#end('', abortReason(signal));
    signal.addEventListener('abort', abort, { once: true });
    try {
      await new Promise<void>((resolve, reject) => {
        connection.#ready = { resolve, reject };
        socket.write(
          generate({
            cmd: 'connect',
            protocolId: 'MQTT',
            protocolVersion: 4,
            clean: true,
            clientId: options.entityId,
            keepalive: KEEPALIVE_S,
          }),
        );
        if (signal.aborted) abort();
      });
      connection.#ready = undefined;
      return connection;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  publish(payload: Uint8Array): void {
    if (this.#over) return;
    const octets = Buffer.from(payload.buffer, payload.byteOffset, payload.length);
    this.#socket.write(
      generate({ cmd: 'publish', topic: this.#upTopic, payload: octets, qos: 1, messageId: this.#nextId(), dup: false, retain: false }),
    );
  }

  /** Says goodbye. */
  close(): void {
    if (this.#over) return;
    this.#forget();
    this.#socket.end(DISCONNECT);
  }

  /** Is gone without a word. */
  destroy(): void {
    this.#forget();
    this.#socket.destroy();
  }

  #take(packet: Packet): void {
    if (this.#over) return;
    switch (packet.cmd) {
      case 'connack':
        if (packet.returnCode !== 0) return this.#end('The server does not let this device in.');
        this.#socket.write(
          generate({ cmd: 'subscribe', messageId: this.#nextId(), subscriptions: [{ topic: downTopic(this.#options.entityId), qos: 1 }] }),
        );
        return;
      case 'suback':
        if (packet.granted[0] === 128) return this.#end('The server does not let this device hear its messages.');
        return this.#ready?.resolve();
      case 'publish':
        if (packet.qos === 1) this.#socket.write(generate({ cmd: 'puback', messageId: packet.messageId as number }));
        // A copy: the parser hands out a part of its buffer.
        return this.#options.message(new Uint8Array(packet.payload as Buffer));
      default:
    }
  }

  #nextId(): number {
    this.#messageId = (this.#messageId % MAX_MESSAGE_ID) + 1;
    return this.#messageId;
  }

  #forget(): void {
    this.#over = true;
    clearInterval(this.#pings);
  }

  #end(sentence: string, reason = new CpnsError('Transport', 'UplinkLost', sentence)): void {
    if (this.#over) return;
    this.destroy();
    if (this.#ready === undefined) this.#options.closed(reason);
    else this.#ready.reject(reason);
  }
}
