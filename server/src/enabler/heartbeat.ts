import type { CryptoProvider } from '@cpns/shared';
import { type Clock, describeError, type Entropy, type Logger } from '@cpns/shared';
import {
  bodyOf,
  type Envelope,
  encodeEnvelope,
  heartbeat,
  heartbeatAnswer,
  list,
  type ServerKey,
  serverKey,
  toOctets,
} from '@cpns/shared/messages';
import { fromHex, toHex } from '@cpns/shared/security';
import type { Database } from '../inventory/database.js';
import type { PnRecord } from '../inventory/pn-inventory.js';
import type { EnablerContext } from './context.js';
import { type Downlink, TRANSACTION_OCTETS } from './downlink.js';
import { renewWornKeys } from './groups/upkeep.js';
import type { Session } from './session.js';

const MAX_PNS = 64;
const MAX_SGS = 64;
const MAX_SERVER_KEYS = 4;

export interface HeartbeatsOptions {
  readonly inventory: Database;
  readonly downlink: Downlink;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly logger: Logger;
  readonly provider: CryptoProvider;
  readonly serverKeys: readonly ServerKey[];
  readonly heartbeatMs: number;
}

/** Tells every connected device, in each of its sessions, what is current (security 1.8): who missed a change notices. */
export class Heartbeats {
  readonly #options: HeartbeatsOptions;
  readonly #serverKeysHash: Uint8Array;
  readonly #timers = new Map<Session, () => void>();

  constructor(options: HeartbeatsOptions) {
    this.#options = options;
    this.#serverKeysHash = options.provider.sha256(toOctets(list(serverKey, MAX_SERVER_KEYS), options.serverKeys));
  }

  /** Beats in this session until it is forgotten. */
  watch(session: Session): void {
    const { clock, heartbeatMs } = this.#options;
    this.forget(session);
    this.#timers.set(
      session,
      clock.after(heartbeatMs, () => {
        this.#beat(session);
        this.watch(session);
      }),
    );
  }

  /** {@link watch}; a device in groups has the first one at once, since it sends nothing to them before. */
  begin(session: Session): void {
    this.watch(session);
    if (this.#groupsOf(session).length > 0) this.#beat(session);
  }

  forget(session: Session): void {
    this.#timers.get(session)?.();
    this.#timers.delete(session);
  }

  #beat(session: Session): void {
    const { downlink, clock, entropy, logger } = this.#options;
    if (session.leaving || !downlink.reaches(session)) return;
    try {
      const pns = this.#pnsOf(session)
        .slice(0, MAX_PNS)
        .map(({ pnId, version, keyEpoch }) => ({ pnId: fromHex(pnId), inventoryVersion: version, pnKeyEpoch: keyEpoch }));
      const body = { serverTimeMs: clock.wallMs(), pns, sgs: this.#groupsOf(session), serverKeysHash: this.#serverKeysHash };
      const transaction = entropy.bytes(TRANSACTION_OCTETS);
      session.heartbeat = toHex(transaction);
      void downlink.send(session, encodeEnvelope(heartbeat, transaction, '', body));
    } catch (error) {
      logger.warn('a heartbeat could not be sent', { entityId: session.entityId, why: describeError(error) });
    }
  }

  #groupsOf(session: Session): readonly { readonly sgId: Uint8Array; readonly epoch: number }[] {
    const { groups } = this.#options.inventory.reads;
    const here = groups.ofMember(session.entityId).filter(({ pnId }) => (pnId ?? '') === session.pnId);
    return here.slice(0, MAX_SGS).map(({ sgId }) => ({ sgId: fromHex(sgId), epoch: groups.find(sgId)?.epoch ?? 0 }));
  }

  #pnsOf(session: Session): readonly PnRecord[] {
    const { pns } = this.#options.inventory.reads;
    if (session.pnId === '') return pns.ofGateway(session.entityId);
    const pn = pns.find(session.pnId);
    return pn === undefined ? [] : [pn];
  }
}

/** The device answered a heartbeat: a sign of life. */
export async function alive(context: EnablerContext, session: Session, envelope: Envelope): Promise<void> {
  const { counts } = bodyOf(envelope, heartbeatAnswer);
  if (session.heartbeat !== toHex(envelope.transaction)) return;
  session.heartbeat = undefined;
  context.keptDelivery.begin(context, session);
  await renewWornKeys(context, session, counts);
  await context.inventory.transact((tx) => tx.devices.seen(session.entityId));
}
