import type { EntityId, SgId } from '@cpns/shared';
import { type BodyOf, encodeEnvelope, sgData } from '@cpns/shared/messages';
import { parseMessage, toHex } from '@cpns/shared/security';
import type { EnablerContext } from '../context.js';
import { TRANSACTION_OCTETS } from '../downlink.js';
import type { Incoming } from '../incoming.js';
import { putRoutes, type RoutedGroup } from './notices.js';
import { sgIdOf } from './place.js';

/**
 * A message to a group, which nobody here can read: it goes once to every other PN GW with members. One whose sender is no member behind
 * the PN GW that brings it is dropped, or an insider could silence a member in its name (security 1.8).
 */
export async function passGroupMessage(context: EnablerContext, incoming: Incoming<BodyOf<typeof sgData>>): Promise<void> {
  const { inventory, sessions, downlink, entropy, logger } = context;
  const { body, sender: gateway } = incoming;
  const sgId = sgIdOf(body.sgId);
  const member = inventory.reads.groups.member(sgId, body.from);
  if (member?.gateway !== gateway) {
    logger.info('a group message was dropped: its sender is no member behind that PN GW', { group: sgId, from: body.from, gateway });
    return correct(context, sgId, gateway);
  }
  const { header } = parseMessage(body.message);
  if (header.idSender !== body.from || toHex(header.scope) !== sgId) {
    logger.notice('a group message was dropped: it names another sender or group within', { group: sgId, from: body.from, gateway });
    return;
  }
  const envelope = encodeEnvelope(sgData, entropy.bytes(TRANSACTION_OCTETS), '', body);
  for (const { gateway: other } of inventory.reads.groups.gateways(sgId)) {
    if (other === gateway) continue;
    const way = sessions.current(other, '');
    if (way !== undefined && downlink.reaches(way)) void downlink.send(way, envelope, false);
  }
}

/** A PN GW that believes in members whom it does not have gets the truth. */
async function correct(context: EnablerContext, sgId: SgId, gateway: EntityId): Promise<void> {
  if (!context.limits.hint(gateway)) return;
  await context.inventory.transact((tx) => {
    const nowhere: RoutedGroup = { sgId, name: '', owner: undefined, epoch: 0, version: Number.MAX_SAFE_INTEGER };
    const group = tx.groups.find(sgId);
    putRoutes(context, tx, group ?? nowhere, gateway);
  });
}
