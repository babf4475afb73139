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
export async function openPanSession(context: PneContext, link: PeerLink, pnId: PnId, { key, header }: LocalEuKey): Promise<void> {
  const { provider, entropy, clock } = context;
  const run = new PanHandshakeInitiator({ provider, entropy, clock, localEuKey: key, header, linkType: link.technology });
  const octets = pnIdOctets(pnId);
  const options = { timeoutMs: HOP_TIMEOUT_MS, signal: link.signal };
  try {
    const first = { pnId: octets, ...run.start(), headerHash: provider.sha256(header) };
    const second = await link.exchange.request(panHandshake1, first, [panHandshake2], LINK, options);
    const third = { pnId: octets, ...run.answer(second.body) };
    // The gateway's next frame may be a record of the new session already.
    await link.exchange.request(panHandshake3, third, [panHandshake4], LINK, options, (fourth) =>
      link.addPan(pnId, run.finish(fourth.body)),
    );
  } finally {
    run.abort();
  }
}
