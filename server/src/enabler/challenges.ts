import type { Clock, EntityId, PnId } from '@cpns/shared';
import { Status } from '@cpns/shared/messages';
import { type ServerHandshake, toHex } from '@cpns/shared/security';
import { refuse } from './refusals.js';

/** One PNE that was challenged. */
export interface ChallengedPne {
  readonly pne: EntityId;
  readonly handshake: ServerHandshake;
  /** Device Capabilities octets of its hello. */
  readonly capabilities: Uint8Array;
  /** Contents octets of its hello. */
  readonly contents: Uint8Array | undefined;
  /** PN GW of its owner, as its hello says: a hint (seed 004 step 2). */
  readonly ownerGateway: EntityId | undefined;
}

/** PN Registration between its two halves (seed 003 6.6.1.1, steps 5 to 10). */
export interface EstablishRun {
  readonly flow: 'establish';
  readonly gateway: EntityId;
  readonly pnId: PnId;
  readonly randServer: Uint8Array;
  readonly pnes: readonly ChallengedPne[];
  readonly initiator: EntityId;
  readonly gatewayCapabilities: Uint8Array;
  readonly shareMembers: boolean;
  /** PNEs that were out before any challenge. */
  readonly refused: ReadonlyMap<EntityId, Status>;
}

/** PNE Registration of a member between its two halves (seed 001 1.4.1). */
export interface RegisterRun {
  readonly flow: 'register';
  readonly gateway: EntityId;
  readonly pnId: PnId;
  readonly randServer: Uint8Array;
  readonly pnes: readonly ChallengedPne[];
}

/** A way into an existing PN between its two halves: seed 003 figure 14, figures 12 and 13, seed 001 figure 5. */
export interface EntryRun {
  readonly flow: 'join' | 'invite' | 'newcomer';
  readonly gateway: EntityId;
  readonly pnId: PnId;
  readonly randServer: Uint8Array;
  readonly pnes: readonly ChallengedPne[];
  /** PNEs that were out before any challenge. */
  readonly refused: ReadonlyMap<EntityId, Status>;
  /** The PN GW's owner lets them in, whoever they belong to. */
  readonly ownerAgrees: boolean;
}

export type Run = EstablishRun | RegisterRun | EntryRun;

interface Open<T> {
  readonly run: T;
  readonly cancelTimer: () => void;
}

export interface ChallengeLimits {
  readonly challengeTimeoutMs: number;
  readonly openChallengesPerGateway: number;
}

/**
 * Challenges that wait for their answers: in memory only, for 30 s, 64 for each PN GW (security 2.1). One too many is refused; none is
 * ever pushed out.
 */
export class Challenges {
  readonly #clock: Clock;
  readonly #limits: ChallengeLimits;
  readonly #runs = new Map<string, Open<Run>>();
  readonly #perGateway = new Map<EntityId, number>();
  readonly #setups = new Map<EntityId, Open<ServerHandshake>>();

  constructor(clock: Clock, limits: ChallengeLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  get count(): number {
    let count = this.#setups.size;
    for (const open of this.#perGateway.values()) count += open;
    return count;
  }

  /** Refuses before anything is computed. @throws CpnsError State/TooManyChallenges (Busy) */
  requireRoom(gateway: EntityId, pnes: number): void {
    if ((this.#perGateway.get(gateway) ?? 0) + pnes <= this.#limits.openChallengesPerGateway) return;
    const { challengeTimeoutMs } = this.#limits;
    throw refuse(Status.Busy, 'TooManyChallenges', `${gateway} has too many challenges open.`, challengeTimeoutMs);
  }

  /** @throws CpnsError State/TooManyChallenges (Busy) */
  open(run: Run): void {
    this.requireRoom(run.gateway, run.pnes.length);
    const name = nameOf(run);
    this.#perGateway.set(run.gateway, (this.#perGateway.get(run.gateway) ?? 0) + run.pnes.length);
    this.#runs.set(name, { run, cancelTimer: this.#clock.after(this.#limits.challengeTimeoutMs, () => this.abort(run)) });
  }

  /** The run that these values name, once: a challenge is answered in one attempt. */
  take(gateway: EntityId, pnId: PnId, randServer: Uint8Array): Run | undefined {
    const open = this.#runs.get(nameOf({ gateway, pnId, randServer }));
    if (open !== undefined) this.#close(open);
    return open?.run;
  }

  /** Gives a run up and erases its keys. Harmless when it was taken or given up before. */
  abort(run: Run): void {
    const open = this.#runs.get(nameOf(run));
    if (open?.run !== run) return;
    this.#close(open);
    for (const { handshake } of run.pnes) handshake.abort();
  }

  /** Connection setup: the challenge of a device for itself takes the place of its last one. */
  openSetup(entityId: EntityId, handshake: ServerHandshake): void {
    this.abortSetup(entityId);
    const cancelTimer = this.#clock.after(this.#limits.challengeTimeoutMs, () => this.abortSetup(entityId));
    this.#setups.set(entityId, { run: handshake, cancelTimer });
  }

  takeSetup(entityId: EntityId): ServerHandshake | undefined {
    const open = this.#setups.get(entityId);
    open?.cancelTimer();
    this.#setups.delete(entityId);
    return open?.run;
  }

  abortSetup(entityId: EntityId): void {
    this.takeSetup(entityId)?.abort();
  }

  /** Every challenge of that device, and all runs that it carries as PN GW. */
  abortDevice(entityId: EntityId): void {
    this.abortSetup(entityId);
    for (const { run } of [...this.#runs.values()]) {
      if (run.gateway === entityId) this.abort(run);
      // What is left of the run goes on; without its keys this PNE can no longer pass.
      else for (const { pne, handshake } of run.pnes) if (pne === entityId) handshake.abort();
    }
  }

  clear(): void {
    for (const entityId of [...this.#setups.keys()]) this.abortSetup(entityId);
    for (const { run } of [...this.#runs.values()]) this.abort(run);
  }

  #close({ run, cancelTimer }: Open<Run>): void {
    cancelTimer();
    this.#runs.delete(nameOf(run));
    const left = (this.#perGateway.get(run.gateway) ?? 0) - run.pnes.length;
    if (left > 0) this.#perGateway.set(run.gateway, left);
    else this.#perGateway.delete(run.gateway);
  }
}

function nameOf({ gateway, pnId, randServer }: Pick<Run, 'gateway' | 'pnId' | 'randServer'>): string {
  return `${gateway} ${pnId} ${toHex(randServer)}`;
}
