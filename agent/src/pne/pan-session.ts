import type { PnId } from '@cpns/shared';
import { panHandshake1, panHandshake2, panHandshake3, panHandshake4 } from '@cpns/shared/messages';
import { PanHandshakeInitiator } from '@cpns/shared/security';
import { pnIdOctets } from '../entity/device-state.js';
import type { LocalEuKey } from '../entity/local-eu-keys.js';
import { LINK, type PeerLink } from '../entity/peer-link.js';
import { HOP_TIMEOUT_MS, type PneContext } from './pne-context.js';

/**
 * Mutual authentication and session key sharing with the PN GW under a LocalEUKey (seed 003 6.6.1.1 step 6; security 1.5). From its
 * end on, traffic of that PN on this link uses the new session alone.
 * @throws CpnsError Auth/PanHandshakeFailed, State/Refused (the gateway holds no such key), Timeout
 */
export async function openPanSession(
  context: PneContext,
  link: PeerLink,
  pnId: PnId,
  { key, header }: LocalEuKey,
  signal: AbortSignal = link.signal,
): Promise<void> {
  const { provider, entropy, clock } = context;
  const run = new PanHandshakeInitiator({ provider, entropy, clock, localEuKey: key, header, linkType: link.technology });
  const octets = pnIdOctets(pnId);
  const options = { timeoutMs: HOP_TIMEOUT_MS, signal };
  try {
    const second = await link.exchange.request(
      panHandshake1,
      { pnId: octets, ...run.start(), headerHash: provider.sha256(header) },
      [panHandshake2],
      LINK,
      options,
    );
    const { hashPneL } = run.answer(second.body);
    const fourth = await link.exchange.request(panHandshake3, { pnId: octets, hashPneL }, [panHandshake4], LINK, options);
    link.addPan(pnId, run.finish(fourth.body));
  } catch (error) {
    run.abort();
    throw error;
  }
}
