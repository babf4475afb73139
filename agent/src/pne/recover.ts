import { CpnsError, describeError, type EntityId, type PnId, retrySchedule, sleep } from '@cpns/shared';
import { PneState, reconcile, reconcileResponse, Status } from '@cpns/shared/messages';
import { PnRole, pnIdOctets, pnIdText } from '../entity/device-state.js';
import { LINK, type PeerLink } from '../entity/peer-link.js';
import { openPanSession } from './pan-session.js';
import { HOP_TIMEOUT_MS, type PneContext } from './pne-context.js';
import { register } from './register.js';

/** Registrations for a PN of which this device holds nothing are given up after so many failures (protocol 0.25). */
const MAX_FAILURES_UNKNOWN = 3;

/**
 * After every new link session with a PN GW (protocol 0.13, 0.25; security 1.5): what both know is compared, the hop is protected again
 * under the stored LocalEUKey, and a session with the server is made where there is none. No PN Setup, no consent, the same PN ID.
 */
export async function recover(context: PneContext, link: PeerLink): Promise<void> {
  const gateway = link.peer as EntityId;
  const own = context.state.pns().filter((record) => record.role === PnRole.Pne && record.gateway === gateway);
  const { body } = await link.exchange.request(
    reconcile,
    { pns: own.map(({ pnId, inventoryVersion, pnKeyEpoch }) => ({ pnId, inventoryVersion, pnKeyEpoch, state: PneState.Member })) },
    [reconcileResponse],
    LINK,
    { timeoutMs: HOP_TIMEOUT_MS, signal: link.signal },
  );
  await Promise.all(body.pns.map((entry) => recoverPn(context, link, pnIdText(entry.pnId), entry)));
}

interface GatewaysWord {
  readonly status: Status;
  readonly inventoryVersion: number;
}

async function recoverPn(context: PneContext, link: PeerLink, pnId: PnId, word: GatewaysWord): Promise<void> {
  if (word.status === Status.Success) await rerunPan(context, link, pnId);
  const record = context.state.pn(pnId);
  // UnknownPN of a gateway is a hint: only the server's sealed word makes this device forget (protocol 0.14).
  if (word.status !== Status.Success || record === undefined || !link.hasPan(pnId) || context.sessions.get(pnId) === undefined) {
    return registerUntilDone(context, link, pnId);
  }
  if (record.inventoryVersion !== word.inventoryVersion) await askServer(context, pnId);
}

/** The PAN handshake under the stored LocalEUKey; without one, or when the gateway has none, registration makes a new one. */
async function rerunPan(context: PneContext, link: PeerLink, pnId: PnId): Promise<void> {
  const stored = context.keys.stored(pnId, link.peer as EntityId);
  if (stored === undefined || link.hasPan(pnId)) return;
  try {
    await openPanSession(context, link, pnId, stored);
  } catch (error) {
    if (link.signal.aborted) throw error;
    context.logger.info('the PAN session could not be renewed; registering for a new LocalEUKey', { pn: pnId, why: describeError(error) });
  } finally {
    stored.key.erase();
  }
}

/** Repeats with growing pauses while the link lasts; ends when the server has spoken. */
export async function registerUntilDone(context: PneContext, link: PeerLink, pnId: PnId): Promise<void> {
  const delays = retrySchedule(context.entropy, { firstMs: 2_000, maxMs: 30_000 });
  for (let failures = 0; ; ) {
    try {
      return await register(context, link, pnId);
    } catch (error) {
      if (link.signal.aborted || (error instanceof CpnsError && error.code === 'NotInPn')) return;
      failures += 1;
      context.logger.info('registration failed', { pn: pnId, failures, why: describeError(error) });
      if (context.state.pn(pnId) === undefined && failures >= MAX_FAILURES_UNKNOWN) return;
    }
    try {
      await sleep(context.clock, 1_000 + delays.next().value, link.signal);
    } catch {
      return;
    }
  }
}

/** Compares with the server itself; what is newer there comes as Inventory Notice. */
async function askServer(context: PneContext, pnId: PnId): Promise<void> {
  const record = context.state.pn(pnId);
  const session = context.sessions.get(pnId);
  if (record === undefined || session === undefined) return;
  await session
    .request(
      reconcile,
      {
        pns: [{ pnId: pnIdOctets(pnId), inventoryVersion: record.inventoryVersion, pnKeyEpoch: record.pnKeyEpoch, state: PneState.Member }],
      },
      [reconcileResponse],
    )
    .catch((error) => context.logger.info('the server did not compare inventories', { pn: pnId, why: describeError(error) }));
}
