import { type Clock, CpnsError, LONGEST_REQUEST_MS, type PnId, type Reply, reply } from '@cpns/shared';
import { pneConnectionSetupConfirmation, Status } from '@cpns/shared/messages';
import { pnIdOctets } from '../entity/device-state.js';
import type { Hop, PeerLink } from '../entity/peer-link.js';

interface Waiting {
  readonly resolve: (answer: Reply<Hop>) => void;
  readonly reject: (error: CpnsError) => void;
  readonly cancelTimer: () => void;
}

/** Links on which PNEs asked for a connection, until their PN stands (seed 002 steps 18 and 26). */
export class Connections {
  readonly #clock: Clock;
  readonly #waiting = new Map<PeerLink, Waiting>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** 18. A newer request on the same link takes the place of the one before. */
  wait(link: PeerLink): Promise<Reply<Hop>> {
    this.fail(link, new CpnsError('State', 'Replaced', 'A newer Connection Setup Request came.', { status: Status.Busy }));
    return new Promise((resolve, reject) => {
      const late = () => this.fail(link, new CpnsError('Timeout', 'NoSetup', 'No PN Setup followed.', { status: Status.Timeout }));
      this.#waiting.set(link, { resolve, reject, cancelTimer: this.#clock.after(LONGEST_REQUEST_MS, late) });
    });
  }

  /** 26. */
  confirm(link: PeerLink, pnId: PnId): void {
    this.#take(link)?.resolve(reply(pneConnectionSetupConfirmation, { status: Status.Success, pnId: pnIdOctets(pnId) }));
  }

  fail(link: PeerLink, error: CpnsError): void {
    this.#take(link)?.reject(error);
  }

  #take(link: PeerLink): Waiting | undefined {
    const waiting = this.#waiting.get(link);
    waiting?.cancelTimer();
    this.#waiting.delete(link);
    return waiting;
  }
}
