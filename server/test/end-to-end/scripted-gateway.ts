import { once } from 'node:events';
import { CpnsError, type CpnsId, decodeEnrolment, downTopic, type Enrolment, type EntityId, parseHostPort, upTopic } from '@cpns/shared';
import {
  type AnyMessage,
  authorizationRequest,
  authorizationResponse,
  type BodyOf,
  bodyOf,
  clearFrame,
  connectionSetupConfirmation,
  connectionSetupRequest,
  decodeEnvelope,
  type Envelope,
  encodeEnvelope,
  MAX_UPLINK_ENVELOPE,
  pending,
  refusal,
  sessionAcknowledgement,
  sessionConfirm,
} from '@cpns/shared/messages';
import { nativeProvider, SystemClock, systemEntropy } from '@cpns/shared/node';
import { EMPTY, type EuKeyRoot, euKeyPrk, INNER_TYPE, PneHandshake, rootFromPrk, SkChannel } from '@cpns/shared/security';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { onTestFinished } from 'vitest';

const provider = nativeProvider;
const entropy = systemEntropy;
const PATIENCE_MS = 5_000;

/** A PN GW that says exactly what a test tells it to, over a real MQTT connection with TLS-PSK. */
export class ScriptedGateway {
  readonly entityId: EntityId;
  cpnsId: CpnsId | undefined;
  readonly #enrolment: Enrolment;
  readonly #root: EuKeyRoot;
  readonly #client: MqttClient;
  readonly #arrived: Envelope[] = [];
  #channel: SkChannel | undefined;
  #tell = () => {};

  private constructor(enrolment: Enrolment, client: MqttClient, root: EuKeyRoot) {
    this.entityId = enrolment.entityId;
    this.#enrolment = enrolment;
    this.#client = client;
    this.#root = root;
    client.on('message', (_topic, payload) => this.#receive(new Uint8Array(payload)));
  }

  /** Connects to `address` and subscribes. Rejects when the server turns the device away. */
  static async connect(code: string, address: string): Promise<ScriptedGateway> {
    const enrolment = decodeEnrolment(provider, code);
    const { entityId } = enrolment;
    const root = rootFromPrk(provider, euKeyPrk(provider, enrolment.euKey));
    const { host, port } = parseHostPort(address);
    const client = mqtt.connect({
      protocol: 'mqtts',
      host,
      port,
      protocolVersion: 4,
      clientId: entityId,
      clean: true,
      reconnectPeriod: 0,
      ciphers: 'ECDHE-PSK-CHACHA20-POLY1305',
      maxVersion: 'TLSv1.2',
      pskCallback: () => ({ psk: Buffer.from(root.kTls.reveal()), identity: entityId }),
      checkServerIdentity: () => undefined,
    } as IClientOptions);
    onTestFinished(() => void client.end(true));
    await new Promise<void>((resolve, reject) => {
      client.once('connect', () => resolve());
      client.once('error', reject);
      client.once('close', () => reject(new Error('turned away')));
    });
    const gateway = new ScriptedGateway(enrolment, client, root);
    await client.subscribeAsync(downTopic(entityId), { qos: 1 });
    return gateway;
  }

  /** Resolves when the server has closed the connection. */
  async disconnected(): Promise<void> {
    if (this.#client.connected) await once(this.#client as never, 'close');
  }

  async leave(): Promise<void> {
    await this.#client.endAsync();
  }

  /** Seed 002, steps 8 to 11, and the acknowledgement. @throws CpnsError with the status of a refusal */
  async setUpConnection(): Promise<BodyOf<typeof sessionConfirm>> {
    const handshake = PneHandshake.begin({
      provider,
      entropy,
      root: this.#root,
      idServer: this.#enrolment.serverId,
      idPne: this.entityId,
      idGw: '',
      capabilities: EMPTY,
      request: EMPTY,
      localEuKeyNeeded: false,
    });
    const { request: _request, capabilities: _capabilities, localEuKeyNeeded: _needed, ...hello } = handshake.hello;
    const challenge = bodyOf(await this.requestInClear(connectionSetupRequest, { hello }), authorizationRequest).challenge;
    const { hashPne } = handshake.answer(challenge, { pnId: EMPTY, idGw: '' });
    const confirmation = bodyOf(await this.requestInClear(authorizationResponse, { hashPne }), connectionSetupConfirmation);
    const material = handshake.confirm(confirmation.hashServer);
    const channel = new SkChannel({ provider, entropy, clock: new SystemClock({ unref: true }), material, side: 'device' });
    this.#channel = channel;
    const first = bodyOf(decodeEnvelope(channel.open(confirmation.record)?.content ?? EMPTY, MAX_UPLINK_ENVELOPE), sessionConfirm);
    this.cpnsId = first.cpnsId;
    await this.notify(sessionAcknowledgement, { inventoryVersion: 0 });
    return first;
  }

  /** Sends a request in the SK channel and resolves with its answer. @throws CpnsError with the status of a refusal */
  async request<M extends AnyMessage>(type: M, body: BodyOf<M>, transaction = entropy.bytes(16)): Promise<Envelope> {
    await this.#sendSealed(encodeEnvelope(type, transaction, this.entityId, body));
    return this.#answer(transaction);
  }

  async notify<M extends AnyMessage>(type: M, body: BodyOf<M>): Promise<void> {
    await this.#sendSealed(encodeEnvelope(type, entropy.bytes(16), this.entityId, body));
  }

  async answer<M extends AnyMessage>(request: Envelope, type: M, body: BodyOf<M>): Promise<void> {
    await this.#sendSealed(encodeEnvelope(type, request.transaction, this.entityId, body));
  }

  async requestInClear<M extends AnyMessage>(type: M, body: BodyOf<M>): Promise<Envelope> {
    const transaction = entropy.bytes(16);
    await this.publish(clearFrame(encodeEnvelope(type, transaction, this.entityId, body)));
    return this.#answer(transaction);
  }

  /** Octets as they are. Resolves with the PUBACK. */
  async publish(payload: Uint8Array): Promise<void> {
    await this.#client.publishAsync(upTopic(this.entityId), Buffer.from(payload), { qos: 1 });
  }

  /** The next message of that type, which may be there already. */
  next(type: AnyMessage): Promise<Envelope> {
    return this.#take((envelope) => envelope.number === type.number, type.name);
  }

  async #answer(transaction: Uint8Array): Promise<Envelope> {
    const mine = (envelope: Envelope) => Buffer.from(envelope.transaction).equals(transaction) && envelope.number !== pending.number;
    const answer = await this.#take(mine, 'an answer');
    if (answer.number !== refusal.number) return answer;
    throw new CpnsError('Auth', 'Refused', 'The server refused.', { status: bodyOf(answer, refusal).status });
  }

  async #take(wanted: (envelope: Envelope) => boolean, what: string): Promise<Envelope> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#tell();
    }, PATIENCE_MS);
    try {
      for (;;) {
        const at = this.#arrived.findIndex(wanted);
        if (at >= 0) return this.#arrived.splice(at, 1)[0] as Envelope;
        if (late) throw new Error(`${what} did not come`);
        await new Promise<void>((resolve) => {
          const before = this.#tell;
          this.#tell = () => {
            before();
            resolve();
          };
        });
      }
    } finally {
      clearTimeout(timer);
    }
  }

  async #sendSealed(envelope: Uint8Array): Promise<void> {
    if (this.#channel === undefined) throw new Error('There is no session yet.');
    for (const record of this.#channel.sealEnvelope(envelope)) await this.publish(record);
  }

  #receive(payload: Uint8Array): void {
    const opened = payload[0] === 0 ? { innerType: INNER_TYPE.envelope, content: payload.subarray(1) } : this.#channel?.open(payload);
    if (opened?.innerType !== INNER_TYPE.envelope) return;
    this.#arrived.push(decodeEnvelope(opened.content, MAX_UPLINK_ENVELOPE));
    const tell = this.#tell;
    this.#tell = () => {};
    tell();
  }
}
