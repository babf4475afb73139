import { type EntityId, every, type PnId } from '@cpns/shared';
import { toHex } from '@cpns/shared/security';
import { pnIdText } from '../entity/device-state.js';
import type { PeerLink } from '../entity/peer-link.js';
import type { PneContext } from './pne-context.js';
import { askServer, pnsOf } from './recover.js';

/** A hint that a session or a PN is gone is followed at most this often (security 1.5). */
const REREGISTER_EVERY_MS = 30_000;
const RENEWAL_CHECK_MS = 10 * 60_000;
const SILENCE_CHECK_MS = 10_000;
/** Three heartbeats of the server (security 1.8). */
const SILENT_AFTER_MS = 180_000;
/** An acknowledgement that got through is followed by a word of the server; one that did not is made good by any later message. */
const UNCONFIRMED_AFTER_MS = 10_000;
const ASK_EVERY_MS = 30_000;

/** Keeps a PNE's sessions and LocalEUKeys alive. */
export class Upkeep {
  readonly #context: PneContext;
  readonly #hintedAtMs = new Map<PnId, number>();
  readonly #askedAtMs = new Map<PnId, number>();

  constructor(context: PneContext) {
    this.#context = context;
    every(context.clock, RENEWAL_CHECK_MS, () => this.#renew());
    every(context.clock, SILENCE_CHECK_MS, () => this.#listen());
  }

  /** Somebody between here and the server says that a session is not known there. */
  sessionUnknown(link: PeerLink, sid: Uint8Array): void {
    for (const record of pnsOf(this.#context, link.peer as EntityId)) {
      const pnId = pnIdText(record.pnId);
      const session = this.#context.sessions.get(pnId);
      if (session !== undefined && toHex(session.sid) === toHex(sid)) this.hinted(link, pnId);
    }
  }

  /**
   * A hint that this device is not known any more, where it cannot be believed: it registers, after a random pause, so that a server
   * that lost all sessions is not asked by everybody at once. The old session is kept until the new one stands (security 1.5).
   */
  hinted(link: PeerLink, pnId: PnId): void {
    const { clock, entropy, settings, sessions } = this.#context;
    const { recoverySpreadMs } = settings.limits;
    const nowMs = clock.monotonicMs();
    const lastMs = this.#hintedAtMs.get(pnId);
    if (lastMs !== undefined && nowMs - lastMs < Math.min(REREGISTER_EVERY_MS, recoverySpreadMs)) return;
    this.#hintedAtMs.set(pnId, nowMs);
    const pauseMs = Math.floor(((entropy.bytes(1)[0] as number) / 256) * recoverySpreadMs);
    const session = sessions.get(pnId);
    clock.after(pauseMs, () => {
      if (!link.signal.aborted && sessions.get(pnId) === session) void this.#context.register(link, pnId);
    });
  }

  /** LocalEUKeys and sessions that grow old are renewed by registration. */
  #renew(): void {
    const { keys, sessions } = this.#context;
    this.#each((pnId, link, gateway) => {
      if (!keys.hasYoung(pnId, gateway) || sessions.get(pnId)?.mustRehandshake) void this.#context.register(link, pnId);
    });
  }

  /** A server that is not heard of any more may have lost the session, or never got the acknowledgement. */
  #listen(): void {
    const { sessions, clock } = this.#context;
    this.#each((pnId, link) => {
      const session = sessions.get(pnId);
      if (session === undefined || session.silentForMs < (session.confirmed ? SILENT_AFTER_MS : UNCONFIRMED_AFTER_MS)) return;
      const askedAtMs = this.#askedAtMs.get(pnId);
      if (askedAtMs !== undefined && clock.monotonicMs() - askedAtMs < ASK_EVERY_MS) return;
      this.#askedAtMs.set(pnId, clock.monotonicMs());
      void askServer(this.#context, pnId).then((heard) => {
        // The PN GW may have ended the PAN session that leads there, for a PN that is over for it: only the server knows whether it is.
        if (!heard && sessions.get(pnId) === session && !link.signal.aborted) void this.#context.register(link, pnId);
      });
    });
  }

  #each(action: (pnId: PnId, link: PeerLink, gateway: EntityId) => void): void {
    const { state, linkTo, identity } = this.#context;
    for (const { pnId, gateway } of state.pns()) {
      const link = gateway === identity.id ? undefined : linkTo(gateway);
      if (link !== undefined) action(pnIdText(pnId), link, gateway);
    }
  }
}
