import { abortReason, CpnsError, deadline, describeError, type EntityId } from '@cpns/shared';
import { ack, type Envelope, refusal, Status, unpair } from '@cpns/shared/messages';
import { type PairedPeer, PairingInvitation, type PairingResult, PairingWindow } from '@cpns/shared/security';
import type { Sighting } from '../pan-technology.js';
import { CLEAR, LINK, type PeerLink } from '../peer-link.js';
import { type AttemptDesk, initiatePairing, PairingAcceptor } from './pairing-attempt.js';
import type { PairingContext } from './pairing-context.js';
import type { Paired, PairingReport, PairingRequest, PersonsAnswer } from './pairing-request.js';

/** What the service needs of the device around it. */
export interface PairingHost {
  isPaired(id: EntityId): boolean;
  /** The window opened or closed: announce it. */
  windowChanged(open: boolean): void;
  sightings(): Iterable<Sighting>;
  /** Opens a link for a pairing. @throws CpnsError Transport, Timeout */
  dial(peer: EntityId, addresses: readonly string[] | undefined, signal: AbortSignal): Promise<PeerLink>;
  /** The first link session under K_pair stands: keep it, until the peer confirms, and where the device is, if somebody said so. */
  keep(result: PairingResult, addresses: readonly string[] | undefined): Promise<void>;
  /** The peer did not confirm what was kept. */
  giveUp(peer: EntityId): Promise<void>;
  /** The link is proven and can be used like any other. */
  proven(link: PeerLink): void;
}

/** The higher id waits so long for the lower one to dial (protocol 0.22). */
const HIGHER_ID_WAITS_MS = 3_000;
const AGAIN_AFTER_MS = 2_000;

interface Attempt {
  readonly number: number;
  readonly link: PeerLink | undefined;
  readonly peer: EntityId | undefined;
  readonly controller: AbortController;
  acceptor?: PairingAcceptor;
  code?: string;
  confirm?: (yes: boolean) => void;
  provisional?: PairingResult;
}

interface OpenWindow {
  readonly request: PairingRequest;
  readonly window: PairingWindow;
  readonly invitation: PairingInvitation | undefined;
  readonly report: (event: PairingReport) => void;
  readonly resolve: (paired: Paired) => void;
  readonly reject: (error: CpnsError) => void;
  readonly signal: AbortSignal;
  /** Devices near that are being called, or will be. */
  readonly dialling: Set<EntityId>;
  attempt?: Attempt;
  /** Stored here; whether the peer has stored it, too, its first message tells. */
  kept?: Paired;
  lastFailure?: CpnsError;
}

/**
 * Physical pairing (security 1.9): one window at a time, in it one attempt at a time. Whatever ends an attempt other than the first
 * link session under its K_pair leaves nothing behind.
 */
export class PairingService {
  readonly #context: PairingContext;
  readonly #host: PairingHost;
  #open: OpenWindow | undefined;
  #attempts = 0;

  constructor(context: PairingContext, host: PairingHost) {
    this.#context = context;
    this.#host = host;
  }

  get window(): { readonly closesInMs: number; readonly attemptsLeft: number } | undefined {
    const window = this.#open?.window;
    return window?.open ? { closesInMs: window.remainingMs, attemptsLeft: window.attemptsLeft } : undefined;
  }

  /** The provisional K_pair of the attempt under way, for its first link session. */
  provisional(): PairedPeer[] {
    const result = this.#open?.attempt?.provisional;
    return result === undefined ? [] : [{ id: result.peer, kPair: result.kPair }];
  }

  /** @throws CpnsError State/PairingBusy, Timeout/PairingWindowClosed, Auth/PairingRefused, Auth/TooManyAttempts, Transport */
  async pair(
    request: PairingRequest,
    openMs: number | undefined,
    report: (event: PairingReport) => void,
    signal: AbortSignal,
  ): Promise<Paired> {
    if (this.#open !== undefined) throw new CpnsError('State', 'PairingBusy', 'This device is pairing already: wait until that has ended.');
    if (signal.aborted) throw abortReason(signal);
    const { clock, provider, entropy, limits } = this.#context;
    const window = new PairingWindow(clock, request.type === 'show-link' ? 'link' : 'code', {
      attempts: limits.pairingAttempts,
      openMs: Math.min(openMs ?? limits.pairingWindowMs, limits.pairingWindowMs),
    });
    const invitation = request.type === 'show-link' ? new PairingInvitation(provider, entropy) : undefined;
    const limit = deadline(
      clock,
      window.remainingMs,
      signal,
      'The pairing window closed and no device was paired: open it again on both devices.',
    );
    try {
      return await new Promise<Paired>((resolve, reject) => {
        this.#open = { request, window, invitation, report, resolve, reject, signal: limit.signal, dialling: new Set() };
        limit.signal.addEventListener('abort', () => reject(this.#closing(limit.signal)), { once: true });
        this.#host.windowChanged(true);
        report({ type: 'window', closesInMs: window.remainingMs, attemptsLeft: window.attemptsLeft });
        if (invitation !== undefined) report({ type: 'link', invitation, closesInMs: window.remainingMs });
        this.#begin();
      });
    } finally {
      limit.done();
      const { attempt, kept } = (this.#open ?? {}) as Partial<OpenWindow>;
      this.#open = undefined;
      if (kept !== undefined) void this.#host.giveUp(kept.peer);
      window.close();
      if (attempt !== undefined) this.#discard(attempt, 'the pairing window closed');
      invitation?.erase();
      this.#host.windowChanged(false);
    }
  }

  /** Closes the window for good. */
  stop(): void {
    this.#open?.reject(new CpnsError('State', 'Stopping', 'The agent is stopping; nothing was paired.'));
  }

  /** @throws CpnsError State/NoSuchAttempt */
  answer(attempt: number, answer: PersonsAnswer): boolean {
    const current = this.#open?.attempt;
    if (current?.number !== attempt || current.confirm === undefined)
      throw new CpnsError('State', 'NoSuchAttempt', 'That pairing attempt is over.');
    const yes = answer.type === 'yes' || (answer.type === 'code' && answer.code === current.code);
    current.confirm(yes);
    return yes;
  }

  /** Somebody near was noticed, or changed. */
  sighted(sighting: Sighting): void {
    const open = this.#open;
    if (open?.request.type !== 'code' || !sighting.pairing || open.dialling.has(sighting.id)) return;
    const { peer, addresses } = open.request;
    if (peer !== undefined && peer !== sighting.id) return;
    open.dialling.add(sighting.id);
    open.report({ type: 'found', peer: sighting.id, technology: sighting.technology });
    // Whom a person has named by address may not see this device at all.
    const waitMs = addresses !== undefined || this.#context.self < sighting.id ? 0 : HIGHER_ID_WAITS_MS;
    this.#context.clock.after(waitMs, () => void this.#dial(open, sighting.id, undefined));
  }

  /** A pairing message arrived on an accepted link. */
  accepted(link: PeerLink, envelope: Envelope): void {
    const open = this.#open;
    const current = open?.attempt;
    if (current?.link === link && current.acceptor !== undefined) return void this.#take(open as OpenWindow, current, envelope);
    try {
      if (open === undefined || envelope.sender === '' || open.request.type === 'take-link') throw this.#notOpen();
      if (open.request.type === 'code' && open.request.peer !== undefined && open.request.peer !== envelope.sender) throw this.#notOpen();
      // Both sides dialled: the link of the lower id stays, as long as no code is shown yet.
      if (
        current !== undefined &&
        current.acceptor === undefined &&
        current.code === undefined &&
        current.peer === envelope.sender &&
        envelope.sender < this.#context.self
      ) {
        this.#over(open, current, 'abandoned', new CpnsError('State', 'Crossed', 'The other device called at the same time.'));
      }
      open.window.begin();
      const attempt: Attempt = { number: ++this.#attempts, link, peer: envelope.sender, controller: new AbortController() };
      open.attempt = attempt;
      attempt.acceptor = new PairingAcceptor(this.#context, link, this.#desk(open, attempt, link), open.invitation);
      link.signal.addEventListener('abort', () => this.#failed(open, attempt, link.signal.reason), { once: true });
      void this.#take(open, attempt, envelope);
    } catch (error) {
      const status = error instanceof CpnsError && error.code === 'PairingBusy' ? Status.Busy : Status.NotAuthorized;
      if (envelope.type?.kind === 'request') link.exchange.notify(refusal, { status }, CLEAR, envelope.transaction);
    }
  }

  /** A link session was proven under a provisional K_pair, on an accepted link. False: not one of ours. */
  linkProven(link: PeerLink): boolean {
    const open = this.#open;
    const attempt = open?.attempt;
    if (
      open === undefined ||
      attempt?.provisional === undefined ||
      attempt.link !== link ||
      link.pairedPeer?.kPair !== attempt.provisional.kPair
    )
      return false;
    void this.#succeeded(open, attempt, attempt.provisional, link);
    return true;
  }

  #begin(): void {
    const open = this.#open as OpenWindow;
    if (open.request.type === 'take-link') {
      const { peer, addresses } = open.request;
      void this.#dial(open, peer, addresses);
    } else {
      for (const sighting of this.#host.sightings()) this.sighted(sighting);
    }
  }

  async #dial(open: OpenWindow, peer: EntityId, addresses: readonly string[] | undefined): Promise<void> {
    if (this.#open !== open) return;
    if (open.attempt !== undefined) return this.#dialLater(open, peer, addresses);
    let attempt: Attempt | undefined;
    try {
      const link = await this.#host.dial(peer, addresses, open.signal);
      if (this.#open !== open || open.attempt !== undefined) {
        link.close('another pairing is under way');
        return this.#dialLater(open, peer, addresses);
      }
      open.window.begin();
      attempt = { number: ++this.#attempts, link, peer, controller: new AbortController() };
      open.attempt = attempt;
      link.signal.addEventListener('abort', () => attempt?.controller.abort(link.signal.reason), { once: true });
      const shown = open.request.type === 'take-link' ? open.request.link : undefined;
      const result = await initiatePairing(this.#context, link, peer, this.#desk(open, attempt, link), shown);
      await this.#succeeded(open, attempt, result, link);
    } catch (error) {
      if (this.#open !== open) return;
      if (attempt !== undefined) this.#failed(open, attempt, error);
      else if (addresses !== undefined) return open.reject(asPairingError(error));
      else this.#context.logger.info('could not reach a device for pairing', { peer, why: describeError(error) });
      this.#dialLater(open, peer, addresses);
    }
  }

  #dialLater(open: OpenWindow, peer: EntityId, addresses: readonly string[] | undefined): void {
    this.#context.clock.after(AGAIN_AFTER_MS, () => {
      open.dialling.delete(peer);
      if (this.#open !== open || !open.window.open) return;
      if (addresses !== undefined) return void this.#dial(open, peer, addresses);
      for (const sighting of this.#host.sightings()) if (sighting.id === peer) this.sighted(sighting);
    });
  }

  async #take(open: OpenWindow, attempt: Attempt, envelope: Envelope): Promise<void> {
    try {
      await attempt.acceptor?.take(envelope);
    } catch (error) {
      this.#failed(open, attempt, error);
    }
  }

  #desk(open: OpenWindow, attempt: Attempt, link: PeerLink): AttemptDesk {
    return {
      signal: attempt.controller.signal,
      remainingMs: open.window.remainingMs,
      confirm: (peer, code) =>
        new Promise((resolve, reject) => {
          attempt.code = code;
          attempt.confirm = (yes) => {
            delete attempt.confirm;
            if (!yes)
              return reject(
                new CpnsError('Auth', 'PairingRefused', 'The codes were not the same, or somebody said no; nothing was paired.', {
                  status: Status.Rejected,
                }),
              );
            open.report({ type: 'confirmed', at: 'here' });
            resolve();
          };
          const { technology } = link;
          open.report({
            type: 'code',
            attempt: attempt.number,
            peer,
            technology,
            code,
            replaces: this.#host.isPaired(peer),
            closesInMs: open.window.remainingMs,
          });
        }),
      agreed: (result) => {
        attempt.provisional = result;
      },
      confirmedThere: () => open.report({ type: 'confirmed', at: 'there' }),
      late: () =>
        this.#failed(open, attempt, new CpnsError('Timeout', 'NoAnswer', 'The other device did not go on with the pairing: try again.')),
    };
  }

  /** The peer talks under the new K_pair, and this device has stored that: the pairing stands on both sides. */
  confirmed(peer: EntityId): void {
    const open = this.#open;
    if (open?.kept?.peer !== peer) return;
    const { kept } = open;
    open.window.end('paired');
    delete open.attempt;
    delete open.kept;
    open.resolve(kept);
  }

  /** The peer has stored the pairing, and this device could not. */
  notConfirmed(peer: EntityId, error: unknown): void {
    const open = this.#open;
    const attempt = open?.attempt;
    if (open?.kept?.peer !== peer || attempt === undefined) return;
    delete open.kept;
    void this.#host.giveUp(peer).then(() => this.#failed(open, attempt, error));
  }

  async #succeeded(open: OpenWindow, attempt: Attempt, result: PairingResult, link: PeerLink): Promise<void> {
    if (this.#open !== open) return;
    const { peer } = result;
    const replaced = this.#host.isPaired(peer);
    try {
      await this.#host.keep(result, open.request.type === 'show-link' ? undefined : open.request.addresses);
    } catch (error) {
      // The other device may have kept the pairing: it is told in the session under it.
      link.exchange.request(unpair, {}, [ack], LINK, { timeoutMs: 1_000, signal: link.signal }).catch(() => undefined);
      return this.#failed(open, attempt, error);
    }
    if (this.#open !== open) return void this.#host.giveUp(peer);
    delete attempt.provisional;
    attempt.acceptor?.abort();
    open.kept = {
      peer,
      technology: link.technology,
      method: attempt.code === undefined ? 'link' : 'code',
      ...(attempt.code && { code: attempt.code }),
      replaced,
    };
    if (link.signal.aborted) return this.#failed(open, attempt, link.signal.reason);
    link.signal.addEventListener('abort', () => this.#failed(open, attempt, link.signal.reason), { once: true });
    this.#host.proven(link);
  }

  #failed(open: OpenWindow, attempt: Attempt, thrown: unknown): void {
    if (open.attempt !== attempt) return;
    const error = asPairingError(thrown);
    this.#over(open, attempt, error.family === 'Auth' ? 'refused' : 'abandoned', error);
    open.report({ type: 'attempt-failed', code: error.code, reason: error.message, attemptsLeft: open.window.attemptsLeft });
    if (open.request.type === 'take-link' || error.status === Status.Rejected) return open.reject(error);
    if (open.window.attemptsLeft === 0) {
      open.reject(
        new CpnsError(
          'Auth',
          'TooManyAttempts',
          'Too many pairing attempts failed; somebody may be interfering. Open the pairing again on both devices.',
        ),
      );
    }
  }

  #over(open: OpenWindow, attempt: Attempt, outcome: 'refused' | 'abandoned', error: CpnsError): void {
    delete open.attempt;
    open.lastFailure = error;
    open.window.end(outcome);
    this.#discard(attempt, error.message);
  }

  #discard(attempt: Attempt, reason: string): void {
    attempt.controller.abort(new CpnsError('State', 'PairingOver', reason));
    attempt.acceptor?.abort();
    attempt.provisional?.kPair.erase();
    attempt.link?.close('the pairing came to nothing');
  }

  #closing(signal: AbortSignal): CpnsError {
    const reason = abortReason(signal);
    if (reason.family !== 'Timeout') return reason;
    const last = this.#open?.lastFailure;
    return new CpnsError(
      'Timeout',
      'PairingWindowClosed',
      last === undefined ? reason.message : `${reason.message} The last attempt failed: ${last.message}`,
    );
  }

  #notOpen(): CpnsError {
    return new CpnsError('State', 'PairingWindowClosed', 'This device is not open for pairing.');
  }
}

function asPairingError(thrown: unknown): CpnsError {
  return thrown instanceof CpnsError
    ? thrown
    : new CpnsError('Internal', 'PairingFailed', 'The pairing failed; the log has the detail.', { cause: thrown });
}
