import { describeError, type EntityId } from '@cpns/shared';
import type { EnablerControl } from '../api/enabler-control.js';
import type { BrokerHandler } from '../broker/broker.js';
import { CapabilitiesQueries } from './capabilities-query.js';
import { Challenges } from './challenges.js';
import type { EnablerContext, EnablerOptions } from './context.js';
import { sendData } from './data.js';
import { Downlink } from './downlink.js';
import { GroupBatches } from './groups/batches.js';
import { Deliveries } from './groups/deliveries.js';
import { FormerKeys } from './groups/former-keys.js';
import { KeptDelivery } from './groups/kept-delivery.js';
import { RekeyDelivery } from './groups/rekey-delivery.js';
import { removeGroupByOperator } from './groups/release.js';
import { Successions } from './groups/succession.js';
import { GroupUpkeep } from './groups/upkeep.js';
import { GroupUsage } from './groups/usage.js';
import { Heartbeats } from './heartbeat.js';
import { Limits } from './limits.js';
import { OpenRequests } from './open-requests.js';
import { OutboxDelivery } from './outbox-delivery.js';
import { moveDevice, removeUser, renewConnections } from './ownership.js';
import { Questions } from './questions.js';
import { removePnByOperator } from './release.js';
import { revokeDevice } from './revoke.js';
import { RamSessionKeys } from './session-keys.js';
import { UnconfirmedRemoval } from './unconfirmed.js';
import { UplinkDoor } from './uplink-door.js';

/**
 * The CPNS Enabler of one server process: what devices send comes in as {@link BrokerHandler}, what the operator asks as
 * {@link EnablerControl}.
 */
export interface Enabler extends BrokerHandler, EnablerControl {
  /** Begins what runs by itself: deadlines, delivery. Call it before the broker is started with this as its handler. */
  start(): void;
  /** Ends all timers, forgets all session keys and challenges. Call it after the broker has stopped; harmless when repeated. */
  stop(): void;
}

export function createEnabler(options: EnablerOptions): Enabler {
  const { inventory, broker, identity, clock, entropy, provider, logger, settings } = options;
  const present = new Set<EntityId>();
  const serverKeys = [{ keyId: identity.signingKeyId, ed25519: identity.signingPublicKey }];
  const sessions = new RamSessionKeys({
    clock,
    oldSessionGraceMs: settings.sessions.oldSessionGraceMs,
    dropped(session) {
      heartbeats.forget(session);
      capabilitiesQueries.forget(session);
      background('forgetting the records of a session', () => inventory.transact((tx) => tx.records.forget(session.sid)));
    },
  });
  const downlink = new Downlink({ broker, sessions, present, entropy, logger });
  const { heartbeatMs } = settings.sessions;
  const heartbeats = new Heartbeats({ inventory, downlink, clock, entropy, logger, provider, serverKeys, heartbeatMs });
  const outbox = new OutboxDelivery({ inventory, sessions, downlink, clock, entropy, logger });
  const challenges = new Challenges(clock, { ...settings.sessions, ...settings.limits });
  const limits = new Limits(clock, settings.limits);
  const questions = new Questions({ clock, entropy, sessions, downlink });
  const everyMs = settings.sessions.capabilitiesQueryMs;
  const capabilitiesQueries = new CapabilitiesQueries({ inventory, sessions, questions, clock, entropy, logger, everyMs });
  const context: EnablerContext = {
    ...options,
    serverKeys,
    present,
    sessions,
    challenges,
    limits,
    downlink,
    questions,
    capabilitiesQueries,
    outbox,
    heartbeats,
    groupBatches: new GroupBatches(),
    rekeys: new RekeyDelivery({ inventory, sessions, downlink, clock, entropy }),
    formerKeys: new FormerKeys(clock),
    deliveries: new Deliveries(clock),
    keptDelivery: new KeptDelivery(),
    groupUsage: new GroupUsage(),
    successions: new Successions(),
    graces: new Map(),
  };
  const open = new OpenRequests();
  const door = new UplinkDoor(context, open);
  const unconfirmed = new UnconfirmedRemoval(context);
  const groupUpkeep = new GroupUpkeep(context);
  let stopped = false;

  function background(what: string, work: () => Promise<unknown>): void {
    if (stopped) return;
    work().catch((error) => logger.warn(`${what} failed`, { why: describeError(error) }));
  }

  function presence(entityId: EntityId, event: string, text: string): void {
    background('noting a connection', () =>
      inventory.transact((tx) => {
        tx.devices.seen(entityId);
        tx.events.add({ event, text, entityId });
      }),
    );
  }

  return {
    start() {
      outbox.start();
      unconfirmed.start();
      groupUpkeep.start();
      background('removing who was pending', () => inventory.transact((tx) => tx.pns.dropPending(0)));
    },
    stop() {
      stopped = true;
      outbox.stop();
      unconfirmed.stop();
      groupUpkeep.stop();
      context.groupBatches.stop();
      context.rekeys.stop();
      context.deliveries.stop();
      context.successions.stop();
      context.questions.stop();
      challenges.clear();
      sessions.clear();
    },
    uplink: (from, payload) => door.receive(from, payload),
    deviceConnected(entityId) {
      present.add(entityId);
      presence(entityId, 'device-connected', `${entityId} is connected.`);
      // A device that comes back in its old session gets what was put into the outbox meanwhile.
      for (const reached of new Set([entityId, ...sessions.behind(entityId).map((session) => session.entityId)])) outbox.flush(reached);
    },
    deviceDisconnected(entityId) {
      present.delete(entityId);
      presence(entityId, 'device-disconnected', `${entityId} is not connected any more.`);
    },
    moveDevice: (entityId, userId) => moveDevice(context, entityId, userId),
    renewConnections: (userId) => renewConnections(context, userId),
    revokeDevice: (entityId) => revokeDevice(context, entityId),
    removeUser: (userId) => removeUser(context, userId),
    removePn: (pnId) => removePnByOperator(context, pnId),
    removeGroup: (sgId) => removeGroupByOperator(context, sgId),
    isRekeying: (sgId) => context.groupBatches.isOpen(sgId),
    sendData: (data, waitMs) => sendData(context, data, waitMs),
    gauges: () => ({ sessions: sessions.count, challenges: challenges.count, requests: open.count }),
  };
}
