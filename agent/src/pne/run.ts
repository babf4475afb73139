import { type Clock, CpnsError, type EntityId, type PnId, toCpnsError } from '@cpns/shared';
import { type HelloRequest, helloRequest, PROTOCOL_VERSION, type RequestFlow, Status, SUITE, toOctets } from '@cpns/shared/messages';
import { PneHandshake } from '@cpns/shared/security';
import { PnRole } from '../entity/device-state.js';
import type { PeerLink } from '../entity/peer-link.js';
import { contentsForHello } from './offer.js';
import type { PneContext } from './pne-context.js';

/** A run that came to nothing is forgotten after the whole PN Setup's limit (protocol 0.3). */
const RUN_LIMIT_MS = 150_000;
/** Request and capabilities of a hello with contents in it: 32 of these have room in one PN Registration Request. */
const OFFERING_HELLO_OCTETS = 1_750;
/** Runs under way at once, over all PNs. */
const MAX_RUNS = 16;

/** One run of the server handshake, from its hello to hash_server. */
export interface Run {
  readonly handshake: PneHandshake;
  readonly link: PeerLink;
}

interface OpenRun {
  readonly run: Run;
  readonly cancelTimer: () => void;
  readonly over: Promise<void>;
  readonly settle: () => void;
}

/** The runs under way, one per PN. */
export class Runs {
  readonly #clock: Clock;
  readonly #expired: (pnId: PnId, run: Run) => void;
  readonly #open = new Map<PnId, OpenRun>();

  constructor(clock: Clock, expired: (pnId: PnId, run: Run) => void) {
    this.#clock = clock;
    this.#expired = expired;
  }

  /** @throws CpnsError State/SetupBusy */
  add(pnId: PnId, run: Run): void {
    if (this.#open.has(pnId) || this.#open.size >= MAX_RUNS) {
      run.handshake.abort();
      throw new CpnsError('State', 'SetupBusy', 'A run for that personal network, or too many runs, are under way.', {
        status: Status.Busy,
      });
    }
    const cancelTimer = this.#clock.after(RUN_LIMIT_MS, () => this.#expired(pnId, run));
    let settle = () => {};
    const over = new Promise<void>((resolve) => {
      settle = resolve;
    });
    this.#open.set(pnId, { run, cancelTimer, over, settle });
  }

  get(pnId: PnId, link: PeerLink): Run | undefined {
    const run = this.#open.get(pnId)?.run;
    return run?.link === link ? run : undefined;
  }

  /** Resolves when no run for that PN is under way, at once if there is none. */
  over(pnId: PnId): Promise<void> {
    return this.#open.get(pnId)?.over ?? Promise.resolve();
  }

  /** Ends a run; whatever it had not finished is erased. */
  end(pnId: PnId, run: Run): void {
    run.handshake.abort();
    const open = this.#open.get(pnId);
    if (open?.run !== run) return;
    open.cancelTimer();
    this.#open.delete(pnId);
    open.settle();
  }

  /** PNs with a run on that link. */
  on(link: PeerLink): PnId[] {
    return [...this.#open].filter(([, { run }]) => run.link === link).map(([pnId]) => pnId);
  }
}

/**
 * Begins a run towards the gateway at the other end of `link`. L = 1 exactly when this device holds no young LocalEUKey for it: no
 * PAN technology here counts as secure by itself (security 1.5). The gateway of another PN of this device goes with it, as a hint to the
 * PN GW of its owner (seed 004 step 2).
 */
export function beginRun(
  context: PneContext,
  link: PeerLink,
  pnId: PnId | undefined,
  asked: Omit<HelloRequest, 'version' | 'suite' | 'flow' | 'contents' | 'ownerGateway'> & { readonly flow: RequestFlow },
): Run {
  const { provider, entropy, identity, settings, keys } = context;
  const gateway = link.peer as EntityId;
  const ownerGateway = context.state.pns().find((record) => record.role === PnRole.Pne && record.gateway !== gateway)?.gateway;
  const bare = { ...asked, ...(ownerGateway && { ownerGateway }), version: PROTOCOL_VERSION, suite: SUITE };
  const offering = toOctets(helloRequest, { ...bare, ...contentsForHello(context, pnId) });
  const capabilities = context.capabilities();
  // Where there is no room for contents, the server is told of them when the session with it stands.
  const request = offering.length + capabilities.length <= OFFERING_HELLO_OCTETS ? offering : toOctets(helloRequest, bare);
  const handshake = PneHandshake.begin({
    provider,
    entropy,
    root: identity.root,
    idServer: identity.idServer,
    idPne: identity.id,
    idGw: gateway,
    capabilities,
    request,
    localEuKeyNeeded: pnId === undefined || !(keys.hasYoung(pnId, gateway) && link.hasPan(pnId)),
    requireForwardSecrecy: settings.requireForwardSecrecy,
  });
  return { handshake, link };
}

/**
 * What went wrong in a run, for the person who asked for it: after its proof a PNE whose gateway is lost cannot know what became of it,
 * and what it says must be true either way.
 */
export function outcomeOf(error: unknown, { handshake }: Run): unknown {
  const cause = toCpnsError(error);
  if (!handshake.answered || (cause.family !== 'Transport' && cause.family !== 'Timeout')) return error;
  const sentence =
    'The PN GW was lost before it said whether this device is in the personal network: once it is back, "cpns-agent pn show" tells.';
  return new CpnsError('Transport', 'OutcomeUnknown', sentence, { cause });
}

/** Gives a run up: its keys are erased, and nothing of it was ever kept. */
export function abandonRun(context: PneContext, pnId: PnId, link: PeerLink): void {
  const run = context.runs.get(pnId, link);
  if (run === undefined) return;
  context.keys.discard(pnId, link.peer as EntityId);
  leaveHop(context, pnId, link);
  context.runs.end(pnId, run);
}

/** A PAN session is for a PN that this device is in, or is about to enter; it ends behind the word that is still to be said in it. */
export function leaveHop(context: PneContext, pnId: PnId, link: PeerLink): void {
  context.clock.after(0, () => {
    if (context.state.pn(pnId) === undefined) link.removePan(pnId);
  });
}
