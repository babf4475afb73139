import { CpnsError, type EntityId, type PnId } from '@cpns/shared';
import {
  type AnyMessage,
  ack,
  authenticationRequest,
  authenticationResponses,
  authorizationRequest,
  authorizationResponse,
  type BodyOf,
  bodyOf,
  clearFrame,
  connectionSetupConfirmation,
  connectionSetupRequest,
  decodeEnvelope,
  type Envelope,
  encodeCapabilities,
  encodeEnvelope,
  type Hello,
  type HelloRequest,
  helloRequest,
  inventoryNotice,
  MAX_UPLINK_ENVELOPE,
  Mode,
  pnRegistrationRequest,
  pnRegistrationResponse,
  RequestFlow,
  refusal,
  relay,
  SetupType,
  Status,
  sessionAcknowledgement,
  sessionConfirm,
  toOctets,
  unknownPn,
} from '@cpns/shared/messages';
import {
  EMPTY,
  fromHex,
  INNER_TYPE,
  PneHandshake,
  RECORD_TYPE,
  RELAYED_CONTENT,
  SkChannel,
  type SkMaterial,
  toHex,
} from '@cpns/shared/security';
import { type Enrolled, idServer, provider, Rig } from './rig.js';

export const capabilities = encodeCapabilities({
  mode: Mode.Pne,
  mains: false,
  batteryPercent: 80,
  cores: 4,
  memoryMiB: 2048,
  networks: [],
  reachesServer: false,
  reachesServerAgeS: 0,
  panTechnologies: [],
  ui: true,
  zone: false,
  subscribed: true,
  canRoute: false,
  preference: 0,
  pairedPnes: 1,
});

const same = (a: Uint8Array, b: Uint8Array) => toHex(a) === toHex(b);

/** The answer to a transaction, which is here by the time that the server has taken the request. @throws CpnsError of a refusal */
function answerIn(arrived: Envelope[], transaction: Uint8Array, what: AnyMessage): Envelope {
  const at = arrived.findLastIndex((envelope) => same(envelope.transaction, transaction));
  const [answer] = at < 0 ? [] : arrived.splice(at, 1);
  if (answer === undefined) throw new Error(`no answer to ${what.name}`);
  if (answer.number !== refusal.number) return answer;
  const { status, retryAfterMs } = bodyOf(answer, refusal);
  throw new CpnsError('Auth', 'Refused', 'refused', { status, ...(retryAfterMs !== undefined && { retryAfterMs }) });
}

/** A PN GW that does exactly what a test tells it to. */
export class GatewayDouble {
  readonly entityId: EntityId;
  /** From the server, sealed or in clear, in the order of arrival; answers are taken out. */
  readonly arrived: Envelope[] = [];
  readonly pnes = new Map<EntityId, PneDouble>();
  channel: SkChannel | undefined;
  /** Of the last request about PNEs. */
  randGw: Uint8Array;

  constructor(
    readonly rig: Rig,
    readonly device: Enrolled,
  ) {
    this.entityId = device.entityId;
    this.randGw = rig.entropy.bytes(32);
  }

  static async connected(rig: Rig, name = 'gateway', device?: Enrolled): Promise<GatewayDouble> {
    const gateway = new GatewayDouble(rig, device ?? (await rig.enrol(name)));
    gateway.connect();
    await gateway.setUp();
    return gateway;
  }

  connect(): void {
    this.rig.attach(this.entityId, (payload) => this.#receive(payload));
  }

  /** Octets as they are. */
  publish(payload: Uint8Array, topic: EntityId = this.entityId): Promise<void> {
    return this.rig.enabler.uplink(topic, payload);
  }

  begin(): PneHandshake {
    const { rig, device } = this;
    const { entropy } = rig;
    const { root, entityId: idPne } = device;
    return PneHandshake.begin({
      provider,
      entropy,
      root,
      idServer,
      idPne,
      idGw: '',
      capabilities: EMPTY,
      request: EMPTY,
      localEuKeyNeeded: false,
    });
  }

  /** Seed 002, steps 8 to 11, and the first record. */
  async setUp(): Promise<BodyOf<typeof sessionConfirm>> {
    const handshake = this.begin();
    const { request: _request, capabilities: _capabilities, localEuKeyNeeded: _needed, ...hello } = handshake.hello;
    const { challenge } = bodyOf(await this.inClear(connectionSetupRequest, { hello }), authorizationRequest);
    const { hashPne } = handshake.answer(challenge, { pnId: EMPTY, idGw: '' });
    const { hashServer, record } = bodyOf(await this.inClear(authorizationResponse, { hashPne }), connectionSetupConfirmation);
    const { entropy, clock } = this.rig;
    this.channel = new SkChannel({ provider, entropy, clock, material: handshake.confirm(hashServer), side: 'device' });
    const confirm = bodyOf(decodeEnvelope(this.channel.open(record)?.content ?? EMPTY, MAX_UPLINK_ENVELOPE), sessionConfirm);
    await this.notify(sessionAcknowledgement, { inventoryVersion: 0 });
    return confirm;
  }

  async inClear<M extends AnyMessage>(type: M, body: BodyOf<M>, transaction = this.rig.entropy.bytes(16)): Promise<Envelope> {
    await this.publish(clearFrame(encodeEnvelope(type, transaction, this.entityId, body)));
    return answerIn(this.arrived, transaction, type);
  }

  async request<M extends AnyMessage>(type: M, body: BodyOf<M>, transaction = this.rig.entropy.bytes(16)): Promise<Envelope> {
    await this.#sealed(encodeEnvelope(type, transaction, this.entityId, body));
    return answerIn(this.arrived, transaction, type);
  }

  notify<M extends AnyMessage>(type: M, body: BodyOf<M>): Promise<void> {
    return this.#sealed(encodeEnvelope(type, this.rig.entropy.bytes(16), this.entityId, body));
  }

  answer<M extends AnyMessage>(request: Envelope, type: M, body: BodyOf<M>): Promise<void> {
    return this.#sealed(encodeEnvelope(type, request.transaction, this.entityId, body));
  }

  /** Carries a record of a PNE. */
  carry(pnId: PnId, pne: EntityId, record: Uint8Array): Promise<void> {
    return this.notify(relay, { pnId: fromHex(pnId), pne, record });
  }

  /** Takes out what arrived of that type. */
  take<M extends AnyMessage>(type: M): BodyOf<M>[] {
    return this.takeEnvelopes(type).map((envelope) => bodyOf(envelope, type) as BodyOf<M>);
  }

  takeEnvelopes(type: AnyMessage): Envelope[] {
    const taken = this.arrived.filter((envelope) => envelope.number === type.number);
    for (const envelope of taken) this.arrived.splice(this.arrived.indexOf(envelope), 1);
    return taken;
  }

  async #sealed(envelope: Uint8Array): Promise<void> {
    if (this.channel === undefined) throw new Error('no session yet');
    for (const record of this.channel.sealEnvelope(envelope)) await this.publish(record);
  }

  #receive(payload: Uint8Array): void {
    const opened =
      payload[0] === RECORD_TYPE.sk ? this.channel?.open(payload) : { innerType: INNER_TYPE.envelope, content: payload.subarray(1) };
    if (opened?.innerType !== INNER_TYPE.envelope) return;
    const envelope = decodeEnvelope(opened.content, MAX_UPLINK_ENVELOPE);
    if (envelope.number !== relay.number) return void this.arrived.push(envelope);
    const { pnId, pne, record } = bodyOf(envelope, relay);
    this.pnes.get(pne)?.receive(toHex(pnId) as PnId, record);
  }
}

/** A PNE behind a {@link GatewayDouble}: the real handshake and the real SK channel of a device. */
export class PneDouble {
  readonly entityId: EntityId;
  readonly arrived: Envelope[] = [];
  readonly channels = new Map<PnId, SkChannel>();
  handshake: PneHandshake | undefined;
  #material: SkMaterial | undefined;
  /** Octets of the longest record that came for it. */
  longestRecord = 0;
  confirmed: BodyOf<typeof sessionConfirm> | undefined;

  constructor(
    readonly gateway: GatewayDouble,
    readonly device: Enrolled,
  ) {
    this.entityId = device.entityId;
    gateway.pnes.set(device.entityId, this);
  }

  static async of(gateway: GatewayDouble, name: string): Promise<PneDouble> {
    return new PneDouble(gateway, await gateway.rig.enrol(name));
  }

  /** A hello for this PNE's gateway, or for another one. */
  hello(
    request: Pick<HelloRequest, 'flow'> & Partial<HelloRequest>,
    options: { idGw?: EntityId; forwardSecrecy?: boolean; capabilities?: Uint8Array } = {},
  ): Hello {
    const { device, gateway } = this;
    this.handshake = PneHandshake.begin({
      provider,
      entropy: gateway.rig.entropy,
      root: device.root,
      idServer,
      idPne: device.entityId,
      idGw: options.idGw ?? gateway.entityId,
      capabilities: options.capabilities ?? capabilities,
      request: toOctets(helloRequest, { version: 1, suite: 1, ...request }),
      localEuKeyNeeded: true,
      requireForwardSecrecy: options.forwardSecrecy ?? true,
    });
    return this.handshake.hello;
  }

  /** The proof for this PNE's part of an Authentication Request. */
  prove(pnId: PnId, request: BodyOf<typeof authenticationRequest>): Uint8Array {
    const entry = request.pnes.find(({ pne }) => pne === this.entityId);
    if (entry === undefined || this.handshake === undefined) throw new Error('no challenge');
    const { eServer, wrapped } = entry;
    const octets = fromHex(pnId);
    const idGw = this.gateway.entityId;
    const challenge = {
      version: 1,
      suite: 1,
      idServer: request.idServer,
      idGw,
      pnId: octets,
      randServer: request.randServer,
      eServer,
      wrapped,
    };
    return this.handshake.answer(challenge, { pnId: octets, idGw }).hashPne;
  }

  /** Verifies the server and takes its first record. */
  confirm(pnId: PnId, { hashServer, record }: { hashServer?: Uint8Array; record?: Uint8Array }): BodyOf<typeof sessionConfirm> {
    if (hashServer === undefined || record === undefined || this.handshake === undefined) throw new Error('nothing to confirm');
    const { entropy, clock } = this.gateway.rig;
    const material = this.handshake.confirm(hashServer);
    const channel = new SkChannel({ provider, entropy, clock, material, side: 'device' });
    const confirm = bodyOf(decodeEnvelope(channel.open(record)?.content ?? EMPTY, MAX_UPLINK_ENVELOPE), sessionConfirm);
    this.channels.set(pnId, channel);
    this.#material = material;
    this.confirmed = confirm;
    return confirm;
  }

  /** The same session in another process of the device. */
  otherProcess(pnId: PnId): void {
    const { entropy, clock } = this.gateway.rig;
    if (this.#material === undefined) throw new Error('no session yet');
    this.channels.set(pnId, new SkChannel({ provider, entropy, clock, material: this.#material, side: 'device' }));
  }

  /** A device that got a first page only has no version yet. */
  acknowledge(pnId: PnId): Promise<void> {
    const { version = 0, n = 1 } = this.confirmed?.inventory ?? {};
    return this.notify(pnId, sessionAcknowledgement, { inventoryVersion: n === 1 ? version : 0 });
  }

  async request<M extends AnyMessage>(
    pnId: PnId,
    type: M,
    body: BodyOf<M>,
    transaction = this.gateway.rig.entropy.bytes(16),
  ): Promise<Envelope> {
    await this.#send(pnId, encodeEnvelope(type, transaction, this.entityId, body));
    return answerIn(this.arrived, transaction, type);
  }

  notify<M extends AnyMessage>(pnId: PnId, type: M, body: BodyOf<M>): Promise<void> {
    return this.#send(pnId, encodeEnvelope(type, this.gateway.rig.entropy.bytes(16), this.entityId, body));
  }

  answer<M extends AnyMessage>(pnId: PnId, request: Envelope, type: M, body: BodyOf<M>): Promise<void> {
    return this.#send(pnId, encodeEnvelope(type, request.transaction, this.entityId, body));
  }

  /** Records for an envelope, to be carried by hand. */
  records<M extends AnyMessage>(pnId: PnId, type: M, body: BodyOf<M>, sender: EntityId = this.entityId): Uint8Array[] {
    return this.#channel(pnId).sealEnvelope(encodeEnvelope(type, this.gateway.rig.entropy.bytes(16), sender, body));
  }

  takeEnvelopes(type: AnyMessage): Envelope[] {
    const taken = this.arrived.filter((envelope) => envelope.number === type.number);
    for (const envelope of taken) this.arrived.splice(this.arrived.indexOf(envelope), 1);
    return taken;
  }

  take<M extends AnyMessage>(type: M): BodyOf<M>[] {
    return this.takeEnvelopes(type).map((envelope) => bodyOf(envelope, type) as BodyOf<M>);
  }

  receive(pnId: PnId, record: Uint8Array): void {
    this.longestRecord = Math.max(this.longestRecord, record.length);
    const opened = this.channels.get(pnId)?.open(record);
    if (opened?.innerType === INNER_TYPE.envelope) this.arrived.push(decodeEnvelope(opened.content, MAX_UPLINK_ENVELOPE));
  }

  #channel(pnId: PnId): SkChannel {
    const channel = this.channels.get(pnId);
    if (channel === undefined) throw new Error('no session in that PN');
    return channel;
  }

  async #send(pnId: PnId, envelope: Uint8Array): Promise<void> {
    for (const record of this.#channel(pnId).sealEnvelope(envelope, {}, RELAYED_CONTENT))
      await this.gateway.carry(pnId, this.entityId, record);
  }
}

/** A server, Alice's PN GW that is connected with it, and PNEs of hers by their names. */
export async function home<Name extends string>(...names: readonly Name[]) {
  const rig = new Rig();
  await rig.user();
  const gateway = await GatewayDouble.connected(rig);
  const pnes = {} as Record<Name, PneDouble>;
  for (const name of names) pnes[name] = await PneDouble.of(gateway, name);
  return { rig, gateway, ...pnes };
}

/** Everything that an establishment by that PNE may leave. */
export function kept(rig: Rig, pne: PneDouble) {
  const { reads } = rig.db;
  return { pns: reads.pns.list().length, ofLaptop: reads.pns.ofMember(pne.entityId).length, ...rig.enabler.gauges() };
}

/** Steps 10 to 12: what the server says in the end. */
export async function complete({ gateway }: PneDouble, begun: Begun, pnes: readonly PneDouble[]) {
  return bodyOf(await gateway.request(authenticationResponses, proofsOf(begun, pnes)), pnRegistrationResponse);
}

/** A PN in which all `pnes` are members with a session. */
export async function established(gateway: GatewayDouble, pnes: readonly PneDouble[], shareMembers = true): Promise<PnId> {
  const begun = await begin(gateway, pnes, shareMembers);
  const { pnes: outcomes } = bodyOf(await gateway.request(authenticationResponses, proofsOf(begun, pnes)), pnRegistrationResponse);
  for (const pne of pnes) {
    pne.confirm(begun.pnId, outcomes.find((outcome) => outcome.pne === pne.entityId) ?? {});
    await pne.acknowledge(begun.pnId);
  }
  return begun.pnId;
}

/** Acknowledges every notice that waits at a PN GW and its PNEs, as a device that stored it. Returns how many there were. */
export async function storeNotices(gateway: GatewayDouble, pnId: PnId): Promise<number> {
  let count = 0;
  for (const type of [inventoryNotice, unknownPn]) {
    for (const envelope of gateway.takeEnvelopes(type)) {
      await gateway.answer(envelope, ack, { status: Status.Success });
      count++;
    }
    for (const pne of gateway.pnes.values()) {
      for (const envelope of pne.takeEnvelopes(type)) {
        await pne.answer(pnId, envelope, ack, { status: Status.Success });
        count++;
      }
    }
  }
  return count;
}

/** Steps 1 to 5 of seed 003 figure 10, as far as the server sees them. */
export interface Begun {
  readonly pnId: PnId;
  readonly body: BodyOf<typeof pnRegistrationRequest>;
  readonly challenge: BodyOf<typeof authenticationRequest>;
}

/** Body of a PN Registration Request: the first PNE asks, the others consent. */
export function registrationOf(gateway: GatewayDouble, pnes: readonly PneDouble[], pnId: PnId, shareMembers = true): Begun['body'] {
  const [initiator, ...others] = pnes;
  if (initiator === undefined) throw new Error('nobody asks');
  const setupType = others.length === 0 ? SetupType.OneToOne : SetupType.All;
  gateway.randGw = gateway.rig.entropy.bytes(32);
  return {
    pnId: fromHex(pnId),
    gatewayCapabilities: capabilities,
    initiator: initiator.entityId,
    randGw: gateway.randGw,
    shareMembers,
    pnes: [
      initiator.hello({ flow: RequestFlow.Setup, setupType }),
      ...others.map((pne) => pne.hello({ flow: RequestFlow.Consent, consent: true })),
    ],
  };
}

export function newPnId(rig: Rig): PnId {
  return toHex(rig.entropy.bytes(16)) as PnId;
}

export async function begin(gateway: GatewayDouble, pnes: readonly PneDouble[], shareMembers = true): Promise<Begun> {
  const pnId = newPnId(gateway.rig);
  const body = registrationOf(gateway, pnes, pnId, shareMembers);
  const challenge = bodyOf(await gateway.request(pnRegistrationRequest, body), authenticationRequest);
  return { pnId, body, challenge };
}

/** Step 10: the proofs of those who give one. */
export function proofsOf({ pnId, challenge }: Begun, pnes: readonly PneDouble[]): BodyOf<typeof authenticationResponses> {
  return {
    pnId: fromHex(pnId),
    randServer: challenge.randServer,
    pnes: pnes.map((pne) => ({ pne: pne.entityId, hashPne: pne.prove(pnId, challenge) })),
  };
}
