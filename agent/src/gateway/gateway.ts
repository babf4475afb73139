import { CpnsError, describeError, type EntityId, type PnId, type Reply, toCpnsError } from '@cpns/shared';
import {
  ack,
  type BodyOf,
  bodyOf,
  capabilitiesConfirmation,
  capabilitiesUpdate,
  type Envelope,
  panHandshake1,
  panHandshake3,
  pnData,
  pneConnectionSetupRequest,
  pneRegistrationRequest,
  pnSetupRequest,
  type RemoveReason,
  reconcile,
  relay,
  Status,
  type sessionConfirm,
  unknownPn,
} from '@cpns/shared/messages';
import type { DeviceContext } from '../entity/device-context.js';
import { type Changes, DeviceState, PnRole, pnIdOctets, pnIdText } from '../entity/device-state.js';
import { type Hop, LINK, type PeerLink } from '../entity/peer-link.js';
import type { ServerChannel } from '../entity/server-channel.js';
import type { Uplink } from '../entity/uplink-port.js';
import { Connections } from './connections.js';
import { establish } from './establish.js';
import { type GatewayContext, HOP_TIMEOUT_MS } from './gateway-context.js';
import { carryOutRemovals, removeFromPn, removeUnpaired } from './membership.js';
import { PanSessions } from './pan-session.js';
import { handOutPnKey } from './pn-key.js';
import { answerReconcile, type Comparison, compareWithServer, settleComparison } from './reconcile.js';
import { Registrations } from './register.js';
import { Removals } from './removals.js';
import { forward, relayUp, route } from './routing-table.js';
import { ServerLink } from './server-link.js';
import { serveServer } from './server-messages.js';

/** What the gateway hands on to the device around it. */
export interface GatewayHandler {
  /** Data addressed to this device itself: by the server, or by a member under the PN key. */
  serverData(channel: ServerChannel, envelope: Envelope): void;
  pnData(pnId: PnId, body: BodyOf<typeof pnData>): void;
  /** The key of a PN changed: the one before is received for `graceMs` more, and sent with for `switchAfterMs` at most. */
  pnKey(pnId: PnId, graceMs: number, switchAfterMs: number): void;
  /** Every member that is here has the key. */
  pnKeyShared(pnId: PnId): void;
  connected(confirm: BodyOf<typeof sessionConfirm>): void;
  /** The server does not let this device be PN GW. */
  refused(error: CpnsError): void;
  serverTime(serverTimeMs: number): void;
}

/** A PNE is told at most once in so long that it is not in a PN. */
const HINT_EVERY_MS = 30_000;

/** The PN GW role of a device: serves its PNEs, and stands for them before the server. */
export class Gateway {
  readonly #context: GatewayContext;
  readonly #handler: GatewayHandler;
  readonly #server: ServerLink;
  readonly #registrations: Registrations;
  readonly #connections: Connections;
  readonly #panSessions = new WeakMap<PeerLink, PanSessions>();
  readonly #settingUp = new Set<EntityId>();
  /** PNs whose key a linked PNE has missed. */
  readonly #behind = new WeakMap<PeerLink, Set<PnId>>();
  /** PNs of which a linked PNE was told lately that it is not in them here. */
  readonly #hinted = new WeakMap<PeerLink, Set<PnId>>();
  #comparing = false;

  constructor(device: DeviceContext, uplink: Uplink, handler: GatewayHandler) {
    const { logger, happened } = device;
    const context: GatewayContext = {
      ...device,
      forming: new Set(),
      removals: new Removals(),
      server: () => this.#server.channel(),
      pnKeyChanged: (pnId, graceMs, switchAfterMs) => handler.pnKey(pnId, graceMs, switchAfterMs),
      pnKeyShared: (pnId) => handler.pnKeyShared(pnId),
      compare: () => this.compare(),
      background: (what, work) => void work().catch((error) => logger.warn(`${what} failed`, { why: describeError(error) })),
    };
    this.#context = context;
    this.#handler = handler;
    this.#registrations = new Registrations(context);
    this.#connections = new Connections(device.clock);
    this.#server = new ServerLink(device, uplink, {
      ready: (confirm, comparison) => this.#ready(confirm, comparison),
      refused: (error) => handler.refused(error),
      disconnected: (reason) => happened({ type: 'server', connected: false, text: `The CPNS Server cannot be reached. ${reason}` }),
      message: (channel, envelope) => serveServer(context, handler, channel, envelope),
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

  /** Own capabilities are others now: the server is told (seed 002 step 12). */
  capabilitiesChanged(): void {
    if (!this.#server.isReady) return;
    this.#context.background('sending the device capabilities', () =>
      this.#server.channel().request(capabilitiesUpdate, { capabilities: this.#context.capabilities() }, [capabilitiesConfirmation]),
    );
  }

  /** That device is not paired with this one any more: it is taken out of every PN here. */
  async dismiss(peer: EntityId, reason: typeof RemoveReason.Expelled | typeof RemoveReason.Left): Promise<void> {
    for (const { pnId, role, members } of this.#context.state.pns()) {
      if (role !== PnRole.PnGw || !members.some((member) => member.entityId === peer)) continue;
      await removeFromPn(this.#context, pnIdText(pnId), [peer], reason);
    }
  }

  /** A request or notify of a linked device to its PN GW. False: not for this role. */
  message(link: PeerLink, envelope: Envelope, hop: Hop): boolean {
    const context = this.#context;
    const pne = link.peer as EntityId;
    switch (envelope.number) {
      case pneConnectionSetupRequest.number:
        this.#serve(link, envelope, hop, () => this.#connections.wait(link));
        return true;
      case pnSetupRequest.number:
        this.#serve(link, envelope, hop, () => this.#establish(link, pne, envelope));
        return true;
      case pneRegistrationRequest.number:
        this.#serve(link, envelope, hop, () => this.#registrations.register(link, envelope));
        return true;
      case panHandshake1.number:
        this.#serve(link, envelope, hop, async () => this.#panSessionsOf(link).challenge(envelope));
        return true;
      case panHandshake3.number:
        this.#serve(link, envelope, hop, async () =>
          this.#panSessionsOf(link).verify(envelope, (pnId, channel) => {
            link.addPan(pnId, channel);
            if (this.#behind.get(link)?.delete(pnId)) this.#handOut(pnId, pne);
          }),
        );
        return true;
      case reconcile.number:
        this.#serve(link, envelope, hop, async () => this.#reconcile(link, pne, envelope));
        return true;
      case relay.number:
        this.#routed(link, () => relayUp(context, link, envelope, hop), pnIdText(bodyOf(envelope, relay).pnId));
        return true;
      case pnData.number:
        this.#routed(
          link,
          () => {
            const body = bodyOf(envelope, pnData);
            if (route(context, link, envelope, hop)) this.#handler.pnData(pnIdText(body.pnId), body);
          },
          pnIdText(bodyOf(envelope, pnData).pnId),
        );
        return true;
      default:
        return false;
    }
  }

  /** A link ended: what its PNE had under way is over. */
  linkClosed(link: PeerLink): void {
    this.#panSessions.get(link)?.abort();
    this.#connections.fail(link, new CpnsError('Transport', 'LinkLost', 'The link was lost.'));
  }

  async #establish(link: PeerLink, pne: EntityId, envelope: Envelope): Promise<Reply<Hop>> {
    if (this.#settingUp.has(pne))
      throw new CpnsError('State', 'SetupBusy', 'That device has a PN Setup under way already.', { status: Status.Busy });
    this.#settingUp.add(pne);
    try {
      return await establish(this.#context, this.#connections, link, envelope);
    } catch (error) {
      this.#connections.fail(link, toCpnsError(error));
      throw error;
    } finally {
      this.#settingUp.delete(pne);
    }
  }

  #reconcile(link: PeerLink, pne: EntityId, envelope: Envelope): Reply<Hop> {
    const behind = new Set<PnId>();
    const answer = answerReconcile(this.#context, link, envelope, (pnId) => {
      if (link.hasPan(pnId)) this.#handOut(pnId, pne);
      else behind.add(pnId);
    });
    this.#behind.set(link, behind);
    return answer;
  }

  /** After the answer that is about to leave. */
  #handOut(pnId: PnId, pne: EntityId): void {
    this.#context.clock.after(0, () => void handOutPnKey(this.#context, pnId, pne, 0));
  }

  #panSessionsOf(link: PeerLink): PanSessions {
    const known = this.#panSessions.get(link);
    if (known !== undefined) return known;
    const fresh = new PanSessions(this.#context, link);
    this.#panSessions.set(link, fresh);
    return fresh;
  }

  #ready(confirm: BodyOf<typeof sessionConfirm>, comparison: Comparison): void {
    const context = this.#context;
    const changes: Changes = new Map();
    DeviceState.setServerKeys(changes, { keys: confirm.serverKeys, cpnsId: confirm.cpnsId });
    context.background('storing the keys of the server', () => context.state.commit(changes));
    context.happened({ type: 'server', connected: true, text: 'Connected to the CPNS Server as PN GW.' });
    this.#handler.connected(confirm);
    settleComparison(context, comparison);
    removeUnpaired(context);
    for (const pnId of context.removals.pns) void carryOutRemovals(context, pnId);
  }

  /** Compares all PN Inventories with the server's; what is missing here follows. */
  compare(): void {
    if (this.#comparing || !this.#server.isReady) return;
    this.#comparing = true;
    this.#context.background('comparing inventories', () =>
      compareWithServer(this.#context, this.#server.channel())
        .then((comparison) => settleComparison(this.#context, comparison))
        .finally(() => {
          this.#comparing = false;
        }),
    );
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

  /** Traffic of a PN. Who sends in one that it is not in here is told so: a hint, on which it asks the server (protocol e.10). */
  #routed(link: PeerLink, carry: () => void, pnId: PnId): void {
    try {
      carry();
    } catch (error) {
      this.#context.logger.info('a message of a PNE was dropped', { pne: link.peer, why: describeError(error) });
      const hinted = this.#hinted.get(link) ?? new Set<PnId>();
      const unknown = error instanceof CpnsError && error.status === Status.UnknownPn;
      if (!unknown || hinted.has(pnId) || hinted.size >= this.#context.settings.limits.pns) return;
      this.#hinted.set(link, hinted.add(pnId));
      this.#context.clock.after(HINT_EVERY_MS, () => hinted.delete(pnId));
      const options = { timeoutMs: HOP_TIMEOUT_MS, signal: link.signal };
      link.exchange.request(unknownPn, { pnId: pnIdOctets(pnId) }, [ack], LINK, options).catch(() => undefined);
    }
  }
}
