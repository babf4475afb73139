import { CpnsError, type EntityId, type PnId, type Reply, reply } from '@cpns/shared';
import { bodyOf, type Envelope, panHandshake1, panHandshake2, panHandshake3, panHandshake4, Status } from '@cpns/shared/messages';
import { PanHandshakeResponder, type SecureChannel } from '@cpns/shared/security';
import { pnIdText } from '../entity/device-state.js';
import type { Hop, PeerLink } from '../entity/peer-link.js';
import type { GatewayContext } from './gateway-context.js';

/**
 * PAN handshakes on one link, the gateway's side (seed 003 6.6.1.1 step 6, "in the same way as PN GW Authentication"; security 1.5).
 * The first one runs under a fresh LocalEUKey, later ones under the stored one.
 */
export class PanSessions {
  readonly #context: GatewayContext;
  readonly #link: PeerLink;
  readonly #runs = new Map<PnId, PanHandshakeResponder>();

  constructor(context: GatewayContext, link: PeerLink) {
    this.#context = context;
    this.#link = link;
  }

  /** PAN Handshake 1. @throws CpnsError Auth/NoLocalEuKey, Auth/PanHandshakeFailed */
  challenge(envelope: Envelope): Reply<Hop> {
    const { pnId: octets, a, ePneLocal, headerHash } = bodyOf(envelope, panHandshake1);
    const pnId = pnIdText(octets);
    const { keys, provider, entropy, clock, removals, settings } = this.#context;
    const pne = this.#link.peer as EntityId;
    this.#runs.get(pnId)?.abort();
    this.#runs.delete(pnId);
    if (this.#runs.size >= settings.limits.panHandshakesAtOncePerLink)
      throw new CpnsError('State', 'TooManyRuns', 'Too many PAN handshakes at once.', { status: Status.Busy });
    // Whoever is out comes back with the LocalEUKey of a new run alone.
    const found = removals.of(pnId).has(pne) ? undefined : keys.find(pnId, pne, headerHash, removals.has(pnId, pne));
    if (found === undefined) {
      throw new CpnsError('Auth', 'NoLocalEuKey', 'There is no LocalEUKey for that device and network: it has to register anew.', {
        status: Status.AuthFailed,
      });
    }
    const { technology: linkType } = this.#link;
    const run = new PanHandshakeResponder({ provider, entropy, clock, localEuKey: found.key, header: found.header, linkType });
    try {
      const answer = reply(panHandshake2, run.challenge({ a, ePneLocal }));
      this.#runs.set(pnId, run);
      return answer;
    } finally {
      found.key.erase();
    }
  }

  /** PAN Handshake 3: the PNE is proven; `ready` gets the session before the answer leaves. @throws CpnsError Auth/PanHandshakeFailed */
  verify(envelope: Envelope, ready: (pnId: PnId, channel: SecureChannel) => void): Reply<Hop> {
    const { pnId: octets, hashPneL } = bodyOf(envelope, panHandshake3);
    const pnId = pnIdText(octets);
    const run = this.#runs.get(pnId);
    if (run === undefined)
      throw new CpnsError('State', 'NoRun', 'No PAN handshake is under way for that network.', { status: Status.WrongState });
    this.#runs.delete(pnId);
    const { message, channel } = run.verify({ hashPneL });
    ready(pnId, channel);
    return reply(panHandshake4, { hashPnGw: message.hashPnGw });
  }

  abort(): void {
    for (const run of this.#runs.values()) run.abort();
    this.#runs.clear();
  }
}
