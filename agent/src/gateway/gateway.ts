import { acknowledged, CpnsError, describeError, type EntityId, type PnId, type Reply, reply } from '@cpns/shared';
import {
  type BodyOf,
  bodyOf,
  capabilitiesQueryRequest,
  capabilitiesQueryResponse,
  data,
  type Envelope,
  heartbeat,
  heartbeatAnswer,
  inventoryNotice,
  panHandshake1,
  panHandshake3,
  pnData,
  pneConnectionSetupRequest,
  pneRegistrationRequest,
  pnSetupRequest,
  reconcile,
  relay,
  Status,
  type sessionConfirm,
  sessionUnknown,
  statusManagementRequest,
  statusManagementResponse,
  unknownPn,
} from '@cpns/shared/messages';
import type { DeviceContext } from '../entity/device-context.js';
import { type PnRecord, PnRole, pnIdText } from '../entity/device-state.js';
import { LocalEuKeys } from '../entity/local-eu-keys.js';
import { type Hop, LINK, type PeerLink } from '../entity/peer-link.js';
import type { ServerChannel } from '../entity/server-channel.js';
import type { Uplink } from '../entity/uplink-port.js';
import { connectionConfirmed, establish } from './establish.js';
import type { GatewayContext } from './gateway-context.js';
import { forget, takeInventory } from './membership.js';
import { PanSessions } from './pan-session.js';
import { handOutPnKey, renewPnKey } from './pn-key.js';
import { answerReconcile } from './reconcile.js';
import { register } from './register.js';
import { forward, relayDown, relayUp, route } from './routing-table.js';
import { ServerLink } from './server-link.js';

/** What the gateway hands on to the device around it. */
export interface GatewayHandler {
  /** Data addressed to this device itself: by the server, or by a member under the PN key. */
  serverData(channel: ServerChannel, envelope: Envelope): void;
  pnData(pnId: PnId, body: BodyOf<typeof pnData>): void;
  /** The key of a PN changed; the one before is received for `graceMs` more. */
  pnKey(pnId: PnId, graceMs: number): void;
  connected(confirm: BodyOf<typeof sessionConfirm>): void;
  /** The subscription does not allow it to be PN GW. */
  refused(error: CpnsError): void;
  serverTime(serverTimeMs: number): void;
}

/** A waiting Connection Setup Request (seed 002 step 18) of one PNE. */
interface WaitingConnection {
  readonly resolve: (answer: Reply<Hop>) => void;
  readonly reject: (error: unknown) => void;
}

/** The PN GW role of a device: serves its PNEs, and stands for them before the server. */
export class Gateway {
  readonly #context: GatewayContext;
  readonly #handler: GatewayHandler;
  readonly #server: ServerLink;
  readonly #panSessions = new WeakMap<PeerLink, PanSessions>();
  readonly #connections = new Map<EntityId, WaitingConnection>();
  readonly #settingUp = new Set<EntityId>();
  /** PNs whose key a linked PNE has missed. */
  readonly #behind = new WeakMap<PeerLink, Set<PnId>>();

  constructor(device: DeviceContext, uplink: Uplink, handler: GatewayHandler) {
    const forming = new Set<PnId>();
    const keys = new LocalEuKeys(device);
    this.#context = {
      ...device,
      keys,
      forming,
      server: () => this.#server.channel(),
      pnKeyChanged: (pnId, graceMs) => handler.pnKey(pnId, graceMs),
    };
    this.#handler = handler;
    this.#server = new ServerLink(device, uplink, {
      ready: (confirm, gone) => this.#ready(confirm, gone),
      refused: (error) => handler.refused(error),
      disconnected: (reason) =>
        device.happened({ type: 'server', connected: false, text: `The CPNS Server cannot be reached: ${reason}.` }),
      message: (channel, envelope) => this.#serverMessage(channel, envelope),
    });
  }

  start(): void {
    this.#server.start();
  }
  stop(): Promise<void> {
    return this.#server.stop();
  }
  get server(): { readonly isReady: boolean; readonly reason: string; channel(): ServerChannel } {
    return this.#server;
  }

  /** Sends data of this device to a member. False: the member is not here now. */
  send(pnId: PnId, to: EntityId, message: Uint8Array): boolean {
    const record = this.#context.state.pn(pnId);
    return record !== undefined && forward(this.#context, record, pnId, { from: this.#context.identity.id, to, message });
  }

  /** A request or notify of a linked device to its PN GW. False: not for this role. */
  message(link: PeerLink, envelope: Envelope, hop: Hop): boolean {
    const context = this.#context;
    const pne = link.peer as EntityId;
    switch (envelope.number) {
      case pneConnectionSetupRequest.number:
        this.#serve(link, envelope, hop, () => this.#awaitConnection(pne));
        return true;
      case pnSetupRequest.number:
        this.#serve(link, envelope, hop, () => this.#establish(link, pne, envelope));
        return true;
      case pneRegistrationRequest.number:
        this.#serve(link, envelope, hop, () => register(context, link, envelope));
        return true;
      case panHandshake1.number:
        this.#serve(link, envelope, hop, async () => this.#panSessionsOf(link).challenge(envelope));
        return true;
      case panHandshake3.number:
        this.#serve(link, envelope, hop, async () =>
          this.#panSessionsOf(link).verify(envelope, (pnId, channel) => {
            link.addPan(pnId, channel);
            this.#panUp(link, pne, pnId);
          }),
        );
        return true;
      case reconcile.number: {
        const behind = new Set<PnId>();
        this.#behind.set(link, behind);
        this.#serve(link, envelope, hop, async () => answerReconcile(context, link, envelope, (pnId) => behind.add(pnId)));
        return true;
      }
      case relay.number:
        this.#notified(link, () => relayUp(context, link, envelope, hop));
        return true;
      case pnData.number:
        this.#notified(link, () => {
          const body = bodyOf(envelope, pnData);
          if (route(context, link, envelope, hop)) this.#handler.pnData(pnIdText(body.pnId), body);
        });
        return true;
      default:
        return false;
    }
  }

  /** A link ended: what its PNE had under way is over. */
  linkClosed(link: PeerLink): void {
    this.#panSessions.get(link)?.abort();
    if (link.peer === undefined) return;
    this.#connections.get(link.peer)?.reject(new CpnsError('Transport', 'LinkLost', 'The link was lost.'));
    this.#connections.delete(link.peer);
  }

  async #establish(link: PeerLink, pne: EntityId, envelope: Envelope): Promise<Reply<Hop>> {
    if (this.#settingUp.has(pne))
      throw new CpnsError('State', 'SetupBusy', 'That device has a PN Setup under way already.', { status: Status.Busy });
    this.#settingUp.add(pne);
    let pnId: PnId | undefined;
    try {
      const answer = await establish(this.#context, link, envelope, () => {
        if (pnId !== undefined) this.#connections.get(pne)?.resolve(connectionConfirmed(pnId));
        this.#connections.delete(pne);
      });
      pnId = pnIdText((answer.body as { pnId: Uint8Array }).pnId);
      return answer;
    } catch (error) {
      this.#connections.get(pne)?.reject(error);
      this.#connections.delete(pne);
      throw error;
    } finally {
      this.#settingUp.delete(pne);
    }
  }

  #awaitConnection(pne: EntityId): Promise<Reply<Hop>> {
    this.#connections.get(pne)?.reject(new CpnsError('State', 'Replaced', 'A newer Connection Setup Request came.'));
    return new Promise((resolve, reject) => this.#connections.set(pne, { resolve, reject }));
  }

  #panSessionsOf(link: PeerLink): PanSessions {
    const known = this.#panSessions.get(link);
    if (known !== undefined) return known;
    const fresh = new PanSessions(this.#context, link);
    this.#panSessions.set(link, fresh);
    return fresh;
  }

  #panUp(link: PeerLink, pne: EntityId, pnId: PnId): void {
    if (!this.#behind.get(link)?.delete(pnId)) return;
    this.#context.clock.after(0, () => void handOutPnKey(this.#context, pnId, pne, 0));
  }

  #ready(confirm: BodyOf<typeof sessionConfirm>, gone: readonly Uint8Array[]): void {
    for (const octets of gone) this.#background('forgetting a PN', forget(this.#context, pnIdText(octets)));
    this.#context.happened({ type: 'server', connected: true, text: 'Connected to the CPNS Server as PN GW.' });
    this.#handler.connected(confirm);
  }

  #serverMessage(channel: ServerChannel, envelope: Envelope): void {
    const context = this.#context;
    switch (envelope.number) {
      case statusManagementRequest.number:
        // 15. Status management lookup: changes are sent as they happen, so there is none left to report
        return void channel.serve(envelope, async () => reply(statusManagementResponse, { changed: false }));
      case heartbeat.number:
        return void channel.serve(envelope, async () => this.#heartbeat(bodyOf(envelope, heartbeat)));
      case inventoryNotice.number:
        return void channel.serve(envelope, async () => {
          await takeInventory(context, bodyOf(envelope, inventoryNotice).inventory);
          return acknowledged;
        });
      case unknownPn.number:
        return void channel.serve(envelope, async () => {
          await forget(context, pnIdText(bodyOf(envelope, unknownPn).pnId));
          return acknowledged;
        });
      case capabilitiesQueryRequest.number:
        return void channel.serve(envelope, async () => {
          const own = bodyOf(envelope, capabilitiesQueryRequest).target === context.identity.id;
          return own
            ? reply(capabilitiesQueryResponse, { status: Status.Success, capabilities: context.capabilities() })
            : reply(capabilitiesQueryResponse, { status: Status.UnknownPne });
        });
      case relay.number:
        return relayDown(context, envelope);
      case sessionUnknown.number: {
        const { sid, pne } = bodyOf(envelope, sessionUnknown);
        if (pne !== undefined) context.linkTo(pne)?.exchange.notify(sessionUnknown, { sid }, LINK);
        return;
      }
      case data.number:
        return this.#handler.serverData(channel, envelope);
      default:
        return void channel.serve(envelope, async () => {
          throw new CpnsError('State', 'WrongState', 'This PN GW does not serve that request.', { status: Status.WrongState });
        });
    }
  }

  #heartbeat(body: BodyOf<typeof heartbeat>): Reply<never> {
    this.#handler.serverTime(body.serverTimeMs);
    for (const { pnId: octets, pnKeyEpoch } of body.pns) {
      const pnId = pnIdText(octets);
      const record: PnRecord | undefined = this.#context.state.pn(pnId);
      if (record?.role === PnRole.PnGw && record.pnKeyEpoch < pnKeyEpoch)
        this.#background('renewing a PN key', renewPnKey(this.#context, pnId));
    }
    return reply(heartbeatAnswer, { counts: [] });
  }

  #serve(link: PeerLink, envelope: Envelope, hop: Hop, handle: () => Promise<Reply<Hop>>): void {
    link.exchange.serve(envelope, hop, handle).catch((error) => {
      this.#context.logger.info('a request of a PNE was refused', {
        pne: link.peer,
        message: envelope.type?.name,
        why: describeError(error),
      });
    });
  }

  #notified(link: PeerLink, action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#context.logger.info('a message of a PNE was dropped', { pne: link.peer, why: describeError(error) });
    }
  }

  #background(what: string, work: Promise<unknown>): void {
    work.catch((error) => this.#context.logger.warn(`${what} failed`, { why: describeError(error) }));
  }
}
