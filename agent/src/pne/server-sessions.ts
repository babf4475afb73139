import type { EntityId, PnId } from '@cpns/shared';
import { type Envelope, relay } from '@cpns/shared/messages';
import { RELAYED_CONTENT, type SkChannel } from '@cpns/shared/security';
import type { DeviceContext } from '../entity/device-context.js';
import { pnIdOctets } from '../entity/device-state.js';
import { ServerChannel } from '../entity/server-channel.js';

/** A replaced session is still received for so long (security 1.6b). */
const OLD_SESSION_MS = 60_000;

interface Sessions {
  readonly current: ServerChannel;
  readonly previous?: ServerChannel | undefined;
}

/** A PNE's sessions with the server, one per PN; their records travel through the PN GW, which cannot read them. */
export class ServerSessions {
  readonly #context: DeviceContext;
  readonly #message: (pnId: PnId, channel: ServerChannel, envelope: Envelope) => void;
  readonly #sessions = new Map<PnId, Sessions>();

  constructor(context: DeviceContext, message: (pnId: PnId, channel: ServerChannel, envelope: Envelope) => void) {
    this.#context = context;
    this.#message = message;
  }

  get(pnId: PnId): ServerChannel | undefined {
    return this.#sessions.get(pnId)?.current;
  }

  /** Takes a session into use whose hash_server has verified; the one before is received a little longer. */
  adopt(pnId: PnId, gateway: EntityId, channel: SkChannel): ServerChannel {
    const { identity, clock, entropy, logger } = this.#context;
    const session = new ServerChannel({
      channel,
      self: identity.id,
      clock,
      entropy,
      logger,
      maxContent: RELAYED_CONTENT,
      carry: (record) => this.#carry(pnId, gateway, record),
      message: (from, envelope) => this.#message(pnId, from, envelope),
    });
    const before = this.#sessions.get(pnId);
    before?.previous?.close();
    before?.current.retire();
    if (before !== undefined) clock.after(OLD_SESSION_MS, () => before.current.close());
    this.#sessions.set(pnId, { current: session, previous: before?.current });
    return session;
  }

  /** A record that the gateway relayed. */
  receive(pnId: PnId, record: Uint8Array): void {
    const sessions = this.#sessions.get(pnId);
    sessions?.current.receive(record);
    sessions?.previous?.receive(record);
  }

  end(pnId: PnId): void {
    const sessions = this.#sessions.get(pnId);
    this.#sessions.delete(pnId);
    sessions?.current.close();
    sessions?.previous?.close();
  }

  endAll(): void {
    for (const pnId of [...this.#sessions.keys()]) this.end(pnId);
  }

  /** With an insecure PAN nothing leaves before the PAN session is up (security 1.5, fail closed). */
  #carry(pnId: PnId, gateway: EntityId, record: Uint8Array): void {
    const link = this.#context.linkTo(gateway);
    if (!link || (!link.hasPan(pnId) && !this.#context.settings.allowUnprotectedPan)) return;
    link.exchange.notify(relay, { pnId: pnIdOctets(pnId), pne: this.#context.identity.id, record }, link.hopOf(pnId));
  }
}
