import { ClearUplink, connectTlsPsk, ServerChannel, setUpConnection } from '@cpns/agent';
import { CpnsError, type EntityId, type PnId, refused, reply } from '@cpns/shared';
import {
  type ApplicationData,
  authenticationRequest,
  authenticationResponses,
  bodyOf,
  CLEAR_FRAME,
  capabilitiesConfirmation,
  capabilitiesUpdate,
  type Envelope,
  PneAction,
  PneState,
  PnOperation,
  pneRegistrationForward,
  pneRegistrationResponse,
  pneRequest,
  pneResponse,
  pnKeyRequest,
  pnKeyResponse,
  pnMembershipRequest,
  pnMembershipResponse,
  pnRegistrationRequest,
  pnRegistrationResponse,
  pnUpdateRequest,
  pnUpdateResponse,
  RemoveReason,
  RequestFlow,
  reconcile,
  reconcileResponse,
  relay,
  SetupType,
  Status,
  sessionAcknowledgement,
  sessionUnknown,
  statusManagementRequest,
  statusManagementResponse,
} from '@cpns/shared/messages';
import { RECORD_TYPE, toHex } from '@cpns/shared/security';
import type { Household } from './account.js';
import { type AuthenticationRequest, type Challenge, CrowdPne, capabilities, octetsOf, sendData, serveCommon } from './crowd-pne.js';
import { LeanMqtt } from './lean-mqtt.js';
import type { CrowdPorts, CrowdServer } from './ports.js';

export interface CrowdGatewayOptions {
  readonly household: Household;
  readonly server: CrowdServer;
  readonly ports: CrowdPorts;
  /** Application data of the server for this PN GW or one of its PNEs; it counts as stored on return. */
  received?(to: EntityId, content: ApplicationData): void;
  /** A PNE was told of a version of a PN. */
  noticed?(to: EntityId, version: number): void;
  /** The connection broke, and nobody here ended it. */
  disconnected?(reason: CpnsError): void;
  /** A payload of this PN GW passed the uplink. */
  passed?(way: 'up' | 'down', payload: Uint8Array): void;
  /** The server has no session of this PNE any more. */
  sessionUnknown?(pne: EntityId): void;
}

/** Of an establishment: the connection loses nothing, and repetitions would add to the load of a server that is slow because of it. */
const PATIENT = { repeat: false, timeoutMs: 60_000 } as const;

/** A PN as its PN GW keeps it. */
interface Pn {
  readonly pne: EntityId;
  readonly inventoryVersion: number;
  readonly keyEpoch: number;
}

/**
 * A PN GW with PNEs of its own, as the server sees them, over a real MQTT connection with TLS-PSK. What it says is made and checked by
 * the product's own code; it has no PAN, no disk and no log, so that hundreds of them fit into one process. Between {@link connect} and
 * {@link crash} it is a device that is on; what it must not lose (its PNs) survives a crash, sessions do not.
 */
export class CrowdGateway {
  readonly id: EntityId;
  readonly pnes: readonly CrowdPne[];
  readonly #options: CrowdGatewayOptions;
  readonly #pns = new Map<PnId, Pn>();
  /** PNs that the server listed for this PN GW when it connected. */
  listed: readonly PnId[] = [];
  #mqtt: LeanMqtt | undefined;
  #clear: ClearUplink | undefined;
  #channel: ServerChannel | undefined;

  constructor(options: CrowdGatewayOptions) {
    const { household, ports, server } = options;
    this.#options = options;
    this.id = household.gateway.id;
    const carrier = {
      id: this.id,
      relay: (pnId: PnId, pne: EntityId, record: Uint8Array) => this.#channel?.notify(relay, { pnId: octetsOf(pnId), pne, record }),
      received: (to: EntityId, content: ApplicationData) => options.received?.(to, content),
      noticed: (to: EntityId, version: number) => options.noticed?.(to, version),
    };
    this.pnes = household.pnes.map((account) => new CrowdPne(account, ports, server, carrier));
  }

  /** PNs that stand, oldest first. */
  get pns(): PnId[] {
    return [...this.#pns.keys()];
  }

  get isConnected(): boolean {
    return this.#mqtt !== undefined;
  }

  /** Connects, authenticates and compares its PNs with the server (seed 002 steps 8 to 17). @throws CpnsError Transport, Auth, State, Timeout */
  async connect(signal: AbortSignal): Promise<void> {
    const { household, server, ports } = this.#options;
    const { clock, entropy, provider, logger } = ports;
    const { id, root } = household.gateway;
    const socket = await connectTlsPsk(server.address, { entityId: id, key: root.kTls }, clock, signal);
    const closed = (reason: CpnsError) => {
      this.#gone(reason);
      this.#options.disconnected?.(reason);
    };
    this.#mqtt = await LeanMqtt.open(socket, { entityId: id, message: (payload) => this.#receive(payload), closed }, signal);
    try {
      const identity = { id, root, idServer: server.idServer };
      const device = { identity, provider, clock, entropy, logger, settings: { requireForwardSecrecy: true } };
      this.#clear = new ClearUplink(device, (payload) => this.#publish(payload));
      const { channel } = await setUpConnection(device, this.#clear, signal);
      this.#channel = new ServerChannel({
        channel,
        self: id,
        clock,
        entropy,
        logger,
        carry: (record) => this.#publish(record),
        message: (from, envelope) => this.#serve(from, envelope),
      });
      this.#channel.notify(sessionAcknowledgement, { inventoryVersion: 0 });
      await this.#channel.request(capabilitiesUpdate, { capabilities }, [capabilitiesConfirmation], { signal });
      await this.#compare(this.#channel, signal);
    } catch (error) {
      this.crash();
      throw error;
    }
  }

  /**
   * PN establishment 1-1 with one of its PNEs (seed 002 steps 19 to 23, seed 003 figure 10 steps 4 to 14): until that PNE has verified
   * the server and its acknowledgement is on the way.
   * @throws CpnsError State/Refused, Auth, Timeout, Transport
   */
  async establish(pne: CrowdPne): Promise<PnId> {
    const { entropy } = this.#options.ports;
    const server = this.#open();
    const octets = entropy.bytes(16);
    const pnId = toHex(octets) as PnId;
    const handshake = pne.begin({ flow: RequestFlow.Setup, setupType: SetupType.OneToOne, consent: true });
    try {
      // 19 to 21. PN Membership request, lookup, transfer
      const asked = { pnId: octets, initiator: pne.id, setupType: SetupType.OneToOne, candidates: [pne.id] };
      const { body: membership } = await server.request(pnMembershipRequest, asked, [pnMembershipResponse], PATIENT);
      if (membership.status !== Status.Success) throw refused(membership.status, 'The membership');

      // 4, 5. PN Registration Request, Authentication Request
      const { body: challenge } = await server.request(
        pnRegistrationRequest,
        {
          pnId: octets,
          gatewayCapabilities: capabilities,
          initiator: pne.id,
          randGw: entropy.bytes(32),
          shareMembers: true,
          pnes: [handshake.hello],
        },
        [authenticationRequest],
        PATIENT,
      );
      const hashPne = pne.prove(handshake, challengeFor(pne, challenge));

      // 10 to 12. Authentication Response, PN Registration Response
      const proofs = { pnId: octets, randServer: challenge.randServer, pnes: [{ pne: pne.id, hashPne }] };
      const { body: registered } = await server.request(authenticationResponses, proofs, [pnRegistrationResponse], PATIENT);
      if (registered.status !== Status.Success) throw refused(registered.status, 'The personal network');

      // 22, 23. PN Key request and response
      const { body: key } = await server.request(pnKeyRequest, { pnId: octets }, [pnKeyResponse], PATIENT);
      this.#pns.set(pnId, { pne: pne.id, inventoryVersion: registered.inventory?.version ?? 0, keyEpoch: key.epoch });

      // 14. PN Setup Response
      pne.confirm(handshake, pnId, registered.pnes.find((outcome) => outcome.pne === pne.id) ?? {});
      return pnId;
    } catch (error) {
      handshake.abort();
      throw error;
    }
  }

  /** PNE Registration, member case: a PNE that lost its session gets a new one (seed 001 figure 4). @throws as {@link establish} */
  async register(pne: CrowdPne, pnId: PnId): Promise<void> {
    const server = this.#open();
    const handshake = pne.begin({ flow: RequestFlow.RegisterMember });
    const octets = octetsOf(pnId);
    try {
      const forwarded = { pnId: octets, hello: handshake.hello, randGw: this.#options.ports.entropy.bytes(32) };
      const { body: challenge } = await server.request(pneRegistrationForward, forwarded, [authenticationRequest]);
      const hashPne = pne.prove(handshake, challengeFor(pne, challenge));
      const proofs = { pnId: octets, randServer: challenge.randServer, pnes: [{ pne: pne.id, hashPne }] };
      const { body } = await server.request(authenticationResponses, proofs, [pneRegistrationResponse]);
      if (body.status !== Status.Success) throw refused(body.status, 'The registration');
      pne.confirm(handshake, pnId, body);
    } catch (error) {
      handshake.abort();
      throw error;
    }
  }

  /** A PNE joins a PN (seed 003 figure 14). Resolves with the new version. @throws as {@link establish} */
  async join(pne: CrowdPne, pnId: PnId): Promise<number> {
    const server = this.#open();
    const handshake = pne.begin({ flow: RequestFlow.Join });
    const octets = octetsOf(pnId);
    try {
      const randGw = this.#options.ports.entropy.bytes(32);
      const forwarded = { action: PneAction.Join, pnId: octets, pne: pne.id, hello: handshake.hello, randGw };
      const { body: challenge } = await server.request(pneRequest, forwarded, [authenticationRequest], PATIENT);
      const hashPne = pne.prove(handshake, challengeFor(pne, challenge));
      const proofs = { pnId: octets, randServer: challenge.randServer, pnes: [{ pne: pne.id, hashPne }] };
      const { body } = await server.request(authenticationResponses, proofs, [pneResponse], PATIENT);
      if (body.status !== Status.Success) throw refused(body.status, 'The request to join');
      pne.confirm(handshake, pnId, body);
      return body.inventory?.version ?? 0;
    } catch (error) {
      handshake.abort();
      throw error;
    }
  }

  /** A PNE leaves a PN (seed 003 figure 15). Resolves with the new version. @throws CpnsError State/Refused, Timeout */
  async takeLeave(pne: CrowdPne, pnId: PnId): Promise<number> {
    const request = { action: PneAction.Leave, pnId: octetsOf(pnId), pne: pne.id };
    const { body } = await this.#open().request(pneRequest, request, [pneResponse], PATIENT);
    if (body.status !== Status.Success) throw refused(body.status, 'Leaving');
    pne.forget(pnId);
    return body.inventory?.version ?? 0;
  }

  /** Expels a PNE (seed 003 figure 16). Resolves with the new version. @throws CpnsError State/Refused, Timeout */
  async expel(pne: CrowdPne, pnId: PnId): Promise<number> {
    const update = { pnId: octetsOf(pnId), operation: PnOperation.Remove, pnes: [pne.id], reason: RemoveReason.Expelled };
    const { body } = await this.#open().request(pnUpdateRequest, update, [pnUpdateResponse], PATIENT);
    if (body.status !== Status.Success) throw refused(body.status, 'The expulsion');
    pne.forget(pnId);
    return body.inventory?.version ?? 0;
  }

  /** Takes the PNE of a PN out, and with it the PN (PN Update, remove). @throws CpnsError State/Refused, Timeout */
  async release(pnId: PnId): Promise<void> {
    const pn = this.#pns.get(pnId);
    if (pn === undefined) return;
    const update = { pnId: octetsOf(pnId), operation: PnOperation.Remove, pnes: [pn.pne], reason: RemoveReason.Expelled };
    await this.#open().request(pnUpdateRequest, update, [pnUpdateResponse]);
    this.forget(pnId);
  }

  /** Data of the PN GW itself for the server's services; resolves when the server has stored it. @throws CpnsError State, Timeout */
  async send(payload: Uint8Array): Promise<void> {
    await sendData(this.#open(), this.id, this.#options.ports, payload);
  }

  /** Forgets a PN and the sessions in it, without a word to the server. */
  forget(pnId: PnId): void {
    this.#pns.delete(pnId);
    for (const pne of this.pnes) pne.forget(pnId);
  }

  /** Disconnects in order; the sessions of its PNEs stay. */
  leave(): void {
    this.#mqtt?.close();
    this.#gone(new CpnsError('State', 'Left', `${this.id} has left.`));
  }

  /** The power fails: the socket goes without a word, and so do all sessions, those of the PNEs too. */
  crash(): void {
    this.#mqtt?.destroy();
    this.#gone(new CpnsError('State', 'Crashed', `${this.id} is off.`));
    for (const pne of this.pnes) for (const pnId of pne.pns) pne.forget(pnId);
  }

  #open(): ServerChannel {
    if (this.#channel === undefined || this.#mqtt === undefined)
      throw new CpnsError('Transport', 'ServerUnreachable', `${this.id} is not connected.`);
    return this.#channel;
  }

  async #compare(server: ServerChannel, signal: AbortSignal): Promise<void> {
    const pns = [...this.#pns].map(([pnId, { inventoryVersion, keyEpoch }]) => ({
      pnId: octetsOf(pnId),
      inventoryVersion,
      pnKeyEpoch: keyEpoch,
      state: PneState.Member,
    }));
    const { body } = await server.request(reconcile, { pns }, [reconcileResponse], { signal });
    this.listed = body.pns.filter(({ status }) => status === Status.Success).map(({ pnId }) => toHex(pnId) as PnId);
    for (const { pnId, status } of body.pns) if (status === Status.UnknownPn) this.forget(toHex(pnId) as PnId);
  }

  #gone(reason: CpnsError): void {
    this.#mqtt = undefined;
    this.#clear?.close(reason);
    this.#channel?.close(reason);
    this.#clear = this.#channel = undefined;
  }

  #publish(payload: Uint8Array): void {
    this.#mqtt?.publish(payload);
    this.#options.passed?.('up', payload);
  }

  #receive(payload: Uint8Array): void {
    this.#options.passed?.('down', payload);
    if (payload[0] === RECORD_TYPE.sk) this.#channel?.receive(payload);
    else if (payload[0] === CLEAR_FRAME) this.#clear?.receive(payload.subarray(1));
  }

  #serve(server: ServerChannel, envelope: Envelope): void {
    switch (envelope.number) {
      case relay.number: {
        const { pnId, pne, record } = bodyOf(envelope, relay);
        return this.pnes.find(({ id }) => id === pne)?.receive(toHex(pnId) as PnId, record);
      }
      case statusManagementRequest.number:
        return void server.serve(envelope, async () => reply(statusManagementResponse, { changed: false }));
      case sessionUnknown.number: {
        const { pne } = bodyOf(envelope, sessionUnknown);
        return pne === undefined ? undefined : this.#options.sessionUnknown?.(pne);
      }
      default:
        serveCommon(server, envelope, (content) => this.#options.received?.(this.id, content));
    }
  }
}

/** @throws CpnsError State/Refused: the server has sorted that PNE out */
function challengeFor(pne: CrowdPne, { pnes, ...common }: AuthenticationRequest): Challenge {
  const entry = pnes.find((candidate) => candidate.pne === pne.id);
  if (entry?.status !== Status.Success) throw refused(entry?.status ?? Status.AuthFailed, 'The PNE');
  return { ...common, ...entry };
}
