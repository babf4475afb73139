import { describeError, type EntityId, type SgId } from '@cpns/shared';
import { type BodyOf, encodeEnvelope, sgData } from '@cpns/shared/messages';
import { parseMessage, toHex } from '@cpns/shared/security';
import type { NewKeptMessage } from '../../inventory/kept-messages.js';
import type { EnablerContext } from '../context.js';
import { TRANSACTION_OCTETS } from '../downlink.js';
import type { Incoming } from '../incoming.js';
import type { Session } from '../session.js';
import { type Missing, named, type Sent } from './deliveries.js';
import { putRoutes, type RoutedGroup } from './notices.js';
import { sgIdOf } from './place.js';

/**
 * A message to a group, which nobody here can read: it goes once to every other PN GW with members, and is kept for those who cannot have
 * it now. One whose sender is no member behind the PN GW that brings it is dropped, or an insider could silence a member in its name
 * (security 1.8).
 */
export async function passGroupMessage(context: EnablerContext, incoming: Incoming<BodyOf<typeof sgData>>): Promise<void> {
  const { inventory, logger, entropy, downlink, clock } = context;
  const { body, sender: gateway } = incoming;
  const { message, from } = body;
  const sgId = sgIdOf(body.sgId);
  const member = inventory.reads.groups.member(sgId, from);
  if (member?.gateway !== gateway) {
    logger.info('a group message was dropped: its sender is no member behind that PN GW', { group: sgId, from, gateway });
    return correct(context, sgId, gateway);
  }
  const { header, sealed } = parseMessage(message);
  if (header.idSender !== from || toHex(header.scope) !== sgId) {
    logger.notice('a group message was dropped: it names another sender or group within', { group: sgId, from, gateway });
    return;
  }
  const epoch = Number(header.epoch);
  const isKept = isReceived(context, sgId, epoch) && member.joinedEpoch <= epoch;
  const headerOctets = message.length - sealed.length;
  const kept = { place: inventory.reads.kept.nextPlace(), sgId, epoch, message, headerOctets, receivedMs: clock.wallMs() };
  const transaction = entropy.bytes(TRANSACTION_OCTETS);
  const envelope = encodeEnvelope(sgData, transaction, '', { sgId: body.sgId, from, message });
  const sentTo = (of: EntityId, inTransaction: Uint8Array): Sent => ({
    gateway: of,
    transaction: inTransaction,
    octets: message.length,
    said: (missing) => keepLater(context, from, kept, [of, missing]),
  });
  const unreached: EntityId[] = [];
  for (const { gateway: other } of inventory.reads.groups.gateways(sgId)) {
    if (other === gateway) continue;
    const way = wayTo(context, other);
    if (way === undefined) unreached.push(other);
    else {
      if (isKept) context.deliveries.expect(sentTo(other, transaction));
      void downlink.send(way, envelope, false);
    }
  }
  if (!isKept) return;
  context.deliveries.heed(sentTo(gateway, incoming.envelope.transaction));
  await keepMessage(context, from, kept, [[gateway, named(body.missing ?? [])], ...unreached.map((other) => [other, undefined] as const)]);
}

function wayTo({ sessions, downlink }: EnablerContext, gateway: EntityId): Session | undefined {
  const way = sessions.current(gateway, '');
  return way !== undefined && downlink.reaches(way) ? way : undefined;
}

/** The receivers still take messages of that epoch. */
function isReceived({ inventory, formerKeys }: EnablerContext, sgId: SgId, epoch: number): boolean {
  return inventory.reads.groups.find(sgId)?.epoch === epoch || formerKeys.isReceived(sgId, epoch);
}

/** What a PN GW said of a message, or that it said nothing. */
type Said = readonly [gateway: EntityId, missing: Missing];

function keepLater(context: EnablerContext, sender: EntityId, message: Omit<NewKeptMessage, 'members'>, said: Said): void {
  keepMessage(context, sender, message, [said]).catch((error) =>
    context.logger.warn('a group message could not be kept', { group: message.sgId, why: describeError(error) }),
  );
}

/** Keeps a message for the members behind those PN GWs that have not got it; a PN GW speaks for nobody else. Durable when it resolves. */
async function keepMessage(
  { inventory, limits, formerKeys, logger }: EnablerContext,
  sender: EntityId,
  message: Omit<NewKeptMessage, 'members'>,
  said: readonly Said[],
): Promise<void> {
  const { sgId, epoch } = message;
  const members = said.flatMap(([gateway, missing]) => {
    if (missing?.length === 0) return [];
    const behind = inventory.reads.groups.membersBehind(sgId, gateway).map(({ entityId }) => entityId);
    return behind.filter((entityId) => entityId !== sender && (missing === undefined || missing.includes(entityId)));
  });
  if (members.length === 0) return;
  if (!limits.groupKept(sender, members.length)) {
    logger.info('a group message was not kept: its sender has more kept than it may', {
      group: sgId,
      from: sender,
      members: members.length,
    });
    return;
  }
  await inventory.transact((tx) => {
    const formerKey = formerKeys.sealed(sgId, epoch);
    if (tx.groups.find(sgId)?.epoch !== epoch && formerKey === undefined) return;
    tx.kept.keep({ ...message, members });
    if (formerKey !== undefined) tx.kept.putKeyAside(sgId, epoch, formerKey);
  });
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
