import { type Clock, CpnsError, type EntityId, isEntityId, isHostPort } from '@cpns/shared';
import type { PairingReport, PairingRequest } from '../../entity/pairing/pairing-request.js';
import { readPairingLink, writePairingLink } from '../../pan/qr/pairing-link.js';
import type { PairingControl, PairingEvent, PairingResult } from '../api/pairing.js';
import type { Progress } from '../api/progress.js';
import type { ControlContext, RunningDevice } from './control-context.js';
import { PairingSteps } from './pairing-steps.js';

/** At most so many addresses fit into a link and are kept with a pairing. */
const MAX_ADDRESSES = 8;
/** While a pairing waits for a device that was named by address, it is visited this often. */
const LOOK_EVERY_MS = 1_000;

export function pairingControl({ current, clock }: ControlContext): PairingControl {
  return {
    openPairing: ({ timeoutMs }, progress) => pair(current(), { type: 'code' }, timeoutMs, progress),

    async pairWithPeer({ peer: given, timeoutMs }, progress) {
      const running = current();
      if (!isHostPort(given)) return pair(running, { type: 'code', peer: notSelf(running, wantedId(given)) }, timeoutMs, progress);
      const peer = notSelf(running, await running.visit(given, AbortSignal.any([progress.signal, running.signal])));
      // Its window may open after this one, and nothing announces that.
      const stopLooking = again(clock, LOOK_EVERY_MS, () => running.addPeer(given));
      return pair(running, { type: 'code', peer, addresses: [given] }, timeoutMs, progress).finally(stopLooking);
    },

    async showPairingLink({ timeoutMs }, progress) {
      const running = current();
      if (addressesOf(running).length === 0) {
        throw new CpnsError('State', 'NoAddress', 'This device has no address at which another one could call it; see: cpns-agent doctor');
      }
      return pair(running, { type: 'show-link' }, timeoutMs, progress);
    },

    async takePairingLink({ link: text, timeoutMs }, progress) {
      const running = current();
      const { peer, addresses, link } = readPairingLink(text);
      try {
        const result = await pair(running, { type: 'take-link', peer: notSelf(running, peer), addresses, link }, timeoutMs, progress);
        for (const address of addresses) running.addPeer(address);
        return result;
      } finally {
        link.token.erase();
      }
    },

    async answerPairing({ attempt, answer }) {
      return { accepted: current().device.pairing.answer(attempt, answer) };
    },

    async unpair({ peer }) {
      await current().device.unpair(peer);
      return { peer };
    },
  };
}

function pair(
  running: RunningDevice,
  request: PairingRequest,
  timeoutMs: number | undefined,
  { emit, signal }: Progress<PairingEvent>,
): Promise<PairingResult> {
  const steps = new PairingSteps(request, emit);
  const report = (event: PairingReport) => {
    steps.before(event);
    emit(event.type === 'link' ? linkEvent(running, event) : event);
  };
  return running.device.pairing.pair(request, timeoutMs, report, AbortSignal.any([signal, running.signal]));
}

function linkEvent(running: RunningDevice, { invitation, closesInMs }: PairingReport & { type: 'link' }): PairingEvent {
  const link = writePairingLink({ peer: running.device.id, addresses: addressesOf(running), link: invitation });
  return { type: 'link', link, closesInMs };
}

function addressesOf({ technologies }: RunningDevice): readonly string[] {
  return technologies.flatMap((technology) => technology.addresses()).slice(0, MAX_ADDRESSES);
}

/** Does something again and again; the returned function ends it. */
function again(clock: Clock, everyMs: number, action: () => void): () => void {
  let cancel = () => {};
  const next = () => {
    cancel = clock.after(everyMs, () => {
      action();
      next();
    });
  };
  next();
  return () => cancel();
}

/** @throws CpnsError Config/BadPeer */
function wantedId(given: string): EntityId {
  if (isEntityId(given)) return given;
  const sentence = `"${given.slice(0, 64)}" names no device: use its id (see: cpns-agent peers), HOST:PORT, or the pairing link it shows.`;
  throw new CpnsError('Config', 'BadPeer', sentence);
}

/** @throws CpnsError Config/BadPeer */
function notSelf({ device }: RunningDevice, peer: EntityId): EntityId {
  if (peer !== device.id) return peer;
  throw new CpnsError('Config', 'BadPeer', `${peer} is this device itself; pair it with another one.`);
}
