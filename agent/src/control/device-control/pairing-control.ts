import { CpnsError, isEntityId, isHostPort } from '@cpns/shared';
import type { Device, PairingReport, PairingRequest, PanTechnology } from '../../index.js';
import { isPairingLink, readPairingLink, writePairingLink } from '../../pan/qr/pairing-link.js';
import type {
  PairAnswerParams,
  PairingControl,
  PairingEvent,
  PairingResult,
  PairLinkShowParams,
  PairLinkTakeParams,
  PairOpenParams,
  PairPeerParams,
} from '../api/pairing.js';
import type { Progress } from '../api/progress.js';

/** What pairing needs beside the device: devices that are dialled by hand, and where this one is found. */
export interface PairingSurroundings {
  readonly technologies: readonly PanTechnology[];
  /** Visits `host:port`, so that the device there is noticed although no multicast reaches it. */
  addPeer(address: string): void;
}

const STEPS = 3;

/** Pairing for the person at this device. */
export class DevicePairingControl implements Omit<PairingControl, 'unpair'> {
  readonly #device: Device;
  readonly #surroundings: PairingSurroundings;

  constructor(device: Device, surroundings: PairingSurroundings) {
    this.#device = device;
    this.#surroundings = surroundings;
  }

  openPairing({ timeoutMs }: PairOpenParams, progress: Progress<PairingEvent>): Promise<PairingResult> {
    return this.#pair({ type: 'code' }, timeoutMs, progress, 'Open for pairing: open the pairing on the other device too');
  }

  pairWithPeer({ peer, timeoutMs }: PairPeerParams, progress: Progress<PairingEvent>): Promise<PairingResult> {
    const given = peer.trim();
    if (isPairingLink(given)) return this.takePairingLink({ link: given, ...(timeoutMs && { timeoutMs }) }, progress);
    if (isHostPort(given)) {
      this.#surroundings.addPeer(given);
      return this.#pair({ type: 'code', address: given }, timeoutMs, progress, `Looking for the device at ${given}`);
    }
    if (!isEntityId(given))
      throw new CpnsError('Config', 'BadPeer', `"${given.slice(0, 64)}" is neither a device nor HOST:PORT nor a pairing link.`);
    return this.#pair({ type: 'code', peer: given }, timeoutMs, progress, `Open for pairing with ${given}: open the pairing there too`);
  }

  showPairingLink({ timeoutMs }: PairLinkShowParams, progress: Progress<PairingEvent>): Promise<PairingResult> {
    return this.#pair({ type: 'show-link' }, timeoutMs, progress, 'Take the link on the other device');
  }

  takePairingLink({ link, timeoutMs }: PairLinkTakeParams, progress: Progress<PairingEvent>): Promise<PairingResult> {
    const { peer, addresses, pkHash, token } = readPairingLink(link);
    return this.#pair({ type: 'take-link', peer, addresses, link: { pkHash, token } }, timeoutMs, progress, `Calling ${peer}`);
  }

  async answerPairing({ attempt, answer }: PairAnswerParams): Promise<{ readonly accepted: boolean }> {
    return { accepted: this.#device.pairing.answer(attempt, answer) };
  }

  async #pair(
    request: PairingRequest,
    timeoutMs: number | undefined,
    progress: Progress<PairingEvent>,
    first: string,
  ): Promise<PairingResult> {
    progress.emit({ type: 'step', step: 1, of: STEPS, text: first });
    const paired = await this.#device.pairing.pair(request, timeoutMs, (event) => this.#report(event, progress), progress.signal);
    progress.emit({ type: 'step', step: STEPS, of: STEPS, text: `Paired with ${paired.peer}` });
    return paired;
  }

  #report(event: PairingReport, progress: Progress<PairingEvent>): void {
    if (event.type === 'link') {
      const addresses = this.#surroundings.technologies.flatMap((technology) => technology.addresses());
      if (addresses.length === 0) return;
      const { pkHash, token } = event.invitation;
      return progress.emit({
        type: 'link',
        link: writePairingLink({ peer: this.#device.id, addresses, pkHash, token }),
        closesInMs: event.closesInMs,
      });
    }
    if (event.type === 'code') progress.emit({ type: 'step', step: 2, of: STEPS, text: `Comparing the code with ${event.peer}` });
    progress.emit(event);
  }
}
