import { acknowledged, type Clock, CpnsError, describeError, type EntityId, type PnId, type Reply, reply, Serial } from '@cpns/shared';
import {
  authenticationRequestToPne,
  type BodyOf,
  bodyOf,
  capabilitiesQueryRequest,
  capabilitiesQueryResponse,
  data,
  type Envelope,
  heartbeat,
  heartbeatAnswer,
  inventoryNotice,
  pnData,
  pnEstablishmentNotify,
  pneNotificationExpel,
  pnMembershipWithKey,
  pnMembershipWithKeyConfirmation,
  pnReleaseNotification,
  pnSetupAck,
  pnSetupInvitation,
  pnUpdateNotification,
  relay,
  Status,
  sessionUnknown,
  unknownPn,
} from '@cpns/shared/messages';
import { toHex } from '@cpns/shared/security';
import type { ConsentDesk } from '../entity/consent-desk.js';
import type { DeviceContext } from '../entity/device-context.js';
import { type Changes, DeviceState, type PnRecord, PnRole, pnIdOctets, pnIdText } from '../entity/device-state.js';
import { applyInventory } from '../entity/inventory-copy.js';
import { LocalEuKeys, RENEW_AFTER_MS } from '../entity/local-eu-keys.js';
import type { Hop, PeerLink } from '../entity/peer-link.js';
import type { ServerChannel } from '../entity/server-channel.js';
import { forgetPn } from './accept.js';
import { answerChallenge } from './challenge.js';
import { type Established, establish, type Setup, type SetupProgress } from './establish.js';
import { answerInvitation, takeNotify } from './invitation.js';
import { type PneContext, Runs } from './pne-context.js';
import { recover, registerUntilDone } from './recover.js';
import { ServerSessions } from './server-sessions.js';
import { SetupAcks } from './setup-acks.js';

/** A server that forgot its sessions is answered at most this often (security 1.5). */
const REREGISTER_EVERY_MS = 30_000;
const RENEWAL_CHECK_MS = 10 * 60_000;

/** What the PNE role hands on to the device around it. */
export interface PneHandler {
  serverData(pnId: PnId, channel: ServerChannel, envelope: Envelope): void;
  pnData(pnId: PnId, body: BodyOf<typeof pnData>): void;
  /** The key of a PN changed; the one before is received for `graceMs` more. */
  pnKey(pnId: PnId, graceMs: number): void;
  serverTime(serverTimeMs: number): void;
  /** A session with the server is there: what waits can be sent. */
  reachable(pnId: PnId): void;
}

/** The PNE role of a device: its part in the PNs of other devices' gateways. */
export class Pne {
  readonly #context: PneContext;
  readonly #desk: ConsentDesk;
  readonly #handler: PneHandler;
  readonly #reregistered = new Map<PnId, number>();
  readonly #cancelRenewal: () => void;

  constructor(device: DeviceContext, desk: ConsentDesk, handler: PneHandler) {
    const sessions = new ServerSessions(device, (pnId, channel, envelope) => this.#serverMessage(pnId, channel, envelope));
    this.#context = {
      ...device,
      keys: new LocalEuKeys(device),
      sessions,
      runs: new Runs(),
      acks: new SetupAcks(),
      settling: new Serial<PnId>(),
    };
    this.#desk = desk;
    this.#handler = handler;
    this.#cancelRenewal = every(device.clock, RENEWAL_CHECK_MS, () => this.#renewKeys());
  }

  stop(): void {
    this.#cancelRenewal();
    for (const record of this.#context.state.pns()) this.#context.sessions.end(pnIdText(record.pnId));
  }

  /** @throws CpnsError Auth, State/Refused, Timeout, Transport */
  async establish(link: PeerLink, setup: Setup, progress: SetupProgress, signal: AbortSignal): Promise<Established> {
    const result = await establish(this.#context, link, setup, progress, signal);
    this.#handler.reachable(pnIdText(result.record.pnId));
    return result;
  }

  /** A gateway is linked: everything that is shared with it is brought up to date. */
  async gatewayLinked(link: PeerLink): Promise<void> {
    try {
      await recover(this.#context, link);
      for (const record of this.#pnsOf(link.peer as EntityId)) this.#handler.reachable(pnIdText(record.pnId));
    } catch (error) {
      if (!link.signal.aborted)
        this.#context.logger.warn('recovery with the PN GW failed', { gateway: link.peer, why: describeError(error) });
    }
  }

  linkClosed(link: PeerLink): void {
    this.#context.runs.linkClosed(link);
  }

  /** The session with the server for a PN, when it can be used now. */
  session(pnId: PnId): ServerChannel | undefined {
    const record = this.#context.state.pn(pnId);
    const link = record && this.#context.linkTo(record.gateway);
    return link?.hasPan(pnId) || (link && this.#context.settings.allowUnprotectedPan) ? this.#context.sessions.get(pnId) : undefined;
  }

  /** Sends data to another entity of a PN by way of its gateway. False: the gateway is not linked now. */
  send(pnId: PnId, to: EntityId, message: Uint8Array): boolean {
    const record = this.#context.state.pn(pnId);
    const link = record && this.#context.linkTo(record.gateway);
    if (!link?.hasPan(pnId)) return false;
    link.exchange.notify(pnData, { pnId: pnIdOctets(pnId), from: this.#context.identity.id, to, message }, { kind: 'pan', pnId });
    return true;
  }

  /** A request or notify of a linked PN GW. False: not for this role. */
  message(link: PeerLink, envelope: Envelope, hop: Hop): boolean {
    const context = this.#context;
    switch (envelope.number) {
      case pnSetupAck.number:
        context.acks.arrived(link, envelope);
        return true;
      case pnSetupInvitation.number:
        this.#serve(link, envelope, hop, () => answerInvitation(context, this.#desk, link, envelope));
        return true;
      case authenticationRequestToPne.number:
        this.#serve(link, envelope, hop, () => answerChallenge(context, link, envelope));
        return true;
      case pnEstablishmentNotify.number:
        this.#serve(link, envelope, hop, () => takeNotify(context, link, envelope));
        return true;
      case pnMembershipWithKey.number:
        this.#serve(link, envelope, hop, () => this.#takeKey(envelope, hop));
        return true;
      case pnUpdateNotification.number:
        this.#serve(link, envelope, hop, async () => {
          const { pnId, record } = bodyOf(envelope, pnUpdateNotification);
          context.sessions.receive(pnIdText(pnId), record);
          return acknowledged;
        });
        return true;
      case relay.number: {
        const { pnId: octets, record } = bodyOf(envelope, relay);
        const pnId = pnIdText(octets);
        if (context.state.pn(pnId)?.gateway !== link.peer) return false;
        context.sessions.receive(pnId, record);
        return true;
      }
      case sessionUnknown.number:
        this.#sessionUnknown(link, bodyOf(envelope, sessionUnknown).sid);
        return true;
      case pnData.number: {
        const body = bodyOf(envelope, pnData);
        const pnId = pnIdText(body.pnId);
        const own = context.state.pn(pnId)?.gateway === link.peer;
        if (own && hop.kind === 'pan' && hop.pnId === pnId && body.to === context.identity.id) this.#handler.pnData(pnId, body);
        return own;
      }
      case capabilitiesQueryRequest.number:
        this.#serve(link, envelope, hop, async () =>
          reply(capabilitiesQueryResponse, { status: Status.Success, capabilities: context.capabilities() }),
        );
        return true;
      case unknownPn.number:
      case pneNotificationExpel.number:
      case pnReleaseNotification.number:
        this.#serve(link, envelope, hop, () => this.#gatewayEndsPn(link, envelope, hop));
        return true;
      default:
        return false;
    }
  }

  /** Step 24: the key counts only under SK_L of its PN. */
  #takeKey(envelope: Envelope, hop: Hop): Promise<Reply<Hop>> {
    const { pnId: octets, epoch, key, graceMs } = bodyOf(envelope, pnMembershipWithKey);
    const pnId = pnIdText(octets);
    if (hop.kind !== 'pan' || hop.pnId !== pnId)
      throw new CpnsError('Auth', 'WrongPn', 'A PN key came outside the session of its network.');
    return this.#context.settling.run(pnId, async () => {
      const record = this.#context.state.pn(pnId);
      if (record === undefined)
        throw new CpnsError('State', 'UnknownPn', 'A key came for a network that is not known here.', { status: Status.UnknownPn });
      if (epoch < record.pnKeyEpoch) throw new CpnsError('Auth', 'EpochRollback', 'An old PN key was offered.');
      if (epoch > record.pnKeyEpoch || record.pnKey === undefined) {
        await this.#commit({ ...record, pnKeyEpoch: epoch, pnKey: key });
        this.#handler.pnKey(pnId, graceMs);
      }
      return reply(pnMembershipWithKeyConfirmation, { status: Status.Success, epoch });
    });
  }

  /** Under SK_L of that PN the gateway's word counts; anywhere else it is a hint, and the server is asked (protocol 0.14). */
  async #gatewayEndsPn(link: PeerLink, envelope: Envelope, hop: Hop): Promise<Reply<Hop>> {
    const pnId = pnIdText((envelope.type as typeof unknownPn).body.decode(envelope.body, 'notice').pnId);
    if (this.#context.state.pn(pnId)?.gateway !== link.peer) return acknowledged;
    if (hop.kind === 'pan' && hop.pnId === pnId) await this.#context.settling.run(pnId, () => forgetPn(this.#context, pnId));
    else void registerUntilDone(this.#context, link, pnId);
    return acknowledged;
  }

  #serverMessage(pnId: PnId, channel: ServerChannel, envelope: Envelope): void {
    const context = this.#context;
    switch (envelope.number) {
      case inventoryNotice.number:
        return void channel.serve(envelope, () => this.#takeInventory(pnId, envelope));
      case heartbeat.number:
        return void channel.serve(envelope, async () => {
          this.#handler.serverTime(bodyOf(envelope, heartbeat).serverTimeMs);
          return reply(heartbeatAnswer, { counts: [] });
        });
      case data.number:
        return this.#handler.serverData(pnId, channel, envelope);
      case unknownPn.number:
      case pneNotificationExpel.number:
      case pnReleaseNotification.number:
        return void channel.serve(envelope, async () => {
          // The answer has to leave in the session that forgetting ends.
          context.clock.after(0, () => void context.settling.run(pnId, () => forgetPn(context, pnId)));
          return acknowledged;
        });
      default:
        return void channel.serve(envelope, async () => {
          throw new CpnsError('State', 'WrongState', 'This PNE does not serve that request.', { status: Status.WrongState });
        });
    }
  }

  #takeInventory(pnId: PnId, envelope: Envelope): Promise<Reply<never>> {
    const { inventory } = bodyOf(envelope, inventoryNotice);
    return this.#context.settling.run(pnId, async () => {
      const record = this.#context.state.pn(pnId);
      if (record === undefined || pnIdText(inventory.pnId) !== pnId)
        throw new CpnsError('State', 'UnknownPn', 'An inventory came for another network.', { status: Status.UnknownPn });
      const after = applyInventory(record, inventory, this.#context.identity.id);
      if (after === undefined)
        throw new CpnsError('State', 'InventoryGap', 'A change of the inventory was missed.', { status: Status.WrongState });
      if (after !== record) await this.#commit(after);
      return acknowledged;
    });
  }

  /** A hint: at most one registration per half minute, after a random pause, with the old session kept until the new one stands. */
  #sessionUnknown(link: PeerLink, sid: Uint8Array): void {
    const { clock, entropy, settings, sessions } = this.#context;
    for (const record of this.#pnsOf(link.peer as EntityId)) {
      const pnId = pnIdText(record.pnId);
      const session = sessions.get(pnId);
      if (session === undefined || toHex(session.sid) !== toHex(sid)) continue;
      const nowMs = clock.monotonicMs();
      const lastMs = this.#reregistered.get(pnId);
      if (lastMs !== undefined && nowMs - lastMs < Math.min(REREGISTER_EVERY_MS, settings.limits.recoverySpreadMs)) return;
      this.#reregistered.set(pnId, nowMs);
      const pauseMs = Math.floor(((entropy.bytes(1)[0] as number) / 256) * settings.limits.recoverySpreadMs);
      clock.after(pauseMs, () => {
        if (!link.signal.aborted && sessions.get(pnId) === session)
          void registerUntilDone(this.#context, link, pnId).then(() => this.#handler.reachable(pnId));
      });
    }
  }

  /** LocalEUKeys and sessions that grow old are renewed by registration. */
  #renewKeys(): void {
    const { state, clock, sessions } = this.#context;
    for (const record of state.pns()) {
      if (record.role !== PnRole.Pne) continue;
      const pnId = pnIdText(record.pnId);
      const link = this.#context.linkTo(record.gateway);
      const key = state.localEuKey(pnId, record.gateway);
      const old = key !== undefined && clock.wallMs() - key.createdWallMs >= RENEW_AFTER_MS;
      if (link !== undefined && (old || sessions.get(pnId)?.mustRehandshake)) void registerUntilDone(this.#context, link, pnId);
    }
  }

  #pnsOf(gateway: EntityId): PnRecord[] {
    return this.#context.state.pns().filter((record) => record.role === PnRole.Pne && record.gateway === gateway);
  }

  async #commit(record: PnRecord): Promise<void> {
    const changes: Changes = new Map();
    DeviceState.setPn(changes, record);
    await this.#context.state.commit(changes);
  }

  #serve(link: PeerLink, envelope: Envelope, hop: Hop, handle: () => Promise<Reply<Hop>>): void {
    link.exchange.serve(envelope, hop, handle).catch((error) => {
      this.#context.logger.info('a request of the PN GW was refused', {
        gateway: link.peer,
        message: envelope.type?.name,
        why: describeError(error),
      });
    });
  }
}

function every(clock: Clock, ms: number, action: () => void): () => void {
  let cancel = () => {};
  const again = () => {
    cancel = clock.after(ms, () => {
      action();
      again();
    });
  };
  again();
  return () => cancel();
}
