import { describeError, type PnId } from '@cpns/shared';
import { capabilitiesConfirmation, capabilitiesUpdate, contents, toOctets } from '@cpns/shared/messages';
import { toHex } from '@cpns/shared/security';
import type { PneContext } from './pne-context.js';

/** Contents for the hello of a run, where the server does not know them as they are; absent when there is nothing to say. */
export function contentsForHello({ contents: source, state, identity }: PneContext, pnId: PnId | undefined) {
  const offered = source.list();
  const known = pnId && state.pn(pnId)?.members.find(({ entityId }) => entityId === identity.id)?.contents;
  return offered.length > 0 || known !== undefined ? { contents: offered } : {};
}

/** Tells the server what this device offers, where the PN Inventory says something else (protocol 0.19). Never rejects. */
export async function updateOffer(context: PneContext, pnId: PnId): Promise<void> {
  const { identity, sessions, state, logger } = context;
  const session = sessions.get(pnId);
  const record = state.pn(pnId);
  if (session === undefined || record === undefined) return;
  const offered = toOctets(contents, context.contents.list());
  const known = toOctets(contents, record.members.find(({ entityId }) => entityId === identity.id)?.contents ?? []);
  if (toHex(offered) === toHex(known)) return;
  try {
    await session.request(capabilitiesUpdate, { capabilities: context.capabilities(), contents: offered }, [capabilitiesConfirmation]);
  } catch (error) {
    logger.info('the server was not told what this device offers', { pn: pnId, why: describeError(error) });
  }
}
