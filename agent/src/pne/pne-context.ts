import { CpnsError, type EntityId, type PnId, type Serial } from '@cpns/shared';
import { type HelloRequest, helloRequest, PROTOCOL_VERSION, type RequestFlow, SUITE, toOctets } from '@cpns/shared/messages';
import { PneHandshake } from '@cpns/shared/security';
import type { DeviceContext } from '../entity/device-context.js';
import type { LocalEuKeys } from '../entity/local-eu-keys.js';
import type { PeerLink } from '../entity/peer-link.js';
import type { ServerSessions } from './server-sessions.js';
import type { SetupAcks } from './setup-acks.js';

/** What the flows of a PNE work with. */
export interface PneContext extends DeviceContext {
  readonly keys: LocalEuKeys;
  readonly sessions: ServerSessions;
  readonly runs: Runs;
  readonly acks: SetupAcks;
  /** What is stored for one PN happens in the order of arrival. */
  readonly settling: Serial<PnId>;
}

/** Milliseconds a PN GW has for an answer; while it waits for others it says `pending`. */
export const HOP_TIMEOUT_MS = 5_000;

/** One run of the server handshake, from its hello to hash_server. */
export interface Run {
  readonly handshake: PneHandshake;
  readonly link: PeerLink;
}

/** The runs under way, one per PN. */
export class Runs {
  readonly #open = new Map<PnId, Run>();

  /** @throws CpnsError State/SetupBusy */
  add(pnId: PnId, run: Run): void {
    const other = this.#open.get(pnId);
    if (other !== undefined && !other.link.signal.aborted)
      throw new CpnsError('State', 'SetupBusy', 'A run for that personal network is under way already.');
    other?.handshake.abort();
    this.#open.set(pnId, run);
  }
  get(pnId: PnId, link: PeerLink): Run | undefined {
    const run = this.#open.get(pnId);
    return run?.link === link ? run : undefined;
  }
  /** Ends a run; whatever it had not finished is erased. */
  end(pnId: PnId, run: Run): void {
    run.handshake.abort();
    if (this.#open.get(pnId) === run) this.#open.delete(pnId);
  }
  linkClosed(link: PeerLink): void {
    for (const [pnId, run] of this.#open) if (run.link === link) this.end(pnId, run);
  }
}

/**
 * Begins a run towards the gateway at the other end of `link`. L = 1 exactly when this device holds no young LocalEUKey for it: no
 * PAN technology here counts as secure by itself (security 1.5).
 */
export function beginRun(
  context: PneContext,
  link: PeerLink,
  pnId: PnId | undefined,
  asked: Omit<HelloRequest, 'version' | 'suite' | 'flow'> & { readonly flow: RequestFlow },
): Run {
  const { provider, entropy, identity, settings, keys } = context;
  const gateway = link.peer as EntityId;
  const handshake = PneHandshake.begin({
    provider,
    entropy,
    root: identity.root,
    idServer: identity.idServer,
    idPne: identity.id,
    idGw: gateway,
    capabilities: context.capabilities(),
    request: toOctets(helloRequest, { ...asked, version: PROTOCOL_VERSION, suite: SUITE }),
    localEuKeyNeeded: pnId === undefined || !(keys.hasYoung(pnId, gateway) && link.hasPan(pnId)),
    requireForwardSecrecy: settings.requireForwardSecrecy,
  });
  return { handshake, link };
}
