import { CpnsError, type PnId } from '@cpns/shared';
import { type Envelope, relay } from '@cpns/shared/messages';
import type { SkChannel } from '@cpns/shared/security';
import type { DeviceContext } from '../entity/device-context.js';
import { pnIdOctets } from '../entity/device-state.js';
import { ServerChannel } from '../entity/server-channel.js';

/** A replaced session is still received for so long (security 1.6b). */
const OLD_SESSION_MS = 60_000;

/** A PNE's sessions with the server, one per PN; their records travel through the PN GW, which cannot read them. */
export class ServerSessions {
  readonly #context: DeviceContext;
  readonly #message: (pnId: PnId, channel: ServerChannel, envelope: Envelope) => void;
  readonly #sessions = new Map<PnId, { current: ServerChannel; previous?: ServerChannel }>();

  constructor(context: DeviceContext, message: (pnId: PnId, channel: ServerChannel, envelope: Envelope) => void) {
    this.#context = context;
    this.#message = message;
  }

  get(pnId: PnId): ServerChannel | undefined {
    return this.#sessions.get(pnId)?.current;
  }

  /** The session of a PN that can be used now. @throws CpnsError Transport/NoServerSession */
  require(pnId: PnId): ServerChannel {
    const session = this.get(pnId);
    if (session !== undefined) return session;
    throw new CpnsError(
      'Transport',
      'NoServerSession',
      'There is no session with the server for that personal network yet: it comes back with the PN GW.',
    );
  }

  /** Takes a session into use whose hash_server has verified; the one before is received a little longer. */
  adopt(pnId: PnId, channel: SkChannel): ServerChannel {
    const { identity, clock, entropy, logger } = this.#context;
    const session = new ServerChannel({
      channel,
      self: identity.id,
      clock,
      entropy,
      logger,
      carry: (record) => this.#carry(pnId, record),
      message: (from, envelope) => this.#message(pnId, from, envelope),
    });
    const before = this.#sessions.get(pnId);
    before?.previous?.close();
    if (before !== undefined) clock.after(OLD_SESSION_MS, () => before.current.close());
    this.#sessions.set(pnId, { current: session, ...(before && { previous: before.current }) });
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

  /** With an insecure PAN nothing leaves before the PAN session is up (security 1.5, fail closed). */
  #carry(pnId: PnId, record: Uint8Array): void {
    const gateway = this.#context.state.pn(pnId)?.gateway;
    const link = gateway && this.#context.linkTo(gateway);
    if (!link || (!link.hasPan(pnId) && !this.#context.settings.allowUnprotectedPan)) return;
    link.exchange.notify(relay, { pnId: pnIdOctets(pnId), pne: this.#context.identity.id, record }, link.hopOf(pnId));
  }
}
