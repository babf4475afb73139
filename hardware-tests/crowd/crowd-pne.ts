import { ServerChannel } from '@cpns/agent';
import { acknowledged, CpnsError, type EntityId, type PnId, reply } from '@cpns/shared';
import {
  Addressee,
  type ApplicationData,
  type authenticationRequest,
  type BodyOf,
  bodyOf,
  data,
  dataAnswer,
  decodeEnvelope,
  type Envelope,
  encodeCapabilities,
  type HelloRequest,
  heartbeat,
  heartbeatAnswer,
  helloRequest,
  inventoryNotice,
  MAX_UPLINK_ENVELOPE,
  Mode,
  PROTOCOL_VERSION,
  Status,
  SUITE,
  sessionAcknowledgement,
  sessionConfirm,
  toOctets,
} from '@cpns/shared/messages';
import { fromHex, PneHandshake, RELAYED_CONTENT, SkChannel } from '@cpns/shared/security';
import type { Account } from './account.js';
import type { CrowdPorts, CrowdServer } from './ports.js';

export type AuthenticationRequest = BodyOf<typeof authenticationRequest>;
/** The part of it that is about one PNE. */
export type Challenge = Omit<AuthenticationRequest, 'pnes'> & AuthenticationRequest['pnes'][number];

/** What the server says to a PNE that proved itself. */
export interface Confirmation {
  readonly hashServer?: Uint8Array | undefined;
  readonly record?: Uint8Array | undefined;
}

/** What a PNE needs of the PN GW that carries its records. */
export interface Carrier {
  readonly id: EntityId;
  relay(pnId: PnId, pne: EntityId, record: Uint8Array): void;
  received(to: EntityId, content: ApplicationData): void;
  /** The server told a PNE of a version of a PN. */
  noticed?(to: EntityId, version: number): void;
}

/** A phone's. */
export const capabilities = encodeCapabilities({
  mode: Mode.Pne,
  mains: false,
  batteryPercent: 80,
  cores: 8,
  memoryMiB: 6_144,
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

/** A PNE as the server sees it: the product's handshake and SK channels, without a PAN, without state on a disk. */
export class CrowdPne {
  readonly id: EntityId;
  readonly #account: Account;
  readonly #ports: CrowdPorts;
  readonly #server: CrowdServer;
  readonly #carrier: Carrier;
  readonly #sessions = new Map<PnId, ServerChannel>();

  constructor(account: Account, ports: CrowdPorts, server: CrowdServer, carrier: Carrier) {
    this.id = account.id;
    this.#account = account;
    this.#ports = ports;
    this.#server = server;
    this.#carrier = carrier;
  }

  /** Begins a run of the server handshake; its LocalEUKey is asked for, as on every PAN that is not secure. */
  begin(asked: Omit<HelloRequest, 'version' | 'suite'>): PneHandshake {
    const { provider, entropy } = this.#ports;
    return PneHandshake.begin({
      provider,
      entropy,
      root: this.#account.root,
      idServer: this.#server.idServer,
      idPne: this.id,
      idGw: this.#carrier.id,
      capabilities,
      request: toOctets(helloRequest, { ...asked, version: PROTOCOL_VERSION, suite: SUITE }),
      localEuKeyNeeded: true,
    });
  }

  /** hash_PNE for the server's challenge. @throws CpnsError Auth */
  prove(handshake: PneHandshake, { idServer, pnId, randServer, eServer, wrapped }: Challenge): Uint8Array {
    const idGw = this.#carrier.id;
    const challenge = { version: PROTOCOL_VERSION, suite: SUITE, idServer, idGw, pnId, randServer, eServer, wrapped };
    const proof = handshake.answer(challenge, { pnId, idGw });
    // For a PAN hop, which a crowd does not have.
    proof.localEuKey?.key.erase();
    return proof.hashPne;
  }

  /** Verifies the server, takes the session into use and acknowledges it. @throws CpnsError Auth, State/NotInPn */
  confirm(handshake: PneHandshake, pnId: PnId, { hashServer, record }: Confirmation): BodyOf<typeof sessionConfirm> {
    if (hashServer === undefined || record === undefined) throw new CpnsError('Auth', 'NoConfirmation', `${this.id} was not confirmed.`);
    const { provider, entropy, clock, logger } = this.#ports;
    const channel = new SkChannel({ provider, entropy, clock, material: handshake.confirm(hashServer), side: 'device' });
    const first = channel.open(record);
    if (first === undefined) throw new CpnsError('Auth', 'NoFirstRecord', 'The server did not open its session properly.');
    const confirm = bodyOf(decodeEnvelope(first.content, MAX_UPLINK_ENVELOPE), sessionConfirm);
    if (confirm.status !== Status.Success) {
      channel.erase();
      throw new CpnsError('State', 'NotInPn', `The server says that ${this.id} is not in the PN.`, { status: confirm.status });
    }
    const session = new ServerChannel({
      channel,
      self: this.id,
      clock,
      entropy,
      logger,
      maxContent: RELAYED_CONTENT,
      carry: (sealed) => this.#carrier.relay(pnId, this.id, sealed),
      message: (from, envelope) => this.#serve(from, envelope),
    });
    this.forget(pnId);
    this.#sessions.set(pnId, session);
    const { version = 0, n = 1 } = confirm.inventory ?? {};
    session.notify(sessionAcknowledgement, { inventoryVersion: n === 1 ? version : 0 });
    return confirm;
  }

  /** PNs in which this PNE has a session with the server. */
  get pns(): PnId[] {
    return [...this.#sessions.keys()];
  }

  /** Data for the server's services; resolves when the server has stored it. @throws CpnsError State, Timeout */
  async send(pnId: PnId, payload: Uint8Array): Promise<void> {
    const session = this.#sessions.get(pnId);
    if (session === undefined) throw new CpnsError('State', 'NoSession', `${this.id} has no session with the server in ${pnId}.`);
    await sendData(session, this.id, this.#ports, payload);
  }

  receive(pnId: PnId, record: Uint8Array): void {
    this.#sessions.get(pnId)?.receive(record);
  }

  /** Drops one session: the power of the device failed, or the PN is no longer of interest. */
  forget(pnId: PnId): void {
    this.#sessions.get(pnId)?.close();
    this.#sessions.delete(pnId);
  }

  #serve(session: ServerChannel, envelope: Envelope): void {
    if (envelope.number === inventoryNotice.number) this.#carrier.noticed?.(this.id, bodyOf(envelope, inventoryNotice).inventory.version);
    serveCommon(session, envelope, (content) => this.#carrier.received(this.id, content));
  }
}

/** Sends data in a session, repeating it until the server has stored it. @throws CpnsError State/Refused, Timeout */
export async function sendData(session: ServerChannel, from: EntityId, { entropy }: CrowdPorts, payload: Uint8Array): Promise<void> {
  const content = {
    id: entropy.bytes(16),
    from,
    to: Addressee.Server,
    channel: 'default',
    contentType: 'application/octet-stream',
    payload,
  };
  const { body } = await session.request(data, { data: content }, [dataAnswer]);
  if (body.receipt.status !== Status.Success) {
    throw new CpnsError('State', 'Refused', 'The server did not take the data.', { status: body.receipt.status });
  }
}

/** What PN GW and PNE answer alike; a notice is stored by being acknowledged. */
export function serveCommon(session: ServerChannel, envelope: Envelope, received: (content: ApplicationData) => void): void {
  void session.serve(envelope, async () => {
    if (envelope.number === heartbeat.number) return reply(heartbeatAnswer, { counts: [] });
    if (envelope.number !== data.number) return acknowledged;
    const { data: content } = bodyOf(envelope, data);
    received(content);
    return reply(dataAnswer, { receipt: { id: content.id, status: Status.Success } });
  });
}

/** 16 raw octets. */
export function octetsOf(pnId: PnId): Uint8Array {
  return fromHex(pnId);
}
