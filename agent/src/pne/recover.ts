import { CpnsError, describeError, type EntityId, type PnId, retrySchedule, sleep, toCpnsError } from '@cpns/shared';
import { PneState, reconcile, reconcileResponse, Status } from '@cpns/shared/messages';
import { type PnRecord, PnRole, pnIdText } from '../entity/device-state.js';
import { LINK, type PeerLink } from '../entity/peer-link.js';
import { forgetPn, OUT_OF_PN } from './accept.js';
import { openPanSession } from './pan-session.js';
import { HOP_TIMEOUT_MS, type PneContext } from './pne-context.js';
import { register } from './register.js';

/** Registrations for a PN of which this device holds nothing are given up after so many failures (protocol 0.25). */
const MAX_FAILURES_UNKNOWN = 3;
/** Whom the server refuses for good, a revoked device perhaps, need not ask often. */
const REFUSED_PAUSE_MS = 300_000;

/** The PNs that this device is in through that gateway. */
export function pnsOf(context: PneContext, gateway: EntityId): PnRecord[] {
  return context.state.pns().filter((record) => record.role === PnRole.Pne && record.gateway === gateway);
}

const entryOf = ({ pnId, inventoryVersion, pnKeyEpoch }: PnRecord) => ({ pnId, inventoryVersion, pnKeyEpoch, state: PneState.Member });

/**
 * After every new link session with a PN GW (protocol 0.13, 0.25; security 1.5): what both know is compared, the hop is protected again
 * under the stored LocalEUKey, and a session with the server is made where there is none. No PN Setup, no consent, the same PN ID. The
 * gateway hands out PN keys that were missed.
 * @throws CpnsError Timeout, Transport, State/Refused: the gateway did not compare
 */
export async function recover(context: PneContext, link: PeerLink): Promise<void> {
  const pns = pnsOf(context, link.peer as EntityId).map(entryOf);
  const options = { timeoutMs: HOP_TIMEOUT_MS, signal: link.signal };
  const { body } = await link.exchange.request(reconcile, { pns }, [reconcileResponse], LINK, options);
  // One after the other: each costs both sides a handshake.
  for (const entry of body.pns) {
    if (link.signal.aborted) return;
    await recoverPn(context, link, pnIdText(entry.pnId), entry.status);
  }
}

async function recoverPn(context: PneContext, link: PeerLink, pnId: PnId, word: Status): Promise<void> {
  const known = context.state.pn(pnId);
  if (known !== undefined && known.gateway !== link.peer) return;
  if (word === Status.Success) await rerunPan(context, link, pnId);
  // UnknownPN of a gateway is a hint: only the server's sealed word makes this device forget (protocol 0.14).
  if (word !== Status.Success || known === undefined || !link.hasPan(pnId) || context.sessions.get(pnId) === undefined) {
    void context.register(link, pnId);
  } else {
    context.reachable(pnId);
    void askServer(context, pnId);
  }
}

/** The PAN handshake under the stored LocalEUKey; without one, or when the gateway has none, registration makes a new one. */
async function rerunPan(context: PneContext, link: PeerLink, pnId: PnId): Promise<void> {
  const stored = link.hasPan(pnId) ? undefined : context.keys.stored(pnId, link.peer as EntityId);
  if (stored === undefined) return;
  try {
    await openPanSession(context, link, pnId, stored);
  } catch (error) {
    if (link.signal.aborted) return;
    context.logger.info('the PAN session could not be renewed; registering for a new LocalEUKey', { pn: pnId, why: describeError(error) });
  } finally {
    stored.key.erase();
  }
}

/** Repeats with growing pauses while the link lasts; ends when the server has spoken. Never rejects. */
export async function registerUntilDone(context: PneContext, link: PeerLink, pnId: PnId): Promise<void> {
  const delays = retrySchedule(context.entropy, { firstMs: 2_000, maxMs: 30_000 });
  for (let failures = 1; !link.signal.aborted; failures++) {
    let pauseMs = 1_000 + delays.next().value;
    try {
      // A run that is under way may make this one unnecessary, but cannot be relied upon.
      await context.runs.over(pnId);
      await register(context, link, pnId);
      return;
    } catch (error) {
      if (link.signal.aborted || (error instanceof CpnsError && error.code === 'NotInPn')) return;
      context.logger.info('registration failed', { pn: pnId, failures, why: describeError(error) });
      if (context.state.pn(pnId) === undefined && failures >= MAX_FAILURES_UNKNOWN) return;
      if (error instanceof CpnsError && error.code === 'Refused' && !error.retryable) pauseMs = REFUSED_PAUSE_MS;
      // Silence may be that of a gateway which has ended the PAN session that it was asked in.
      if (error instanceof CpnsError && error.family === 'Timeout') link.removePan(pnId);
    }
    await sleep(context.clock, pauseMs, link.signal).catch(() => undefined);
    await rerunPan(context, link, pnId);
  }
}

/**
 * Compares with the server itself, in the session with it: what is newer there follows as Inventory Notice, and its word that this
 * device is out counts. Resolves with whether the server said anything; never rejects.
 */
export async function askServer(context: PneContext, pnId: PnId): Promise<boolean> {
  const record = context.state.pn(pnId);
  const session = context.sessions.get(pnId);
  if (record === undefined || session === undefined) return true;
  try {
    const { body } = await session.request(reconcile, { pns: [entryOf(record)] }, [reconcileResponse]);
    const entry = body.pns.find((candidate) => pnIdText(candidate.pnId) === pnId);
    if (entry !== undefined && OUT_OF_PN.has(entry.status)) await context.settling.run(pnId, () => forgetPn(context, pnId));
    return true;
  } catch (error) {
    context.logger.info('the server did not compare inventories', { pn: pnId, why: describeError(error) });
    const { code, status } = toCpnsError(error);
    if (code !== 'Refused') return false;
    // A refusal is sealed as well: who is being taken out of the PN is told so by it.
    if (OUT_OF_PN.has(status as Status)) await context.settling.run(pnId, () => forgetPn(context, pnId)).catch(() => undefined);
    return true;
  }
}
