import { type Clock, CpnsError, type EntityId, LONGEST_REQUEST_MS, type PnId, type Reply, reply } from '@cpns/shared';
import { pneConnectionSetupConfirmation, Status } from '@cpns/shared/messages';
import { pnIdOctets } from '../entity/device-state.js';
import type { Hop } from '../entity/peer-link.js';

interface Waiting {
  readonly resolve: (answer: Reply<Hop>) => void;
  readonly reject: (error: CpnsError) => void;
  readonly cancelTimer: () => void;
}

/** PNEs that asked for a connection and wait until their PN stands (seed 002 steps 18 and 26). */
export class Connections {
  readonly #clock: Clock;
  readonly #waiting = new Map<EntityId, Waiting>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** 18. A newer request of the same PNE takes the place of the one before. */
  wait(pne: EntityId): Promise<Reply<Hop>> {
    this.fail(pne, new CpnsError('State', 'Replaced', 'A newer Connection Setup Request came.', { status: Status.Busy }));
    return new Promise((resolve, reject) => {
      const late = () => this.fail(pne, new CpnsError('Timeout', 'NoSetup', 'No PN Setup followed.', { status: Status.Timeout }));
      this.#waiting.set(pne, { resolve, reject, cancelTimer: this.#clock.after(LONGEST_REQUEST_MS, late) });
    });
  }

  /** 26. */
  confirm(pne: EntityId, pnId: PnId): void {
    this.#take(pne)?.resolve(reply(pneConnectionSetupConfirmation, { status: Status.Success, pnId: pnIdOctets(pnId) }));
  }

  fail(pne: EntityId, error: CpnsError): void {
    this.#take(pne)?.reject(error);
  }

  #take(pne: EntityId): Waiting | undefined {
    const waiting = this.#waiting.get(pne);
    waiting?.cancelTimer();
    this.#waiting.delete(pne);
    return waiting;
  }
}
